//! `role/<name>/explain`: the checks of a login, without a login.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Fault, Instance, LoginOptions, User, sign_login};
use testkit::host::Mount;
use testkit::identity::{Signer, base64, pkcs7};
use testkit::stage::{SERVER_ID, Stage};

const INSTANCE: &str = "i-0123456789abcdef0";

/// The data of a login without its role.
fn payload(user: &User, options: LoginOptions) -> Value {
    let mut login = sign_login(&user.credentials, &options.role("dev"));
    login.as_object_mut().expect("an object").remove("role");
    login
}

fn signed(user: &User) -> Value {
    payload(user, LoginOptions::vault_cli().server_id(SERVER_ID))
}

async fn explained(mount: &Mount, role: &str, payload: &Value) -> Value {
    let answer = mount.write(&format!("role/{role}/explain"), payload).await.expect(200);
    assert_eq!((answer.auth, answer.warnings), (None, Vec::<String>::new()));
    answer.data
}

/// The checks by their verdicts.
fn verdicts(data: &Value) -> Vec<(&str, &str)> {
    let text = |check: &'_ Value, name: &str| -> String { check[name].as_str().expect("a text").to_owned() };
    let checks = data["checks"].as_array().expect("a list");
    checks
        .iter()
        .map(|check| {
            assert_eq!(text(check, "verdict") == "failed", !text(check, "code").is_empty(), "{check:#}");
            (check["check"].as_str().unwrap(), check["verdict"].as_str().unwrap())
        })
        .collect()
}

fn of<'a>(data: &'a Value, check: &str) -> &'a Value {
    let checks = data["checks"].as_array().expect("a list");
    checks.iter().find(|entry| entry["check"] == check).expect("the check")
}

