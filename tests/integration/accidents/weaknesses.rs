//! Where configuration and roles behave better than the method they replace. The number in a name is that
//! of the known weakness.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{Aws, Credentials, Entity, Fault, LoginOptions, OTHER_ACCOUNT, WebIdentity, sign_login};
use testkit::host::{
    Answer, Flavor, HostView, Launch, MemoryStorage, MountOptions, PERFORMANCE_SECONDARY,
    PERFORMANCE_STANDBY, READ_ONLY,
};
use testkit::stage::{Setting, Stage};

const CLIENT: &str = "config/client";
const BOTH: &str = "mutually exclusive fields rotation_schedule and rotation_period were both specified; only one of them can be provided";

/// A mount that wants no server id.
async fn stage(launch: Launch) -> Stage {
    stage_of(Stage::set(launch).await).await
}

async fn stage_of(setting: Setting) -> Stage {
    setting.server_user("vault").configured(json!({"iam_server_id_header_value": null})).await
}

/// Writes the role `x`, for which a principal must be looked up.
async fn bind(stage: &Stage, arn: &str) -> Answer {
    stage.mount.write("role/x", &json!({"auth_type": "iam", "bound_iam_principal_arn": arn})).await
}

fn keys_of(credentials: &Credentials) -> Value {
    json!({"access_key": credentials.access_key_id, "secret_key": credentials.secret_access_key})
}

fn unresolved(arn: &str, cause: &str) -> String {
    format!("unable to resolve ARN \"{arn}\" to internal ID: {cause}")
}

