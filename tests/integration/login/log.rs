//! What operators are told of logins that end without a token.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::login_scene::LoginScene;
use testkit::aws::{ACCOUNT, Entity, OTHER_ACCOUNT, RefusingPort};
use testkit::stage::with;

const LIMIT: Duration = Duration::from_secs(20);

/// Level, message and code of the line about a login for a role.
async fn line(scene: &LoginScene, role: &str) -> (String, String, String) {
    let line = scene.host.wait_for_log(LIMIT, |entry| entry.fields.get("role") == Some(&json!(role)));
    let line = line.await.unwrap_or_else(|| panic!("no line about the login for {role}"));
    (line.level, line.message, line.fields["code"].as_str().unwrap().to_owned())
}

fn with_role(mut login: Value, role: &str) -> Value {
    login["role"] = json!(role);
    login
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_mistake_is_no_warning_whatever_its_status() {
    let scene = LoginScene::open().await;
    let role = json!({"auth_type": "ec2", "bound_ami_id": "ami-0123456789abcdef0"});
    scene.mount.write("role/bad-signature", &role).await.expect(204);
    let mut bad_body = scene.alice_login();
    bad_body["iam_request_body"] = json!("QWN0aW9uPUdldFVzZXI=");
    for (role, login, status, code) in [
        ("no-base64", json!({"pkcs7": "***"}), 500, "ec2.form_base64"),
        ("no-message", json!({"pkcs7": "AAAA"}), 500, "ec2.pkcs7_unreadable"),
        ("bad-signature", json!({"identity": "e30=", "signature": "AAAA"}), 500, "ec2.signature_untrusted"),
        ("bad-body", bad_body, 400, "iam.action"),
        ("no-role", scene.alice_login(), 400, "login.role_unknown"),
    ] {
        let answer = scene.mount.login_only(&with_role(login, role)).await;
        assert_eq!(answer.status, status, "{role}");
        let expected = ("debug", "login refused", code);
        let (level, message, code) = line(&scene, role).await;
        assert_eq!((level.as_str(), message.as_str(), code.as_str()), expected, "{role}");
    }
}

/// Anybody has an account at AWS, and may try; only an account that a role names is one to configure.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_only_the_client_named_is_no_warning() {
    let scene = LoginScene::open().await;
    let app = scene.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
    let instance = scene.aws.session(&app, "i-0123456789abcdef0").credentials;
    let text = format!(
        "unable to fetch client for account ID \"{OTHER_ACCOUNT}\" -- default client is for account \"{ACCOUNT}\""
    );
    let pattern =
        |account: &str| json!({"bound_iam_principal_arn": format!("arn:aws:iam::{account}:role/*")});
    let inferring = |bound: Value| {
        with(&bound, json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"}))
    };
    let (debug, warn) = (
        ("debug", "login refused", "login.account_foreign"),
        ("warn", "login failed", "aws.account_not_configured"),
    );
    for (role, fields, expected) in [
        ("of-the-own", pattern(ACCOUNT), debug),
        ("of-both", pattern(&format!("{OTHER_ACCOUNT}:role/*,arn:aws:iam::{ACCOUNT}")), warn),
        ("infers-ami", inferring(json!({"bound_ami_id": "ami-1"})), debug),
        ("infers-account", inferring(json!({"bound_account_id": OTHER_ACCOUNT})), warn),
    ] {
        scene.role(role, fields).await;
        let answer = scene.mount.login_only(&scene.login_data(&instance, role)).await.expect(400);
        assert!(answer.error().ends_with(&text), "{role}: {}", answer.error());
        let (level, message, code) = line(&scene, role).await;
        assert_eq!((level.as_str(), message.as_str(), code.as_str()), expected, "{role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_must_mend_is_a_warning_whatever_its_status() {
    let scene = LoginScene::open().await;
    scene.mount.write("config/client", &json!({"sts_endpoint": "http://user:pw@host/"})).await.expect(204);
    let answer = scene.mount.login_only(&scene.alice_login()).await;
    assert_eq!(answer.status, 400);
    let (level, message, code) = line(&scene, "dev").await;
    assert_eq!(
        (level.as_str(), message.as_str(), code.as_str()),
        ("warn", "login failed", "aws.endpoint_invalid")
    );
}

/// What the operator reads of a hundred logins that fail by one and the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_trouble_is_told_once_and_then_how_often() {
    const LOGINS: u64 = 100;
    let scene = LoginScene::open().await;
    scene.mount.write("config/client", &json!({"sts_endpoint": "http://user:pw@host/"})).await.expect(204);
    for _ in 0..LOGINS {
        scene.mount.login_only(&scene.alice_login()).await.expect(400);
    }
    // Another mount has its own trouble.
    let other = scene.further_mount("other", &json!({"sts_endpoint": "http://user:pw@host/"})).await;
    other.login_only(&scene.alice_login()).await.expect(400);
    scene.mount.rollback().await.expect(204);
    let summary = scene.host.wait_for_log(LIMIT, |entry| entry.message == "further logins failed").await;
    let summary = summary.expect("a line that tells of the others");
    assert_eq!(summary.level, "warn");
    assert_eq!(summary.fields["code"], "aws.endpoint_invalid");
    assert_eq!(summary.fields["left_out"], LOGINS - 1);
    let warnings: Vec<_> = scene
        .host
        .logs()
        .into_iter()
        .filter(|line| line.entry.as_ref().is_ok_and(|entry| entry.message == "login failed"))
        .collect();
    let mounts: Vec<_> = warnings.iter().map(|line| &line.entry.as_ref().unwrap().fields["mount"]).collect();
    assert_eq!(mounts, ["auth/aws/", "auth/other/"]);
    assert!(warnings[0].raw.len() < 1024, "{}", warnings[0].raw);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sends_stays_short_and_on_its_line() {
    const LONGEST: usize = 128;
    let scene = LoginScene::open().await;
    let long = "\n".repeat(4_000);
    let garbage = "A".repeat(4_000);
    let mut bad_path = scene.alice_login();
    bad_path["iam_request_url"] = json!(STANDARD.encode(format!("https://sts.amazonaws.com/{garbage}")));
    let nobody = RefusingPort::start();
    scene.mount.write("config/client", &json!({"sts_endpoint": nobody.url()})).await.expect(204);
    for login in [
        with_role(json!({"pkcs7": garbage}), &long),
        with_role(json!({"pkcs7": long}), &garbage),
        with_role(bad_path, &long),
        with_role(json!({}), "the-last"),
    ] {
        assert!(scene.mount.login_only(&login).await.auth.is_none());
    }
    line(&scene, "the-last").await;
    let mut lines = 0;
    for line in scene.host.logs() {
        let Ok(entry) = line.entry else { continue };
        if !entry.message.starts_with("login ") {
            continue;
        }
        lines += 1;
        assert!(line.raw.len() < 1536, "{}", line.raw);
        for (name, value) in &entry.fields {
            let text = value.as_str().unwrap();
            assert!(!text.contains(char::is_control), "{name}: {text}");
            let word = text.split(' ').map(str::len).max().unwrap();
            assert!(word <= LONGEST + "…".len(), "{name}: {text}");
        }
    }
    assert_eq!(lines, 4);
}