async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_would_succeed_is_told_and_still_does() {
    let (stage, dev) = stage_with_dev().await;
    let login = signed(&dev);
    let before = stage.mount.storage().entries();
    let data = explained(&stage.mount, "DEV", &login).await;
    assert_eq!((&data["verdict"], &data["first_failure"]), (&json!("would log in"), &Value::Null));
    assert_eq!(
        verdicts(&data),
        [
            ("request", "passed"),
            ("server_id", "passed"),
            ("headers", "passed"),
            ("strict", "skipped"),
            ("request_age", "skipped"),
            ("evidence", "skipped"),
            ("single_use", "skipped"),
            ("sts", "passed"),
            ("role", "passed"),
            ("address", "passed"),
            ("auth_type", "passed"),
            ("binds_anything", "passed"),
            ("principal", "passed"),
            ("principal_tags", "skipped"),
            ("organization", "skipped"),
            ("instance", "skipped"),
            ("instance_bounds", "skipped"),
            ("identity", "passed"),
        ]
    );
    assert_eq!(of(&data, "sts")["aws_call"], "sts:GetCallerIdentity");
    assert_eq!(of(&data, "server_id")["wanted"], SERVER_ID);
    assert_eq!(of(&data, "principal")["wanted"], dev.arn);
    assert!(of(&data, "sts")["duration_ms"].is_u64());
    assert_eq!(stage.mount.storage().entries(), before);
    assert_eq!(stage.aws.call_count("GetCallerIdentity"), 1);
    let text = data.to_string();
    let headers = testkit::aws::login_headers(&login);
    let (_, authorization) = headers.iter().find(|(name, _)| name == "Authorization").expect("signed");
    let (_, signature) = authorization[0].split_once("Signature=").expect("a signature");
    assert!(!text.contains(signature) && !text.contains(&dev.credentials.secret_access_key), "{text}");

    let mut whole = login;
    whole["role"] = json!("dev");
    assert_eq!(stage.mount.login_only(&whole).await.status, 200);
    assert_eq!(stage.aws.call_count("GetCallerIdentity"), 2, "nothing of explain admits a login");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_depend_on_a_failure_is_looked_at_too() {
    let (stage, dev) = stage_with_dev().await;
    // Two faults before STS, which is then not asked.
    let options = LoginOptions::vault_cli().signed_header("X-Amz-Other", "x");
    let data = explained(&stage.mount, "dev", &payload(&dev, options)).await;
    assert_eq!(
        verdicts(&data)[..4],
        [("request", "passed"), ("server_id", "failed"), ("headers", "failed"), ("strict", "skipped")]
    );
    assert_eq!(data["first_failure"]["code"], "iam.server_id.missing");
    assert_eq!(stage.aws.total_calls(), 0, "what a login does not forward is not forwarded");

    // STS refuses, and there is no such role.
    stage.aws.fault("GetCallerIdentity", 1, Fault::error(403, "ExpiredToken", "expired"));
    let data = explained(&stage.mount, "nobody", &signed(&dev)).await;
    assert_eq!(verdicts(&data)[7..10], [("sts", "failed"), ("role", "failed"), ("address", "skipped")]);
    assert_eq!(data["first_failure"]["check"], "sts");
    assert_eq!(of(&data, "role")["code"], "login.role_unknown");

    // The principal is not bound, and its instance is not there either.
    let web = stage.aws.create_role("web");
    let session = stage.aws.session(&web, INSTANCE);
    let fields = json!({
        "bound_iam_principal_arn": dev.arn, "resolve_aws_unique_ids": false,
        "inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1",
    });
    stage.role("inferring", fields).await;
    let mut login = stage.login_data(&session.credentials, "inferring");
    login.as_object_mut().unwrap().remove("role");
    let data = explained(&stage.mount, "inferring", &login).await;
    assert_eq!(
        verdicts(&data)[12..],
        [
            ("principal", "failed"),
            ("principal_tags", "skipped"),
            ("organization", "skipped"),
            ("instance", "failed"),
            ("instance_bounds", "skipped"),
            ("identity", "skipped")
        ]
    );
    assert_eq!(data["first_failure"]["code"], "iam.principal_not_bound");
    assert_eq!(of(&data, "instance")["aws_call"], "ec2:DescribeInstances");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_who_asks_decides_nothing() {
    let (stage, dev) = stage_with_dev().await;
    let fields = json!({
        "bound_iam_principal_arn": dev.arn, "resolve_aws_unique_ids": false, "token_bound_cidrs": "10.0.0.0/8",
    });
    stage.role("near", fields).await;
    let data = explained(&stage.mount.with_address("192.0.2.1"), "near", &signed(&dev)).await;
    assert_eq!(data["verdict"], "would log in");
    let address = of(&data, "address");
    assert_eq!(
        (&address["verdict"], &address["seen"], &address["wanted"]),
        (&json!("skipped"), &json!("192.0.2.1"), &json!("10.0.0.0/8"))
    );
    let data = explained(&stage.mount.with_address("10.1.2.3"), "near", &signed(&dev)).await;
    assert_eq!(of(&data, "address")["verdict"], "passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_not_remembered_for_being_explained() {
    let stage = under_test::stage().await;
    let signer = Signer::rsa("instance identity");
    let certificate = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": "pkcs7"});
    stage.mount.write("config/certificate/own", &certificate).await.expect(204);
    stage.aws.run_instance(Instance::with_id(INSTANCE));
    let document = json!({
        "accountId": ACCOUNT, "imageId": "ami-0abcdef1234567890", "instanceId": INSTANCE,
        "region": "us-east-1", "pendingTime": "2026-01-02T03:04:05Z",
    });
    let proof = json!({"pkcs7": pkcs7(&signer, document.to_string().as_bytes())});
    let with_nonce = |nonce: &str| {
        let mut proof = proof.clone();
        proof["nonce"] = json!(nonce);
        proof
    };
    stage.role("ec2r", json!({"auth_type": "ec2", "bound_account_id": ACCOUNT})).await;
    let before = stage.mount.storage().entries();
    let data = explained(&stage.mount, "ec2r", &with_nonce("the-nonce")).await;
    assert_eq!(data["verdict"], "would log in", "{data:#}");
    let needed = |check: &str| !["strict", "organization"].contains(&check);
    let mut verdicts_of_needed = verdicts(&data);
    verdicts_of_needed.retain(|(check, _)| needed(check));
    assert!(verdicts_of_needed.iter().all(|(_, verdict)| *verdict == "passed"), "{data:#}");
    assert_eq!(stage.mount.storage().entries(), before);

    let mut login = with_nonce("the-nonce");
    login["role"] = json!("ec2r");
    stage.mount.login_only(&login).await.expect(200);
    let before = stage.mount.storage().entries();
    let data = explained(&stage.mount, "ec2r", &with_nonce("another")).await;
    assert_eq!(
        verdicts(&data)[12..],
        [("reauthentication", "failed"), ("role_tag", "passed"), ("identity", "skipped")]
    );
    assert_eq!(data["first_failure"]["code"], "ec2.nonce_mismatch");
    assert!(!data.to_string().contains("the-nonce"), "{data:#}");
    assert_eq!(stage.mount.storage().entries(), before);
    assert_eq!(explained(&stage.mount, "ec2r", &with_nonce("the-nonce")).await["verdict"], "would log in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_needs_a_token() {
    let (stage, dev) = stage_with_dev().await;
    assert!(!stage.mount.is_unauthenticated("role/dev/explain"));
    let help = stage.mount.help("role/dev/explain").await.expect(200).data;
    assert!(help["help"].as_str().expect("a text").contains("check by check"), "{help:#}");
    assert!(help["openapi"]["paths"]["/role/{role}/explain"]["post"].is_object(), "{help:#}");
    // What is no login is refused as one.
    let answer = stage.mount.write("role/dev/explain", &json!({"nonce": "n"})).await.expect(400);
    assert_eq!(answer.error(), "didn't supply required authentication values");
    // A login's own role gives way to that of the path.
    let mut login = signed(&dev);
    login["role"] = json!("other");
    let answer = stage.mount.write("role/dev/explain", &login).await.expect(200);
    assert_eq!(answer.data["verdict"], "would log in");
}
