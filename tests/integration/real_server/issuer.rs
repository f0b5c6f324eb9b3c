//! The mount as an issuer on real servers: its documents over HTTP, as AWS fetches them, and a login without any
//! secret of AWS.

use http::StatusCode;
use serde_json::{Value, json};

use testkit::aws::{ACCOUNT, OidcProvider};
use testkit::server::{Scene, on_each_server};

on_each_server! {
    Scene:
    documents_need_no_token_and_no_secret_is_needed,
}

const URL: &str = "https://keys.example.com/aws";
const AUDIENCE: &str = "sts.amazonaws.com";
const DOCUMENTS: [&str; 2] =
    ["auth/aws/oidc/.well-known/openid-configuration", "auth/aws/oidc/.well-known/keys"];

async fn documents_need_no_token_and_no_secret_is_needed(scene: Scene) {
    let server = &scene.server;
    for path in DOCUMENTS {
        for token in ["", "no-such-token", server.root_token()] {
            let (status, answer) = server.call("GET", path, &Value::Null, token).await;
            assert_eq!(
                (status, &answer["errors"]),
                (StatusCode::NOT_FOUND, &json!(["no issuer is configured"]))
            );
            let (status, _) = server.call("HEAD", path, &Value::Null, token).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
        }
    }
    let server_role = scene.aws.create_role("vault-server");
    let client = json!({
        "access_key": "",
        "secret_key": "",
        "role_arn": server_role.arn,
        "identity_token_audience": AUDIENCE,
    });
    let (status, answer) = server.call("POST", "auth/aws/config/client", &client, server.root_token()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let text = answer["errors"][0].as_str().unwrap();
    assert!(
        text.starts_with("plugin workload identity ") && text.contains("; this mount can issue them"),
        "{text}"
    );

    server.root("POST", "auth/aws/config/issuer", &json!({ "issuer": URL })).await;
    for token in ["", "no-such-token"] {
        let (status, answer) = server.call("GET", DOCUMENTS[0], &Value::Null, token).await;
        assert_eq!((status, &answer["issuer"]), (StatusCode::OK, &json!(URL)));
        for path in DOCUMENTS {
            assert_eq!(server.call("HEAD", path, &Value::Null, token).await, (StatusCode::OK, Value::Null));
        }
    }
    let (_, keys) = server.call("GET", DOCUMENTS[1], &Value::Null, "").await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{keys}");
    let exported = server.root("GET", "auth/aws/issuer/export", &Value::Null).await["data"].clone();
    assert_eq!(exported["jwks"], keys);
    let by_query = server.root("GET", "auth/aws/issuer/export?audience=me", &Value::Null).await;
    assert_eq!(by_query["data"]["audience"], "me");

    scene.aws.register_oidc_provider(OidcProvider {
        issuer: URL.to_owned(),
        keys,
        role_arn: server_role.arn.clone(),
        subject: exported["subject"].as_str().unwrap().to_owned(),
        audience: AUDIENCE.to_owned(),
    });
    server.root("POST", "auth/aws/config/client", &client).await;
    let role = json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/people/*")});
    scene.write_role("aws", "people", &role).await;
    scene.admitted(&scene.alice.credentials, "people").await;
    assert_eq!(scene.aws.call_count("AssumeRoleWithWebIdentity"), 1);
}
