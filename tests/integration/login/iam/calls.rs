//! One call to STS per login, with the host's questions around it.

use serde_json::{Value, json};

use crate::login::hints::no_role_named;
use crate::under_test;
use testkit::aws::{Fault, LoginOptions, User, sign_login};
use testkit::host::MountOptions;
use testkit::stage::{SERVER_ID, Stage, with};

async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

fn sts_calls(stage: &Stage) -> usize {
    let calls = stage.aws.call_count("GetCallerIdentity");
    assert_eq!(stage.aws.total_calls(), calls);
    stage.aws.clear_calls();
    calls
}

async fn role_of(stage: &Stage, data: &Value) -> Value {
    stage.mount.resolve_role(data).await.expect(200).data["role"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_role_is_told_without_aws() {
    let (stage, dev) = stage_with_dev().await;
    let data = stage.login_data(&dev.credentials, "Dev");
    assert_eq!(role_of(&stage, &data).await, "dev", "folded, as it is stored");
    assert_eq!(sts_calls(&stage), 0);
    stage.mount.login_only(&data).await.expect(200);
    assert_eq!(role_of(&stage, &data).await, "dev");
    assert_eq!(sts_calls(&stage), 1);

    // The role need not exist, nor the request be any good.
    assert_eq!(role_of(&stage, &json!({"role": "Nope"})).await, "nope");
    assert_eq!(sts_calls(&stage), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_for_the_role_is_used_by_the_login() {
    let (stage, dev) = stage_with_dev().await;
    for _ in 0..3 {
        let data = stage.login_data(&dev.credentials, "");
        assert_eq!(role_of(&stage, &data).await, "dev");
        stage.mount.login_only(&data).await.expect(200);
        assert_eq!(sts_calls(&stage), 1, "one for question and login together");
        // It is used up: nothing else remembers a verified request.
        stage.mount.login_only(&data).await.expect(200);
        assert_eq!(sts_calls(&stage), 1);
        assert_eq!(role_of(&stage, &data).await, "dev");
        assert_eq!(sts_calls(&stage), 0, "the name of the login before");
        assert_eq!(role_of(&stage, &data).await, "dev");
        assert_eq!(sts_calls(&stage), 1);
        stage.mount.login_only(&data).await.expect(200);
        assert_eq!(sts_calls(&stage), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_after_its_login_is_answered_by_the_login() {
    let (stage, dev) = stage_with_dev().await;
    let data = stage.login_data(&dev.credentials, "");
    for time in ["at first", "the same bytes again", "and again"] {
        stage.mount.login_only(&data).await.expect(200);
        assert_eq!(role_of(&stage, &data).await, "dev");
        assert_eq!(sts_calls(&stage), 1, "{time}");
    }

    // What the login left behind admits nobody, asked for or not.
    for _ in 0..3 {
        stage.mount.login_only(&data).await.expect(200);
        assert_eq!(sts_calls(&stage), 1);
    }
    assert_eq!(role_of(&stage, &data).await, "dev");
    assert_eq!(sts_calls(&stage), 0);
    stage.mount.login_only(&data).await.expect(200);
    assert_eq!(sts_calls(&stage), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_answers_no_other_question() {
    let (stage, dev) = stage_with_dev().await;
    let data = stage.login_data(&dev.credentials, "");
    stage.mount.login_only(&data).await.expect(200);
    role_of(&stage, &with(&data, json!({"nonce": "x"}))).await;
    assert_eq!(sts_calls(&stage), 2, "other bytes");
    stage.mount.write("config/client", &json!({"max_retries": 1})).await.expect(204);
    role_of(&stage, &data).await;
    assert_eq!(sts_calls(&stage), 1, "another configuration");

    // The request is looked at before its answer is.
    let data = with(&data, json!({"nonce": "y"}));
    stage.mount.login_only(&data).await.expect(200);
    stage.mount.write("config/client", &json!({"iam_server_id_header_value": "other"})).await.expect(204);
    let answer = stage.mount.resolve_role(&data).await.expect(400);
    assert!(answer.error().starts_with("error validating X-Vault-AWS-IAM-Server-ID header: "));
    stage.mount.write("config/client", &json!({"iam_server_id_header_value": SERVER_ID})).await.expect(204);
    assert_eq!(sts_calls(&stage), 1);

    // A login that was refused leaves nothing.
    let nobody = stage.aws.create_user("nobody");
    let data = stage.login_data(&nobody.credentials, "");
    let refusal = stage.mount.login_only(&data).await.expect(400);
    assert!(refusal.error().starts_with("entry for role nobody not found"), "{refusal:?}");
    assert_eq!(role_of(&stage, &data).await, "nobody");
    assert_eq!(sts_calls(&stage), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_for_the_same_bytes_and_mount_only() {
    let (stage, dev) = stage_with_dev().await;
    let elsewhere = stage.host.mount("other", MountOptions::default()).await;
    for path in ["config/client", "role/dev"] {
        elsewhere.storage().put(path, stage.mount.storage().get(path).unwrap());
    }
    let data = stage.login_data(&dev.credentials, "");
    assert_eq!(role_of(&stage, &data).await, "dev");
    assert_eq!(sts_calls(&stage), 1);

    let spaced = data.to_string().replacen(':', ": ", 1);
    let answer = stage.mount.request("update", "login", &Value::Null).data_text(&spaced).send().await;
    assert_eq!((answer.status, sts_calls(&stage)), (200, 1), "the same data in other bytes");
    stage.mount.login_only(&with(&data, json!({"nonce": "x"}))).await.expect(200);
    assert_eq!(sts_calls(&stage), 1, "a field more");
    stage.mount.login_only(&with(&data, json!({"role": "dev"}))).await.expect(200);
    assert_eq!(sts_calls(&stage), 1, "a role");
    elsewhere.login_only(&data).await.expect(200);
    assert_eq!(sts_calls(&stage), 1, "another mount");
    stage.mount.login_only(&data).await.expect(200);
    assert_eq!(sts_calls(&stage), 0, "it was still there for its login");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_does_not_outlive_the_configuration() {
    let (stage, dev) = stage_with_dev().await;
    let data = stage.login_data(&dev.credentials, "");
    assert_eq!(role_of(&stage, &data).await, "dev");
    stage.mount.write("config/client", &json!({"max_retries": 1})).await.expect(204);
    stage.mount.login_only(&data).await.expect(200);
    assert_eq!(sts_calls(&stage), 2);

    assert_eq!(role_of(&stage, &data).await, "dev");
    stage.mount.write("config/client", &json!({"iam_server_id_header_value": "other"})).await.expect(204);
    let answer = stage.mount.login_only(&data).await.expect(400);
    assert!(answer.error().starts_with("error validating X-Vault-AWS-IAM-Server-ID header: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_not_remembered() {
    let (stage, dev) = stage_with_dev().await;
    let data = stage.login_data(&dev.credentials, "");
    stage.aws.fault("GetCallerIdentity", 1, Fault::error(403, "AccessDenied", "no"));
    let answer = stage.mount.resolve_role(&data).await.expect(400);
    assert!(answer.error().starts_with("error making upstream request: received error code 403 from STS: "));
    stage.mount.login_only(&data).await.expect(200);
    assert_eq!(sts_calls(&stage), 2);

    // The question meets the same checks as the login.
    for (data, text) in [
        (json!({}), "didn't supply required authentication values"),
        (with(&data, json!({"pkcs7": "x"})), "supplied auth values for both ec2 and iam auth types"),
        (with(&data, json!({"iam_request_body": ""})), "missing iam_request_body"),
    ] {
        assert_eq!(stage.mount.resolve_role(&data).await.expect(400).error(), text);
    }
    assert_eq!(sts_calls(&stage), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_behind_a_session_is_told() {
    let (stage, _) = stage_with_dev().await;
    let role = stage.aws.create_role("App");
    let session = stage.aws.session(&role, "s1");
    let data = stage.login_data(&session.credentials, "");
    assert_eq!(role_of(&stage, &data).await, "app", "the role need not be configured");
    assert_eq!(
        stage.mount.login_only(&data).await.expect(400).error(),
        format!("entry for role App not found; {}", no_role_named("the name of the principal", "App"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_at_the_same_time_share_nothing() {
    let (stage, dev) = stage_with_dev().await;
    let data = sign_login(&dev.credentials, &LoginOptions::hvac().server_id(SERVER_ID));
    assert_eq!(role_of(&stage, &data).await, "dev");
    let logins = (0..8).map(|_| {
        let (mount, data) = (stage.mount.clone(), data.clone());
        tokio::spawn(async move { mount.login_only(&data).await.status })
    });
    for login in logins.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap(), 200);
    }
    assert_eq!(sts_calls(&stage), 8, "one question and seven logins of their own");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_ahead_tells_the_alias_and_nothing_else() {
    let (stage, dev) = stage_with_dev().await;
    let look_ahead = async |role: &str| {
        let data = stage.login_data(&dev.credentials, role);
        stage.mount.request("alias-lookahead", "login", &data).send().await
    };
    let auth = look_ahead("").await.expect(200).auth.unwrap();
    let role_id = stage.mount.storage().json("role/dev").unwrap()["role_id"].clone();
    assert_eq!(auth.alias.unwrap().name, role_id);
    assert!(auth.policies.is_empty() && auth.metadata.is_empty() && auth.display_name.is_empty());
    assert_eq!(sts_calls(&stage), 1);

    assert_eq!(look_ahead("nope").await.expect(400).error(), "entry for role nope not found");
    stage.role("ec2", json!({"auth_type": "ec2", "bound_ami_id": "ami-1"})).await;
    assert_eq!(look_ahead("ec2").await.expect(400).error(), "auth method iam not allowed for role ec2");
    // It stops before the principal is looked at; the host gives it no address.
    stage.role("dev", json!({"bound_iam_principal_arn": "arn:aws:iam::1:user/x"})).await;
    assert_eq!(look_ahead("dev").await.status, 200);
    stage.role("dev", json!({"token_bound_cidrs": "127.0.0.0/8"})).await;
    assert_eq!(look_ahead("dev").await.expect(403).error(), "permission denied");
}
