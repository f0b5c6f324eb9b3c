//! Whose credentials sign: what the chain of the AWS libraries finds. Its services are stand-ins on
//! loopback.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Caller;
use crate::stub::{Reply, Stub};
use testkit::aws::{Aws, WebIdentity};

/// The access key that signed.
async fn signer(caller: &Caller, options: &[&str]) -> String {
    let payload = caller.json(&[&["sign"], options].concat()).await;
    let headers = STANDARD.decode(payload["iam_request_headers"].as_str().unwrap()).unwrap();
    let headers: Value = serde_json::from_slice(&headers).unwrap();
    let authorization = headers["Authorization"][0].as_str().unwrap();
    let (_, credential) = authorization.split_once("Credential=").unwrap();
    credential.split('/').next().unwrap().to_owned()
}

/// Where the explanation says the credentials were found.
async fn origin(caller: &Caller) -> String {
    let called = caller.call(&["sign", "-explain"]).await;
    let line = called.said.lines().find_map(|line| line.strip_prefix("found in:"));
    line.unwrap_or_else(|| panic!("{called:#?}")).trim().to_owned()
}

fn in_an_hour() -> String {
    (OffsetDateTime::now_utc() + Duration::hours(1)).replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap()
}

fn keys_document(key: &str) -> String {
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": key, "SecretAccessKey": "secret", "Token": "token", "Expiration": in_an_hour(),
    })
    .to_string()
}

#[tokio::test]
async fn words_win_over_the_environment_and_a_named_profile_over_both_others() {
    let caller = Caller::new().with("AWS_ACCESS_KEY_ID", "AKIDENV").with("AWS_SECRET_ACCESS_KEY", "secret");
    caller.write(
        ".aws/credentials",
        "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = s\n[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n",
    );
    let given = ["aws_access_key_id=AKIDWORD", "aws_secret_access_key=s"];
    assert_eq!(signer(&caller, &given).await, "AKIDWORD");
    assert_eq!(signer(&caller, &[]).await, "AKIDENV");
    assert_eq!(signer(&caller, &["-profile=work"]).await, "AKIDWORK");
    let profile = caller.with("AWS_ACCESS_KEY_ID", "").with("AWS_SECRET_ACCESS_KEY", "");
    assert_eq!(signer(&profile, &[]).await, "AKIDDEFAULT");
    assert_eq!(origin(&profile).await, "a profile");
    assert_eq!(signer(&profile.with("AWS_PROFILE", "work"), &[]).await, "AKIDWORK");
    let said = Caller::new().failed(3, &["sign", "-profile=nobody"]).await;
    assert!(said.contains("nobody"), "{said}");
}

#[tokio::test]
async fn a_process_named_in_a_profile() {
    let caller = Caller::new();
    let document = json!({"Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": "s"});
    let file = caller.write("keys.json", &document.to_string());
    caller.write(".aws/config", &format!("[default]\ncredential_process = cat {}\n", file.display()));
    assert_eq!(signer(&caller, &[]).await, "AKIDPROC");
    assert_eq!(origin(&caller).await, "a process named in a profile");
}

#[tokio::test]
async fn a_role_assumed_through_another_role() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let (first, second) = (aws.create_role("first"), aws.create_role("second"));
    let caller = Caller::new().with("AWS_ENDPOINT_URL_STS", aws.url());
    caller.write(
        ".aws/config",
        &format!(
            "[default]\nregion = us-east-1\nrole_arn = {}\nsource_profile = first\n[profile first]\nrole_arn = {}\nsource_profile = base\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            second.arn, first.arn, user.credentials.access_key_id, user.credentials.secret_access_key
        ),
    );
    let key = signer(&caller, &[]).await;
    assert!(key.starts_with("ASIA"), "{key}");
    assert_eq!(aws.call_count("AssumeRole"), 2);
    assert_eq!(origin(&caller).await, "a profile");
}

#[tokio::test]
async fn a_web_identity() {
    let aws = Aws::start().await;
    let role = aws.create_role("Pod");
    aws.register_web_identity(WebIdentity {
        token: "the.token.itself".to_owned(),
        role_arn: role.arn.clone(),
        subject: "system:serviceaccount:app:app".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        provider: "https://issuer.example".to_owned(),
    });
    let caller = Caller::new();
    let token = caller.write("token", "the.token.itself");
    let caller = caller
        .with("AWS_ENDPOINT_URL_STS", aws.url())
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", token)
        .with("AWS_ROLE_ARN", &role.arn);
    let key = signer(&caller, &[]).await;
    assert!(key.starts_with("ASIA"), "{key}");
    assert_eq!(aws.call_count("AssumeRoleWithWebIdentity"), 1);
}

/// ECS and EKS pod identity: the same service, the latter with a token out of a file.
#[tokio::test]
async fn a_container() {
    let stub = Stub::start().await;
    stub.answer(|request| match request.header("Authorization") {
        Some("pod-token") => Reply::new(200, keys_document("ASIAPOD")),
        None => Reply::new(200, keys_document("ASIAECS")),
        Some(_) => Reply::new(401, "{}"),
    });
    let container =
        || Caller::new().with("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/keys", stub.url()));
    assert_eq!(signer(&container(), &[]).await, "ASIAECS");
    assert_eq!(origin(&container()).await, "the container's credential service");
    let pod = container();
    let token = pod.write("token", "pod-token");
    assert_eq!(signer(&pod.with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token), &[]).await, "ASIAPOD");
}

#[tokio::test]
async fn an_instance_by_the_second_version_of_its_metadata_service() {
    const PATH: &str = "/latest/meta-data/iam/security-credentials/";
    let stub = super::instance_login::metadata_service(|target| match target {
        PATH => Some("Machine".to_owned()),
        "/latest/meta-data/placement/region" => Some("eu-west-2".to_owned()),
        _ if target == format!("{PATH}Machine") => Some(keys_document("ASIAIMDS")),
        _ => None,
    })
    .await;
    let caller = Caller::new()
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", stub.url());
    assert_eq!(signer(&caller, &[]).await, "ASIAIMDS");
    assert_eq!(origin(&caller).await, "the instance's metadata service");
    let called = caller.call(&["sign", "-explain", "region=auto"]).await;
    assert!(called.said.contains("eu-west-2"), "{called:#?}");
}

/// A session of `aws sso login`: its token lies in a file, its keys come from the portal.
#[tokio::test]
async fn an_sso_session() {
    let stub = Stub::start().await;
    stub.answer(|request| {
        let wanted = "/federation/credentials?role_name=Admin&account_id=123456789012";
        let authorized = request.header("x-amz-sso_bearer_token") == Some("sso-token");
        if request.target == wanted && authorized {
            let end = (OffsetDateTime::now_utc() + Duration::hours(1)).unix_timestamp() * 1000;
            let keys = json!({"roleCredentials": {
                "accessKeyId": "ASIASSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": end,
            }});
            Reply::new(200, keys.to_string())
        } else {
            Reply::new(404, "{}")
        }
    });
    let caller = Caller::new().with("AWS_ENDPOINT_URL_SSO", stub.url());
    caller.write(
        ".aws/config",
        "[default]\nregion = us-east-1\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Admin\n[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n",
    );
    let session = json!({
        "accessToken": "sso-token", "expiresAt": in_an_hour(), "region": "us-east-1",
        "startUrl": "https://corp.awsapps.com/start",
    });
    // The name is the SHA-1 of the session's.
    caller.write(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json", &session.to_string());
    assert_eq!(signer(&caller, &[]).await, "ASIASSO", "{:?}", stub.requests());
    assert_eq!(origin(&caller).await, "an SSO session");
}
