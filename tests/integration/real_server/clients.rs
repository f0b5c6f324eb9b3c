//! Clients that nobody here wrote log in to a real server. Which ones are there: `tests/clients/install.sh`.

use http::StatusCode;
use serde_json::{Value, json};

use testkit::server::{SERVER_ID, Scene, client_token, on_each_server};

on_each_server! {
    Scene:
    installed_clients_log_in,
}

/// Clients by name, and whether they can send the header with the server's id.
const CLIENTS: [(&str, bool); 6] = [
    ("node", true),
    ("go", true),
    ("vaultrs", true),
    ("spring", true),
    ("ansible", true),
    ("airflow", false),
];

async fn installed_clients_log_in(scene: Scene) {
    for (name, sends_server_id) in CLIENTS {
        let Some(login) = scene.installation.client(scene.test, name) else { continue };
        let without_server_id = json!({"iam_server_id_header_value": ""});
        let with_server_id = json!({"iam_server_id_header_value": SERVER_ID});
        if !sends_server_id {
            let refusal = scene.client().with_program(&login, &scene.server).unwrap_err();
            assert!(refusal.contains("missing header \"X-Vault-AWS-IAM-Server-ID\""), "{name}: {refusal}");
            scene.server.root("POST", "auth/aws/config/client", &without_server_id).await;
        }
        let answer = scene.client().with_program(&login, &scene.server);
        let answer = answer.unwrap_or_else(|text| panic!("{name}: {text}"));
        assert_eq!(policies(&scene, &client_token(&answer)).await, json!(["default", "dev"]), "{name}");
        scene.server.root("POST", "auth/aws/config/client", &with_server_id).await;
    }
}

async fn policies(scene: &Scene, token: &str) -> Value {
    let (status, own) = scene.server.call("GET", "auth/token/lookup-self", &Value::Null, token).await;
    assert_eq!(status, StatusCode::OK, "{own}");
    own["data"]["policies"].clone()
}