fn not_the_default(account: &str, default: &str) -> String {
    format!(
        "unable to fetch client for account ID \"{account}\" -- default client is for account \"{default}\""
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_one_account_never_answers_for_another_b1() {
    let stage = stage(under_test::open_bao()).await;
    let here = stage.aws.create_role("app");
    let there = stage.aws.create_role(Entity::named("app").account(OTHER_ACCOUNT));
    bind(&stage, &here.arn).await.expect(204);
    let cause = not_the_default(OTHER_ACCOUNT, &stage.server_user.entity.account);
    assert_eq!(bind(&stage, &there.arn).await.expect(400).error(), unresolved(&there.arn, &cause));
    assert_eq!(stage.aws.call_count("GetRole"), 1);

    // Two accounts that are reached through one role of a third: each has a client of its own, and
    // neither takes the name of its role for the one of the account that answers.
    let look_up = stage.aws.create_role("look-up");
    let third = "333344445555";
    for account in [OTHER_ACCOUNT, third] {
        stage
            .mount
            .write(&format!("config/sts/{account}"), &json!({"sts_role": look_up.arn}))
            .await
            .expect(204);
        let arn = format!("arn:aws:iam::{account}:role/app");
        let answers = &stage.server_user.entity.account;
        let cause = format!("the role for account ID \"{account}\" looks into account \"{answers}\"");
        assert_eq!(bind(&stage, &arn).await.expect(400).error(), unresolved(&arn, &cause));
    }
    assert_eq!(stage.aws.call_count("AssumeRole"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_read_as_they_are_stored_b2() {
    let stage = stage(under_test::open_bao()).await;
    let role = json!({"auth_type": "ec2", "bound_ami_id": "ami-1"});
    stage.mount.write("role/Mixed", &role).await.expect(204);
    let mut stored = stage.mount.storage().json("role/mixed").unwrap();
    stage.mount.read("role/mixed").await.expect(200);
    stored["bound_ami_id_list"] = json!(["ami-2"]);
    stage.mount.storage().put_json("role/mixed", &stored);
    stage.mount.invalidate("role/mixed").await.unwrap();
    assert_eq!(stage.mount.read("role/MIXED").await.expect(200).data["bound_ami_id"], json!(["ami-2"]));
    stage.mount.delete("role/MIXED").await.expect(204);
    stage.mount.read("role/mixed").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_alone_is_stored_b3() {
    let stage = stage(under_test::vault()).await;
    for (field, value, stored) in [
        ("rotation_period", json!("24h"), json!(86_400_000_000_000_i64)),
        ("disable_automated_rotation", json!(true), json!(true)),
        ("rotation_period", json!(0), json!(0)),
        ("rotation_schedule", json!("0 3 * * 6"), json!("0 3 * * 6")),
        ("disable_automated_rotation", json!(false), json!(false)),
        ("identity_token_ttl", json!(1800), json!(1_800_000_000_000_i64)),
        ("role_arn", json!("arn:aws:iam::1:role/r"), json!("arn:aws:iam::1:role/r")),
        ("access_key", json!(""), json!("")),
        ("identity_token_audience", json!("sts"), json!("sts")),
        ("identity_token_audience", json!(""), json!("")),
    ] {
        stage.write_config(&json!({field: value})).await;
        assert_eq!(stage.stored_config()[field], stored, "{field}");
    }
    let window = json!({"rotation_schedule": "0 4 * * 6", "rotation_window": 3600});
    stage.write_config(&window).await;
    assert_eq!(stage.stored_config()["rotation_window"], json!(3_600_000_000_000_i64));
}

/// AWS, and a mount that proves itself by tokens of its host, in a process that has keys as well.
async fn workload_identity() -> (Stage, String) {
    let aws = Aws::start().await;
    let other = aws.create_user("of-the-environment").credentials;
    let launch = under_test::vault()
        .env("AWS_ACCESS_KEY_ID", other.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", other.secret_access_key);
    let stage = stage_of(Stage::set_with(aws, launch)).await;
    let role = stage.aws.create_role("server");
    for (token, audience) in [("header.claims.signature", "one"), ("another.token.signature", "two")] {
        stage.aws.register_web_identity(WebIdentity {
            token: token.to_owned(),
            role_arn: role.arn.clone(),
            subject: "plugin-identity:aws".to_owned(),
            audience: audience.to_owned(),
            provider: "https://vault.example".to_owned(),
        });
    }
    let fields =
        json!({"access_key": "", "secret_key": "", "role_arn": role.arn, "identity_token_audience": "one"});
    stage.write_config(&fields).await;
    (stage, role.arn)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_workload_identity_is_in_force_at_once_b3() {
    let (stage, _) = workload_identity().await;
    let app = stage.aws.create_role("app");
    let tokens = || {
        let calls = stage.aws.calls("AssumeRoleWithWebIdentity");
        calls.iter().map(|call| call.parameter("WebIdentityToken").unwrap()).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        bind(&stage, &app.arn).await.expect(204);
    }
    assert_eq!(tokens(), ["header.claims.signature"], "once for all calls");
    stage
        .mount
        .system_view()
        .update(|values| values.identity_token = Some(Ok("another.token.signature".to_owned())));
    stage.write_config(&json!({"identity_token_audience": "two", "identity_token_ttl": 900})).await;
    bind(&stage, &app.arn).await.expect(204);
    assert_eq!(tokens(), ["header.claims.signature", "another.token.signature"]);
    let asked = stage.mount.system_view().identity_tokens();
    let last = asked.last().unwrap();
    assert_eq!((last.audience.as_str(), last.ttl.as_secs()), ("two", 900));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_audience_nothing_but_the_identity_token_counts_b25() {
    let (stage, _) = workload_identity().await;
    let app = stage.aws.create_role("app");
    stage
        .mount
        .system_view()
        .update(|values| values.identity_token = Some(Err("no key to sign with".to_owned())));
    let answer = bind(&stage, &app.arn).await.expect(400);
    let cause = "failed to generate plugin identity token: ";
    assert!(answer.error().starts_with(&unresolved(&app.arn, cause)), "{}", answer.error());
    assert!(answer.error().contains("no key to sign with"), "{}", answer.error());
    assert_eq!(stage.aws.total_calls(), 0, "neither the keys of the environment nor others were tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_tokens_are_exchanged_at_the_configured_endpoint_b26() {
    let (stage, role_arn) = workload_identity().await;
    let app = stage.aws.create_role("app");
    bind(&stage, &app.arn).await.expect(204);
    let exchange = stage.aws.calls("AssumeRoleWithWebIdentity").pop().expect("an exchange at the stand-in");
    assert_eq!(exchange.parameter("RoleArn"), Some(role_arn));
    assert_eq!(exchange.header("Host"), Some(stage.aws.address().to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_account_is_in_force_at_once_b4() {
    let stage = stage(under_test::open_bao()).await;
    let path = format!("config/sts/{OTHER_ACCOUNT}");
    let look_up = stage.aws.create_role(Entity::named("look-up").account(OTHER_ACCOUNT));
    let app = stage.aws.create_role(Entity::named("app").account(OTHER_ACCOUNT));
    for id in ["number-one", "number-two"] {
        stage.aws.require_external_id(&look_up, Some(id));
        stage.mount.write(&path, &json!({"sts_role": look_up.arn, "external_id": id})).await.expect(204);
        bind(&stage, &app.arn).await.expect(204);
    }
    let ids =
        stage.aws.calls("AssumeRole").iter().map(|call| call.parameter("ExternalId")).collect::<Vec<_>>();
    assert_eq!(ids, [Some("number-one".to_owned()), Some("number-two".to_owned())]);
    stage.mount.delete(&path).await.expect(204);
    let cause = not_the_default(OTHER_ACCOUNT, &stage.server_user.entity.account);
    assert_eq!(bind(&stage, &app.arn).await.expect(400).error(), unresolved(&app.arn, &cause));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_retries_is_in_force_at_once_b5() {
    let stage = stage(under_test::open_bao()).await;
    let app = stage.aws.create_role("app");
    for (retries, calls, status) in [(0, 1, 400), (1, 2, 204)] {
        stage.write_config(&json!({"max_retries": retries})).await;
        stage.aws.clear_calls();
        stage.aws.fault("GetRole", 1, Fault::throttling());
        bind(&stage, &app.arn).await.expect(status);
        assert_eq!(stage.aws.call_count("GetRole"), calls);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_of_a_partition_is_always_asked_in_the_same_region_b27() {
    let stage = stage(under_test::open_bao()).await;
    for (partition, region) in [
        ("aws", "us-east-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
        ("aws-eusc", "eusc-de-east-1"),
    ] {
        let user = stage.aws.create_user(Entity::named(&format!("of-{partition}")).partition(partition));
        stage.write_config(&keys_of(&user.credentials)).await;
        stage.aws.clear_calls();
        bind(&stage, &user.arn).await.expect(204);
        let regions = stage.aws.all_calls().into_iter().map(|call| call.region).collect::<Vec<_>>();
        assert_eq!(regions, [region, region], "{partition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_makes_no_role_id_b30() {
    let storage = MemoryStorage::new();
    let old =
        json!({"version": 2, "auth_type": "iam", "bound_iam_principal_arn_list": ["arn:aws:iam::1:user/*"]});
    storage.put_json("role/old", &old);
    storage.set_read_only(true);
    let view = HostView::new(Flavor::OpenBao, "2.7.2");
    view.update(|values| values.replication_state = PERFORMANCE_SECONDARY);
    let host = under_test::host().await;
    let options = MountOptions {
        storage: Some(Arc::clone(&storage)),
        system_view: Some(view),
        ..MountOptions::default()
    };
    let mount = host.mount("aws", options).await;
    assert_eq!(mount.read("role/old").await.expect(500).error(), READ_ONLY);
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    storage.put_json(CLIENT, &json!({"sts_endpoint": aws.url()}));
    mount.invalidate(CLIENT).await.unwrap();
    let login = sign_login(&user.credentials, &LoginOptions::vault_cli().role("old"));
    let answer = mount.login_only(&serde_json::to_value(login).unwrap()).await.expect(500);
    assert_eq!(answer.error(), READ_ONLY);
    assert_eq!(storage.json("role/old").unwrap(), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_and_period_are_never_both_stored_b32() {
    let stage = stage(under_test::vault()).await;
    for (first, second) in [
        (json!({"rotation_schedule": "0 3 * * 6"}), json!({"rotation_period": 3600})),
        (
            json!({"rotation_schedule": "", "rotation_period": 3600}),
            json!({"rotation_schedule": "0 3 * * 6"}),
        ),
    ] {
        stage.write_config(&first).await;
        let (stored, jobs) = (stage.stored_config(), stage.mount.system_view().registered_jobs());
        assert_eq!(stage.mount.write(CLIENT, &second).await.expect(400).error(), BOTH);
        assert_eq!(stage.stored_config(), stored);
        assert_eq!(stage.mount.system_view().registered_jobs(), jobs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_does_not_ask_aws_for_a_role_b35() {
    let stage = stage(under_test::open_bao()).await;
    for state in [PERFORMANCE_STANDBY, PERFORMANCE_SECONDARY] {
        stage.mount.system_view().update(|values| values.replication_state = state);
        assert_eq!(bind(&stage, &stage.server_user.arn).await.expect(500).error(), READ_ONLY);
    }
    assert_eq!(stage.aws.total_calls(), 0);
    assert_eq!(stage.mount.storage().get("role/x"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_configuration_leaves_no_rotation_job_b36() {
    let stage = stage(under_test::vault()).await;
    let view = stage.mount.system_view();
    stage.mount.delete(CLIENT).await.expect(204);
    assert_eq!(view.calls("DeregisterRotationJob"), 0, "there was none");
    stage.write_config(&json!({"rotation_period": 3600})).await;
    let job = view.registered_jobs().pop().unwrap();
    assert_eq!(
        (job.mount_point.as_str(), job.path.as_str(), job.rotation_period),
        ("auth/aws/", CLIENT, 3600)
    );
    stage.mount.delete(CLIENT).await.expect(204);
    let gone = view.deregistered_jobs().pop().unwrap();
    assert_eq!((gone.mount_point.as_str(), gone.req_path.as_str()), ("auth/aws/", CLIENT));

    // What cannot be deregistered is not deleted.
    stage.write_config(&json!({"rotation_period": 3600})).await;
    view.update(|values| values.rotation_error = "busy".to_owned());
    let answer = stage.mount.delete(CLIENT).await.expect(400);
    assert!(answer.error().starts_with("error deregistering rotation job: "), "{}", answer.error());
    assert_eq!(stage.stored_config()["rotation_period"], json!(3_600_000_000_000_i64));
}
