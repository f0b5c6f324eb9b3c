//! Renewal of tokens of the iam type.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, InstanceState, User};
use testkit::proto::pb::Auth;
use testkit::stage::Stage;

const SECOND: i64 = 1_000_000_000;
const INSTANCE: &str = "i-0123456789abcdef0";

async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user(Entity::named("dev").path("/people/"));
    stage
        .role("dev", json!({"bound_iam_principal_arn": dev.arn, "token_ttl": "1h", "token_policies": "a"}))
        .await;
    (stage, dev)
}

/// A renewal that must fail; the text inside the host's.
async fn refused(stage: &Stage, auth: &Auth) -> String {
    let answer = stage.mount.renew(auth).await.expect(500);
    assert_eq!(answer.auth, None);
    answer.error().strip_prefix("failed to renew entry: ").expect("the host's prefix").to_owned()
}

fn with_internal(auth: &Auth, change: impl FnOnce(&mut Value)) -> Auth {
    let mut internal: Value = serde_json::from_str(&auth.internal_data).unwrap();
    change(&mut internal);
    Auth { internal_data: internal.to_string(), ..auth.clone() }
}

fn without_internal(auth: &Auth, name: &str) -> Auth {
    with_internal(auth, |internal| {
        internal.as_object_mut().unwrap().remove(name);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_s_present_times_count_and_all_else_stays() {
    let (stage, dev) = stage_with_dev().await;
    let auth = stage.admitted(&dev.credentials, "Dev").await;
    assert_eq!(auth.lease_options.as_ref().unwrap().ttl, 3600 * SECOND);
    let changed =
        json!({"token_ttl": "2h", "token_max_ttl": "3h", "token_period": "5m", "token_policies": "b"});
    stage.role("dev", changed).await;
    let renewed = stage.mount.renew(&auth).await.expect(200).auth.unwrap();
    let lease = renewed.lease_options.as_ref().unwrap();
    assert_eq!(
        (lease.ttl, lease.max_ttl, renewed.period),
        (7200 * SECOND, 10_800 * SECOND, 300 * SECOND),
        "vector 118"
    );
    assert_eq!(stage.aws.total_calls(), 0, "AWS is not asked");
    let lease = auth.lease_options.as_ref().unwrap();
    let issue_time = renewed.lease_options.as_ref().unwrap().issue_time;
    assert!(issue_time.as_ref().is_some_and(|time| time.seconds > 0), "the host's issue time comes back");
    let mut same = renewed.clone();
    same.lease_options = Some(*lease);
    same.period = auth.period;
    assert_eq!(same, auth, "policies, alias, metadata and the rest are what they were");

    // Times may become nothing again.
    stage.role("dev", json!({"token_ttl": 0, "token_max_ttl": 0, "token_period": 0})).await;
    let renewed = stage.mount.renew(&renewed).await.expect(200).auth.unwrap();
    let lease = renewed.lease_options.unwrap();
    assert_eq!((lease.ttl, lease.max_ttl, renewed.period), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_role_and_its_binding() {
    let (stage, dev) = stage_with_dev().await;
    let auth = stage.admitted(&dev.credentials, "Dev").await;
    let other = stage.aws.create_user("other");
    stage.role("dev", json!({"bound_iam_principal_arn": other.arn})).await;
    let text = format!("role \"Dev\" no longer bound to ARN \"arn:aws:iam::{ACCOUNT}:user/dev\"");
    assert_eq!(refused(&stage, &auth).await, text, "vector 112");
    stage.role("dev", json!({"bound_iam_principal_arn": [other.arn, dev.arn]})).await;
    stage.mount.renew(&auth).await.expect(200);

    stage.mount.delete("role/dev").await.expect(204);
    assert_eq!(refused(&stage, &auth).await, "role entry not found", "vector 111");
    // Made again, the role takes the token over: it is known by its name.
    stage.role("dev", json!({"bound_iam_principal_arn": dev.arn})).await;
    stage.mount.renew(&auth).await.expect(200);

    // Without unique ids the canonical ARN counts.
    stage.mount.delete("role/dev").await.expect(204);
    stage.role_for("dev", &format!("arn:aws:iam::{ACCOUNT}:user/dev")).await;
    stage.mount.renew(&auth).await.expect(200);
    stage.role_for("dev", &format!("arn:aws:iam::{ACCOUNT}:user/de")).await;
    assert_eq!(refused(&stage, &auth).await, text);

    // Neither addresses nor the type are looked at again.
    let unbound = json!({"auth_type": "ec2", "bound_ami_id": "ami-1", "token_bound_cidrs": "10.0.0.0/8"});
    stage.mount.delete("role/dev").await.expect(204);
    stage.role("dev", unbound).await;
    stage.mount.renew(&auth).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_is_compared_again() {
    let (stage, dev) = stage_with_dev().await;
    stage
        .role("w", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/people/*")}))
        .await;
    let auth = stage.admitted(&dev.credentials, "w").await;
    stage.aws.clear_calls();
    stage.mount.renew(&auth).await.expect(200);
    assert_eq!(stage.aws.total_calls(), 0, "the full ARN is known");
    stage.mount.invalidate("role/w").await.unwrap();
    stage.mount.renew(&auth).await.expect(200);
    assert_eq!(stage.aws.call_count("GetUser"), 1, "or looked up");

    stage.role("w", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/pets/*")})).await;
    let text = format!("role \"w\" no longer bound to ARN \"arn:aws:iam::{ACCOUNT}:user/dev\"");
    assert_eq!(refused(&stage, &auth).await, text);
    stage.role("w", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/*")})).await;
    stage.mount.renew(&auth).await.expect(200);

    // A principal that was made again under the same name is another one.
    stage.aws.recreate_user(&dev);
    stage.mount.invalidate("role/w").await.unwrap();
    let text = refused(&stage, &auth).await;
    let looking_up = format!(
        "error looking up full ARN of entity &{{aws {ACCOUNT} user  dev }} when updating login for role \"w\": "
    );
    assert!(text.starts_with(&looking_up), "{text}");
    let bad = with_internal(&auth, |internal| internal["canonical_arn"] = json!("nonsense"));
    assert_eq!(
        refused(&stage, &bad).await,
        "error parsing ARN \"nonsense\" when updating login for role \"w\": unrecognized arn: contains 1 colon-separated parts, expected 6"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_is_known_without_its_metadata() {
    let (stage, dev) = stage_with_dev().await;
    stage.mount.write("config/identity", &json!({"iam_metadata": "client_arn"})).await.expect(204);
    let auth = stage.admitted(&dev.credentials, "dev").await;
    assert_eq!(auth.metadata.get("auth_type"), None);
    stage.mount.renew(&auth).await.expect(200);

    let of_type = |kind: &str| {
        let mut auth = auth.clone();
        auth.metadata.insert("auth_type".to_owned(), kind.to_owned());
        auth
    };
    assert_eq!(refused(&stage, &of_type("x")).await, "unrecognized auth_type: \"x\"", "vector 114");
    stage.mount.renew(&of_type("iam")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_left_behind_must_be_there() {
    let (stage, dev) = stage_with_dev().await;
    let auth = stage.admitted(&dev.credentials, "dev").await;
    let missing = "\"canonical_arn\" not found in auth metadata";
    assert_eq!(refused(&stage, &without_internal(&auth, "canonical_arn")).await, missing);
    let nameless = "error retrieving role_name during renewal";
    assert_eq!(refused(&stage, &without_internal(&auth, "role_name")).await, nameless);
    let number = with_internal(&auth, |internal| internal["role_name"] = json!(1));
    assert_eq!(refused(&stage, &number).await, nameless);
    let number = with_internal(&auth, |internal| internal["canonical_arn"] = json!(1));
    let text = refused(&stage, &number).await;
    assert!(text.starts_with("unable to fetch \"canonical_arn\" from auth metadata due to "), "{text}");

    // Older tokens have the values in their metadata.
    let mut old = without_internal(&without_internal(&auth, "canonical_arn"), "client_user_id");
    old.metadata.insert("canonical_arn".to_owned(), format!("arn:aws:iam::{ACCOUNT}:user/dev"));
    old.metadata.insert("client_user_id".to_owned(), dev.unique_id.clone());
    stage.mount.renew(&old).await.expect(200);

    let answer = stage.mount.request("renew", "login", &Value::Null).send().await;
    assert_eq!((answer.status, answer.error()), (500, "failed to renew entry: request auth was nil"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_must_still_run() {
    let (stage, _) = stage_with_dev().await;
    let web = stage.aws.create_role("web");
    stage.instance(INSTANCE);
    let fields = json!({
        "bound_iam_principal_arn": web.arn, "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1", "bound_ami_id": "ami-0abcdef1234567890",
    });
    stage.role("web", fields).await;
    let auth = stage.admitted(&stage.aws.session(&web, INSTANCE).credentials, "web").await;
    stage.aws.clear_calls();
    stage.mount.renew(&auth).await.expect(200);
    assert_eq!((stage.aws.call_count("DescribeInstances"), stage.aws.total_calls()), (1, 1));
    // Only its state is looked at again, and where it was at the login.
    stage.role("web", json!({"bound_ami_id": "ami-1", "inferred_aws_region": "eu-west-1"})).await;
    stage.mount.renew(&auth).await.expect(200);
    assert_eq!(stage.aws.calls("DescribeInstances")[0].region, "us-east-1");

    stage.aws.set_instance_state(INSTANCE, InstanceState::Stopped);
    let text = format!("failed to verify instance ID \"{INSTANCE}\": instance is not in 'running' state");
    assert_eq!(refused(&stage, &auth).await, text);
    stage.aws.set_instance_state(INSTANCE, InstanceState::Running);
    for name in ["inferred_entity_id", "inferred_aws_region"] {
        let text = format!("\"{name}\" not found in auth metadata");
        assert_eq!(refused(&stage, &without_internal(&auth, name)).await, text);
    }
    // An empty account is nobody's.
    let mut nobody = without_internal(&auth, "account_id");
    stage.mount.renew(&nobody).await.expect(200);
    nobody.metadata.remove("account_id");
    let text = refused(&stage, &nobody).await;
    let whose = format!(
        "failed to verify instance ID \"{INSTANCE}\": unable to fetch client for account ID \"\" -- default client is for account \"{ACCOUNT}\""
    );
    assert_eq!(text, whose);
    stage.mount.storage().put_json("role/web", &json!({"version": 3, "inferred_entity_type": "lambda"}));
    stage.mount.invalidate("role/web").await.unwrap();
    assert_eq!(refused(&stage, &auth).await, "unrecognized entity_type in metadata: \"lambda\"");
}
