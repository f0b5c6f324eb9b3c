//! The host's own operations, and the names that policies go by.

use serde_json::{Value, json};

use crate::login_scene::{LoginScene, login_as};
use testkit::proto::logical::Alias;
use testkit::proto::pb::Auth;

/// Operations the host makes by itself were reachable by clients. Whoever reaches them here gets no
/// identity worth a token, changes nothing and learns nothing.
#[tokio::test(flavor = "multi_thread")]
async fn accident_12_operations_of_the_host_give_nothing_away() {
    let scene = LoginScene::open().await;
    let before = scene.mount.storage().entries();
    let secret = &scene.server_user.credentials.secret_access_key;
    let login = scene.alice_login();
    let forged = Auth {
        policies: vec!["root".to_owned()],
        metadata: [("auth_type".to_owned(), "iam".to_owned())].into(),
        internal_data: json!({"role_name": "dev"}).to_string(),
        alias: Some(Alias { name: "root".to_owned(), ..Alias::default() }),
        ..Auth::default()
    };
    for operation in [
        "alias-lookahead",
        "resolve-role",
        "renew",
        "revoke",
        "rollback",
        "resolve-path",
        "control-group",
        "recover",
        "",
        "Update",
        "LOGIN",
        "update\0",
        "../update",
    ] {
        for path in
            ["login", "config/client", "config/identity", "config/sts/111122223333", "role/dev", "roles", ""]
        {
            for data in [&login, &Value::Null, &json!({"access_key": "x", "role": "dev", "token": "x"})] {
                for auth in [None, Some(forged.clone())] {
                    let mut request = scene.mount.request(operation, path, data);
                    if let Some(auth) = auth {
                        request = request.auth(auth);
                    }
                    let answer = request.send().await;
                    let reply =
                        answer.raw.as_ref().unwrap_or_else(|status| panic!("{operation} {path}: {status}"));
                    let response = reply.response.clone().unwrap_or_default();
                    assert!(!format!("{reply:?}").contains(secret), "{operation} {path}");
                    let Some(auth) = response.auth else { continue };
                    // The answer to a look-ahead is an identity with an alias and nothing else.
                    assert_eq!((operation, path), ("alias-lookahead", "login"));
                    let alias = auth.alias.clone();
                    assert_eq!(alias.expect("an alias").name, scene.alice.unique_id);
                    assert_eq!(auth.policies, Vec::<String>::new());
                    assert_eq!(auth.token_policies, Vec::<String>::new());
                    assert_eq!(auth.internal_data, "{}");
                    assert_eq!(auth.client_token, "");
                    assert!(auth.metadata.is_empty());
                }
            }
        }
    }
    assert_eq!(scene.mount.storage().entries(), before);
}

/// A policy that denies `role/prod` was passed with `role/PROD`.
#[tokio::test(flavor = "multi_thread")]
async fn accident_17_every_spelling_of_a_role_has_one_path() {
    let scene = LoginScene::open().await;
    for path in ["role/prod", "role/PROD", "role/pRoD", "role/prod/tag", "role/PROD/tag"] {
        let answer = scene.mount.resolve_path(path).await.expect(200);
        assert_eq!(answer.data["path"], path.to_lowercase(), "{path}");
    }
    // Folding more than the method does would let a policy on one entry hold for another.
    for path in ["login", "roles", "config/client", "config/sts/ABC", "Role/PROD", "LOGIN", "nowhere/X", ""] {
        let answer = scene.mount.resolve_path(path).await.expect(200);
        assert_eq!(answer.data["path"], path, "{path}");
    }
    // What is folded there is folded here: there is one role, whatever it is called.
    scene.write_role("PROD", &json!({"bound_iam_principal_arn": scene.alice.arn})).await;
    assert!(scene.mount.storage().get("role/prod").is_some());
    assert_eq!(scene.mount.list("roles").await.expect(200).data["keys"], json!(["dev", "prod"]));
    for name in ["prod", "PROD", "pRod"] {
        // Past the host's path resolution, as on hosts that have none.
        let read = scene.mount.request("read", &format!("role/{name}"), &Value::Null).send().await;
        read.expect(200);
        scene.admitted(&login_as(&scene.alice.credentials, name)).await;
    }
    scene.mount.request("delete", "role/ProD", &Value::Null).send().await.expect(204);
    assert_eq!(scene.mount.storage().get("role/prod"), None);
}
