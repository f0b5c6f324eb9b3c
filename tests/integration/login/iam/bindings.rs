//! Which principals a role admits, and what that costs.

use serde_json::json;

use crate::login::hints::no_role_named;
use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, Fault, LoginOptions, sign_login};
use testkit::stage::{SERVER_ID, with};

fn not_bound(arn: &str, role: &str) -> String {
    format!("IAM Principal \"{arn}\" does not belong to the role \"{role}\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_is_named_or_follows_from_the_principal() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user(Entity::named("valid-role").path("/team/"));
    let app = stage.aws.create_role(Entity::named("App").path("/jobs/"));
    stage.role_for("valid-role", "arn:aws:iam::111122223333:user/valid-role").await;
    stage.role_for("app", "arn:aws:iam::111122223333:role/App").await;

    let auth = stage.admitted(&user.credentials, "").await;
    assert_eq!(auth.display_name, "valid-role", "vector 68");
    let names: Vec<&str> = auth.metadata.keys().map(String::as_str).collect();
    assert_eq!(names, ["account_id", "auth_type", "role_id"], "vector 68");
    assert_eq!(auth.alias.unwrap().name, auth.metadata["role_id"], "vector 68");

    let session = stage.aws.session(&app, "s1");
    let auth = stage.admitted(&session.credentials, "").await;
    assert_eq!(auth.display_name, "App/s1", "vector 69");
    let internal: serde_json::Value = serde_json::from_str(&auth.internal_data).unwrap();
    assert_eq!(internal["role_name"], "App", "the name is told as it was found");

    // Stored names are lower-case; any spelling finds them.
    for spelling in ["app", "APP", "App"] {
        stage.admitted(&session.credentials, spelling).await;
    }
    assert_eq!(stage.refused(&user.credentials, "nope").await, "entry for role nope not found", "vector 70");
    assert_eq!(stage.refused(&user.credentials, "No.Pe").await, "entry for role No.Pe not found");
    let stranger = stage.aws.create_user("stranger");
    assert_eq!(
        stage.refused(&stranger.credentials, "").await,
        format!(
            "entry for role stranger not found; {}",
            no_role_named("the name of the principal", "stranger")
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_the_other_type_is_refused_after_its_addresses() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    let ec2 = json!({"auth_type": "ec2", "bound_ami_id": "ami-1"});
    stage.role("ec2", ec2.clone()).await;
    let text = stage.refused(&user.credentials, "EC2").await;
    assert_eq!(text, "auth method iam not allowed for role EC2", "vector 71");

    stage.role("ec2", json!({"token_bound_cidrs": "10.0.0.0/8"})).await;
    let answer = stage.login(&user.credentials, "ec2").await;
    assert_eq!((answer.status, answer.error()), (403, "permission denied"), "the address comes first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exact_principal_is_bound_by_its_unique_id() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user(Entity::named("valid-role").path("/team/"));
    stage.role("r", json!({"bound_iam_principal_arn": user.arn})).await;
    let stored = stage.mount.storage().json("role/r").unwrap();
    assert_eq!(stored["bound_iam_principal_id_list"], json!([user.unique_id]));
    stage.admitted(&user.credentials, "r").await;
    assert_eq!(stage.aws.total_calls(), 1, "vector 73: only the forwarded request");

    // Renamed and moved it is still the same principal.
    stage.aws.move_user(&user, "renamed", "/other/");
    stage.admitted(&user.credentials, "r").await;

    // Made again under the same name it is another one.
    let again = stage.aws.recreate_user(&user);
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/team/valid-role");
    assert_eq!(stage.refused(&again.credentials, "r").await, not_bound(&arn, "r"), "vector 75");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_unique_ids_the_canonical_arn_counts() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user(Entity::named("valid-role").path("/team/"));
    let role = stage.aws.create_role(Entity::named("App").path("/jobs/"));
    stage.role_for("r", &format!("arn:aws:iam::{ACCOUNT}:user/valid-role")).await;
    stage.admitted(&user.credentials, "r").await;
    assert_eq!(stage.aws.total_calls(), 1, "vector 74");

    stage.role_for("r", &format!("arn:aws:iam::{ACCOUNT}:user/VALID-ROLE")).await;
    assert_eq!(stage.refused(&user.credentials, "r").await, not_bound(&user.arn, "r"));
    // Neither the ARN with its path nor that of the session is the canonical one.
    stage.role_for("r", &user.arn).await;
    assert_eq!(stage.refused(&user.credentials, "r").await, not_bound(&user.arn, "r"));
    let session = stage.aws.session(&role, "s1");
    stage.role_for("r", &session.arn).await;
    assert_eq!(stage.refused(&session.credentials, "r").await, not_bound(&session.arn, "r"));
    stage.role_for("r", &format!("arn:aws:iam::{ACCOUNT}:role/App")).await;
    stage.admitted(&session.credentials, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_is_compared_with_the_full_arn() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user(Entity::named("valid-role").path("/team/"));
    let pattern = |text: &str| json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:{text}")});
    stage.role("valid-role", pattern("user/team/*")).await;
    stage.admitted(&user.credentials, "").await;
    assert_eq!(stage.aws.call_count("GetUser"), 1, "vector 76");
    assert_eq!(stage.aws.calls("GetUser")[0].parameter("UserName").as_deref(), Some("valid-role"));
    assert_eq!(stage.aws.calls("GetUser")[0].region, "us-east-1");
    stage.aws.clear_calls();
    stage.admitted(&user.credentials, "").await;
    assert_eq!(stage.aws.total_calls(), 1, "vector 76: the full ARN is known");

    stage.role("valid-role", pattern("user/other/*")).await;
    assert_eq!(stage.refused(&user.credentials, "").await, not_bound(&user.arn, "valid-role"), "vector 77");

    stage.role("valid-role", json!({"bound_iam_principal_arn": "*"})).await;
    assert_eq!(stage.refused(&user.credentials, "").await, not_bound(&user.arn, "valid-role"), "vector 78");
    assert_eq!(stage.aws.call_count("GetUser"), 1, "vector 78: looked up all the same");

    for matching in ["user/*", "user/team/valid-role*", "user/team/valid-*"] {
        stage.role("valid-role", pattern(matching)).await;
        stage.admitted(&user.credentials, "").await;
    }
    for matching in ["*team*", "**", "*:user/team/valid-role*"] {
        stage.role("valid-role", json!({"bound_iam_principal_arn": matching})).await;
        stage.admitted(&user.credentials, "").await;
    }
    // A star elsewhere is a letter like others.
    for literal in ["user/*/valid-role", "user/te*m/*"] {
        stage.role_for("literal", &format!("arn:aws:iam::{ACCOUNT}:{literal}")).await;
        assert_eq!(stage.refused(&user.credentials, "literal").await, not_bound(&user.arn, "literal"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_looked_up_as_its_role() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role(Entity::named("App").path("/jobs/"));
    let session = stage.aws.session(&role, "s1");
    stage.role("r", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/jobs/*")})).await;
    stage.admitted(&session.credentials, "r").await;
    let other = stage.aws.session(&role, "s2");
    stage.admitted(&other.credentials, "r").await;
    assert_eq!(stage.aws.call_count("GetRole"), 1, "one role, whatever its sessions are called");
    assert_eq!(stage.aws.calls("GetRole")[0].parameter("RoleName").as_deref(), Some("App"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_look_up_refuses_with_its_cause() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role("App");
    let user = stage.aws.create_user("dev");
    let session = stage.aws.session(&role, "s1");
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    let looking_up = |entity: &str| {
        format!("error looking up full ARN of entity &{{{entity}}} when attempting login for role \"r\": ")
    };
    let of_session = looking_up("aws 111122223333 assumed-role  App s1");
    let of_user = looking_up("aws 111122223333 user  dev ");

    stage.aws.fault("GetRole", 1, Fault::error(403, "AccessDenied", "not allowed"));
    let text = stage.refused(&session.credentials, "r").await;
    let cause = "error fetching role \"App\": AccessDenied: not allowed\n\tstatus code: 403, request id: ";
    assert!(text.starts_with(&format!("{of_session}{cause}")), "{text}");

    stage.aws.fault("GetUser", 1, Fault::error(404, "NoSuchEntity", "gone"));
    let text = stage.refused(&user.credentials, "r").await;
    let cause = "error fetching user \"dev\": NoSuchEntity: gone\n\tstatus code: 404, request id: ";
    assert!(text.starts_with(&format!("{of_user}{cause}")), "{text}");

    // IAM is asked by name, and names are given again: another id is another principal.
    for (name, value) in
        [("UserId", "AIDASOMEBODYELSE"), ("Arn", "arn:aws:iam::444455556666:user/dev"), ("Arn", "nonsense")]
    {
        stage.aws.fault("GetUser", 1, Fault::Replaced(name.to_owned(), value.to_owned()));
        let text = stage.refused(&user.credentials, "r").await;
        assert!(text.starts_with(&of_user), "{text}");
    }
    for (action, fault) in [("GetUser", Fault::Missing("Arn".to_owned())), ("GetUser", Fault::xml("<x/>"))] {
        stage.aws.fault(action, 1, fault);
        let text = stage.refused(&user.credentials, "r").await;
        let unreadable = format!("GetUser at {}: the answer could not be read", stage.aws.url());
        assert_eq!(text, format!("{of_user}error fetching user \"dev\": {unreadable}"));
    }
    // None of that is remembered.
    stage.admitted(&user.credentials, "r").await;
    stage.admitted(&session.credentials, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_partition_has_no_region() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws-foo:iam::*"})).await;
    let arn = "arn:aws-foo:iam::111122223333:user/dev".to_owned();
    stage.aws.fault("GetCallerIdentity", 1, Fault::Replaced("Arn".to_owned(), arn));
    assert_eq!(
        stage.refused(&user.credentials, "r").await,
        "error looking up full ARN of entity &{aws-foo 111122223333 user  dev } when attempting login for role \"r\": \
         unable to resolve partition \"aws-foo\" to a region",
        "vector 80"
    );
    assert_eq!(stage.aws.total_calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_of_look_ups_is_that_of_the_partition() {
    let stage = under_test::stage().await;
    for (partition, region) in [("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-north-1")] {
        let server =
            stage.aws.create_user(Entity::named(partition).partition(partition).account("777788889999"));
        let user = Entity::named(&format!("dev-{partition}")).partition(partition).account("777788889999");
        let user = stage.aws.create_user(user.path("/x/"));
        let keys = json!({
            "access_key": server.credentials.access_key_id,
            "secret_key": server.credentials.secret_access_key,
        });
        stage.configure(keys).await;
        stage
            .role(
                "r",
                json!({"bound_iam_principal_arn": format!("arn:{partition}:iam::777788889999:user/x/*")}),
            )
            .await;
        let options = LoginOptions::vault_cli().server_id(SERVER_ID).region(region).role("r");
        let data = sign_login(&user.credentials, &options);
        let answer = stage.mount.login_only(&data).await;
        assert_eq!(answer.status, 200, "{partition}: {:?}", answer.errors);
        assert_eq!(stage.aws.calls("GetUser")[0].region, region);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_are_tried_as_often_as_is_configured() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    // Below zero is the default of four attempts.
    for (max_retries, attempts) in [(-1, 4), (0, 1), (5, 6)] {
        stage.configure(json!({"max_retries": max_retries})).await;
        for fault in [Fault::throttled(503, Some(0)), Fault::throttled(400, Some(0))] {
            stage.aws.clear_calls();
            stage.aws.fault("GetUser", attempts, fault.clone());
            stage.refused(&user.credentials, "r").await;
            assert_eq!(stage.aws.call_count("GetUser"), attempts, "{max_retries}: {fault:?}");
        }
    }
    stage.aws.fault("GetUser", 5, Fault::throttled(503, Some(0)));
    stage.admitted(&user.credentials, "r").await;
}

/// Through the API no such role can be written; storage may have one from elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_role_that_binds_nothing_admits_nobody() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    let session = stage.aws.session(&stage.aws.create_role("web"), "i-0123456789abcdef0");
    stage.instance("i-0123456789abcdef0");
    stage.role("r", json!({"bound_iam_principal_arn": user.arn})).await;
    let bound = stage.mount.storage().json("role/r").unwrap();
    let auth = stage.admitted(&user.credentials, "r").await;
    let none = json!({"bound_iam_principal_arn_list": [], "bound_iam_principal_id_list": null});
    let inferring = json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"});
    let by_id = |id: &str| with(&none, json!({"bound_iam_principal_id_list": [id]}));
    let refused = "nothing is bound by the role \"r\", so it admits nobody";
    for (changes, credentials, answer) in [
        (none.clone(), &user.credentials, Some(refused)),
        // What only instances are compared with binds nobody else.
        (with(&none, json!({"bound_ami_id_list": ["ami-1"]})), &user.credentials, Some(refused)),
        (with(&none, inferring), &session.credentials, Some(refused)),
        (by_id(&user.unique_id), &user.credentials, None),
    ] {
        stage.mount.storage().put_json("role/r", &with(&bound, changes.clone()));
        stage.mount.invalidate("role/r").await.unwrap();
        match answer {
            Some(text) => assert_eq!(stage.refused(credentials, "r").await, text, "{changes}"),
            None => drop(stage.admitted(credentials, "r").await),
        }
    }
    let another = stage.refused(&stage.aws.create_user("eve").credentials, "r").await;
    assert!(another.ends_with("does not belong to the role \"r\""), "{another}");
    // Nor does it keep those whom it admitted while it bound them.
    stage.mount.storage().put_json("role/r", &with(&bound, none));
    stage.mount.invalidate("role/r").await.unwrap();
    stage.mount.renew(&auth).await.expect(500);
}
