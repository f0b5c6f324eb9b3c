//! Logins where nothing, or little, is configured.

use serde_json::{Value, json};

use crate::login_scene::{LoginScene, outcome};
use testkit::aws::{LoginOptions, sign_login};
use testkit::host::MountOptions;

/// A login on a mount that nobody had configured ended the process.
#[tokio::test(flavor = "multi_thread")]
async fn accident_14_without_a_configuration_the_defaults_hold() {
    let scene = LoginScene::behind_proxy().await;
    let pid = scene.host.pid();
    let session = scene.aws.session(&scene.aws.create_role("App"), "s");
    let mount = scene.host.mount("bare", MountOptions::default()).await;
    let options = LoginOptions::vault_cli().role("app");
    let login = sign_login(&session.credentials, &options);
    let presigned = LoginOptions::presigned_get().role("app");
    let presigned = sign_login(&session.credentials, &presigned);

    // No role either.
    let answer = mount.login_only(&login).await;
    assert_eq!((answer.status, answer.error()), (400, "entry for role app not found"));
    let role = json!({
        "auth_type": "iam",
        "bound_iam_principal_arn": "arn:aws:iam::111122223333:role/App",
        "resolve_aws_unique_ids": false,
    });
    mount.write("role/app", &role).await.expect(204);
    for login in [&login, &presigned] {
        assert!(outcome(&mount.login_only(login).await).is_some());
    }
    let calls = scene.aws.calls("GetCallerIdentity");
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert_eq!(call.proxied_to.as_deref(), Some("sts.amazonaws.com:443"));
        assert_eq!(call.tls_name.as_deref(), Some("sts.amazonaws.com"));
    }

    // Renewal, look-ahead and every reading path work as well.
    let auth = mount.login_only(&login).await.auth.expect("an identity");
    mount.renew(&auth).await.expect(200);
    mount.request("alias-lookahead", "login", &login).send().await.expect(200);
    mount.read("config/client").await.expect(404);
    mount.read("config/identity").await.expect(200);
    mount.list("config/sts").await.expect(404);
    assert_eq!(scene.host.pid(), pid);
}

/// Entries that hold no configuration: each is an error or the defaults, never the end of the process.
#[tokio::test(flavor = "multi_thread")]
async fn accident_14_an_empty_or_broken_entry_harms_only_the_request() {
    let scene = LoginScene::behind_proxy().await;
    let pid = scene.host.pid();
    let session = scene.aws.session(&scene.aws.create_role("App"), "s");
    let login = sign_login(&session.credentials, &LoginOptions::vault_cli().role("app"));
    for key in ["config/client", "config/identity", "config/sts/111122223333", "role/app"] {
        for entry in
            ["null", "{}", "", " ", "[]", "5", "\"x\"", "{", "{\"a\":", "\u{0}", "{\"max_retries\":\"x\"}"]
        {
            let mount = scene.host.mount("broken", MountOptions::default()).await;
            let role = json!({
                "auth_type": "iam",
                "bound_iam_principal_arn": ["arn:aws:iam::111122223333:role/Other", "arn:aws:iam::111122223333:role/A*"],
                "resolve_aws_unique_ids": false,
            });
            mount.write("role/app", &role).await.expect(204);
            mount.storage().put(key, entry);
            mount.invalidate(key).await.unwrap();
            let answer = mount.login_only(&login).await;
            let reply = answer.raw.as_ref().unwrap_or_else(|status| panic!("{key} {entry:?}: {status}"));
            let admitted = reply.response.as_ref().is_some_and(|response| response.auth.is_some());
            assert!(!admitted, "{key} {entry:?}: there are no keys to look the principal up with");
            for (operation, path) in [("read", key), ("update", key), ("delete", key), ("renew", "login")] {
                mount.request(operation, path, &Value::Null).reply().await.unwrap();
            }
            mount.cleanup().await.unwrap();
        }
    }
    // Members that are null count as not set.
    let mount = scene.host.mount("nulls", MountOptions::default()).await;
    let role = json!({
        "auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::111122223333:role/App",
        "resolve_aws_unique_ids": false,
    });
    mount.write("role/app", &role).await.expect(204);
    mount.write("config/client", &json!({"iam_server_id_header_value": ""})).await.expect(204);
    mount.write("config/identity", &json!({})).await;
    for key in ["config/client", "config/identity", "role/app"] {
        let Value::Object(mut entry) = mount.storage().json(key).unwrap_or_else(|| json!({})) else {
            unreachable!()
        };
        for (name, value) in entry.iter_mut() {
            let kept = ["auth_type", "role_id", "version", "bound_iam_principal_arn_list"];
            if !kept.contains(&name.as_str()) {
                *value = Value::Null;
            }
        }
        mount.storage().put_json(key, &Value::Object(entry));
        mount.invalidate(key).await.unwrap();
        let answer = mount.login_only(&login).await;
        assert!(outcome(&answer).is_some() || answer.status == 400, "{key}: {answer:#?}");
    }
    assert_eq!(scene.host.pid(), pid);
    scene.assert_alive(pid).await;
}

/// An allow-list of headers was so tight that every login with temporary credentials was refused.
#[tokio::test(flavor = "multi_thread")]
async fn accident_15_what_clients_sign_is_allowed() {
    let scene = LoginScene::open().await;
    let role = scene.aws.create_role("App");
    scene.write_role("app", &json!({"bound_iam_principal_arn": role.arn})).await;
    let session = scene.aws.session(&role, "s");
    let body = "ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843";
    for shape in [
        LoginOptions::vault_cli(),
        LoginOptions::hvac(),
        LoginOptions::boto3(),
        LoginOptions::plain_object(),
        LoginOptions::presigned_get(),
        LoginOptions::curl_get(),
    ] {
        let shape = shape.role("app");
        for options in [
            shape.clone(),
            shape.clone().unsigned_header("Accept", "*/*"),
            shape.clone().signed_header("Accept", "application/xml"),
            shape.clone().signed_header("X-Amz-User-Agent", "aws-sdk-js/3.0"),
            shape.clone().signed_header("X-Amz-Content-Sha256", body),
            shape.clone().signed_header("x-amz-content-sha256", body),
            shape
                .clone()
                .signed_header("Amz-Sdk-Invocation-Id", "1")
                .signed_header("Amz-Sdk-Request", "attempt=1"),
            shape.clone().unsigned_header("Connection", "keep-alive"),
            shape.clone().unsigned_header("Cookie", "a=b"),
        ] {
            let login = sign_login(&session.credentials, &options);
            assert_eq!(scene.admitted(&login).await.alias, role.unique_id, "{options:?}");
        }
        // Others need the operator's word.
        let other = shape.clone().signed_header("X-Amz-Other", "1");
        let text = scene.refused(&sign_login(&session.credentials, &other)).await;
        assert_eq!(text, "invalid request header: X-Amz-Other");
    }
    scene
        .mount
        .write("config/client", &json!({"allowed_sts_header_values": "x-AMZ-other"}))
        .await
        .expect(204);
    let other = LoginOptions::vault_cli().role("app").signed_header("X-Amz-Other", "1");
    scene.admitted(&sign_login(&session.credentials, &other)).await;
}
