//! The mount as an issuer on real servers: its documents over HTTP, as AWS fetches them, and a login without any
//! secret of AWS.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use testkit::aws::{ACCOUNT, OidcProvider};
use testkit::server::{Scene, on_each_server};

on_each_server! {
    Scene:
    documents_need_no_token_and_no_secret_is_needed,
    a_library_that_nobody_here_wrote_verifies_the_tokens,
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

    // AWS fetches the documents from the server itself, whenever a token comes.
    scene.aws.publish_server(URL, &format!("{}/v1/auth/aws/oidc", server.url()));
    scene.aws.register_oidc_provider(OidcProvider {
        issuer: URL.to_owned(),
        keys: OidcProvider::FETCHED,
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

/// What PyJWT says of a token: its claims, or why it is none. It fetches the keys from the server by itself.
fn verified(
    python: &Path,
    scene: &Scene,
    token: &str,
    (issuer, audience): (&str, &str),
) -> Result<Value, String> {
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/verify_token.py"))
        .env_clear()
        .env("TOKEN", token)
        .env("KEYS_URL", format!("{}/v1/{}", scene.server.url(), DOCUMENTS[1]))
        .env("ISSUER", issuer)
        .env("AUDIENCE", audience)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The token whose claims were changed by somebody who has no key.
fn changed(token: &str) -> String {
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["sub"] = json!("auth-mount:another");
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

async fn a_library_that_nobody_here_wrote_verifies_the_tokens(scene: Scene) {
    let Some(python) = scene.installation.python_tool(scene.test, "python") else { return };
    let server = &scene.server;
    let server_role = scene.aws.create_role("vault-server");
    scene.aws.publish_server(URL, &format!("{}/v1/auth/aws/oidc", server.url()));
    let role = json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/people/*")});
    scene.write_role("aws", "people", &role).await;
    for algorithm in ["RS256", "ES256"] {
        server.root("DELETE", "auth/aws/config/issuer", &Value::Null).await;
        let issuer = json!({"issuer": URL, "algorithm": algorithm});
        server.root("POST", "auth/aws/config/issuer", &issuer).await;
        let exported = server.root("GET", "auth/aws/issuer/export", &Value::Null).await["data"].clone();
        let subject = exported["subject"].as_str().unwrap().to_owned();
        scene.aws.register_oidc_provider(OidcProvider {
            issuer: URL.to_owned(),
            keys: OidcProvider::FETCHED,
            role_arn: server_role.arn.clone(),
            subject: subject.clone(),
            audience: AUDIENCE.to_owned(),
        });
        let client = json!({
            "access_key": "",
            "secret_key": "",
            "role_arn": server_role.arn,
            "identity_token_audience": AUDIENCE,
            "max_retries": if algorithm == "RS256" { 0 } else { 1 },
        });
        server.root("POST", "auth/aws/config/client", &client).await;
        scene.aws.clear_calls();
        scene.admitted(&scene.alice.credentials, "people").await;
        let token = scene.aws.calls("AssumeRoleWithWebIdentity")[0].parameter("WebIdentityToken").unwrap();

        let claims = verified(&python, &scene, &token, (URL, AUDIENCE)).unwrap();
        assert_eq!(
            (&claims["iss"], &claims["aud"], &claims["sub"]),
            (&json!(URL), &json!(AUDIENCE), &json!(subject)),
            "{algorithm}"
        );
        for (token, issuer, audience, error) in [
            (changed(&token), URL, AUDIENCE, "InvalidSignatureError"),
            (token.clone(), "https://other.example.com", AUDIENCE, "InvalidIssuerError"),
            (token.clone(), URL, "other", "InvalidAudienceError"),
        ] {
            let refused = verified(&python, &scene, &token, (issuer, audience)).unwrap_err();
            assert!(refused.starts_with(error), "{algorithm}: {refused}");
        }
    }
}
