//! Which STS is asked: the table of the README.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{Call, Credentials, Instance, LoginOptions, sign_login};
use testkit::stage::{SERVER_ID, Stage};

const ENDPOINT: &str = "https://sts.eu-west-1.amazonaws.com";

/// Signed for a region that no setting names.
fn login(credentials: &Credentials) -> Value {
    let options = LoginOptions::vault_cli().region("eu-west-3").server_id(SERVER_ID).role("dev");
    sign_login(credentials, &options)
}

/// A mount whose calls go to the hosts of AWS, with these settings.
async fn stage(settings: &Value) -> Stage {
    let stage = Stage::behind_proxy(under_test::open_bao()).await;
    let mut changes = json!({"endpoint": null, "iam_endpoint": null, "sts_endpoint": null});
    testkit::stage::overlay(&mut changes, settings);
    stage.configure(changes).await;
    stage
}

/// Host that a login went to; host and region of the server's own question who it is.
async fn asked(stage: &Stage, credentials: &Credentials) -> (String, String, String) {
    stage.mount.login_only(&login(credentials)).await.expect(200);
    let calls = stage.aws.calls("GetCallerIdentity");
    let (own, clients): (Vec<&Call>, Vec<&Call>) =
        calls.iter().partition(|call| call.access_key_id == stage.server_user.credentials.access_key_id);
    let ([own], [client]) = (own.as_slice(), clients.as_slice()) else { panic!("{calls:#?}") };
    let host = |call: &Call| call.tls_name.clone().expect("TLS");
    (host(client), host(own), own.region.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_settings_choose_the_sts_of_logins_and_of_the_server() {
    let (global, ireland) = ("sts.amazonaws.com", "sts.eu-west-1.amazonaws.com");
    for (settings, logins, own, region) in [
        (json!({}), global, "sts.us-east-1.amazonaws.com", "us-east-1"),
        (json!({"sts_region": "eu-west-2"}), global, "sts.eu-west-2.amazonaws.com", "eu-west-2"),
        (json!({"sts_endpoint": ENDPOINT, "sts_region": "eu-west-1"}), ireland, ireland, "eu-west-1"),
        (
            json!({"use_sts_region_from_client": true, "sts_endpoint": ENDPOINT, "sts_region": "eu-west-1"}),
            "sts.eu-west-3.amazonaws.com",
            ireland,
            "eu-west-1",
        ),
        (
            json!({"use_sts_region_from_client": true}),
            "sts.eu-west-3.amazonaws.com",
            "sts.us-east-1.amazonaws.com",
            "us-east-1",
        ),
    ] {
        let stage = stage(&settings).await;
        let dev = stage.aws.create_user("dev");
        stage.role("dev", json!({"bound_iam_principal_arn": dev.arn.replace("dev", "*")})).await;
        let expected = (logins.to_owned(), own.to_owned(), region.to_owned());
        assert_eq!(asked(&stage, &dev.credentials).await, expected, "{settings}");
    }
}

/// That endpoint takes signatures for its own region alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_a_region_needs_that_region_for_the_server_too() {
    let stage = stage(&json!({"sts_endpoint": ENDPOINT})).await;
    let dev = stage.aws.create_user("dev");
    stage.role("dev", json!({"bound_iam_principal_arn": dev.arn.replace("dev", "*")})).await;
    let text = stage.mount.login_only(&login(&dev.credentials)).await.expect(400).error().to_owned();
    assert!(text.contains("Credential should be scoped to a valid region, not 'us-east-1'"), "{text}");
    let calls = stage.aws.calls("GetCallerIdentity");
    let hosts: Vec<_> = calls.iter().map(|call| (call.tls_name.as_deref(), call.region.as_str())).collect();
    let host = Some("sts.eu-west-1.amazonaws.com");
    assert_eq!(hosts, [(host, "eu-west-3"), (host, "us-east-1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_setting_the_server_asks_in_the_region_of_the_instance() {
    let stage = stage(&json!({})).await;
    let instance = stage.aws.run_instance(Instance::with_id("i-0123456789abcdef0").region("eu-west-2"));
    let role = stage.aws.create_role("web");
    let fields = json!({
        "inferred_entity_type": "ec2_instance", "inferred_aws_region": "eu-west-2",
        "bound_account_id": instance.account,
    });
    stage.role("dev", fields).await;
    let session = stage.aws.session(&role, &instance.id);
    let (_, own, region) = asked(&stage, &session.credentials).await;
    assert_eq!((own.as_str(), region.as_str()), ("sts.eu-west-2.amazonaws.com", "eu-west-2"));
}
