//! What operators are told of logins that end without a token.

use std::time::Duration;

use serde_json::{Value, json};

use crate::login_scene::LoginScene;

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
