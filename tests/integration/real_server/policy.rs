//! Access control of a real server over the paths of the method.

use http::StatusCode;
use serde_json::{Value, json};

use crate::under_test::PLUGIN;
use testkit::server::{Flavor, Scene};

/// Only OpenBao asks a plugin for canonical paths.
#[tokio::test]
async fn a_policy_that_denies_a_role_denies_every_spelling_of_it_accident_17() {
    let test =
        concat!(module_path!(), "::a_policy_that_denies_a_role_denies_every_spelling_of_it_accident_17");
    let Some(scene) = Scene::open(test, Flavor::OpenBao, PLUGIN).await else { return };
    let role = json!({"bound_iam_principal_arn": scene.alice.arn});
    scene.write_role("aws", "prod", &role).await;
    let policy = r#"
        path "auth/aws/role/*"    { capabilities = ["create", "read", "update", "delete", "list"] }
        path "auth/aws/role/prod" { capabilities = ["deny"] }
    "#;
    let token = scene.server.token_with_policy("all-but-prod", policy).await;

    for spelling in ["prod", "PROD", "Prod", "pRoD"] {
        let path = format!("auth/aws/role/{spelling}");
        for (method, body) in [("GET", Value::Null), ("POST", role.clone()), ("DELETE", Value::Null)] {
            let (status, answer) = scene.server.call(method, &path, &body, &token).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {answer}");
        }
    }

    // The rule is about that role only, and the role is untouched.
    let (status, _) = scene.server.call("GET", "auth/aws/role/DEV", &Value::Null, &token).await;
    assert_eq!(status, StatusCode::OK);
    scene.server.root("GET", "auth/aws/role/prod", &Value::Null).await;
}
