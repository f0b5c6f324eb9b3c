//! Logins to a real server, against AWS calls answered by moto, with clients nobody here wrote.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::server::{
    ClientLogin, SERVER_ID, Scene, boto3_payload, client_token, errors, login_with_hvac,
    login_with_vault_cli, on_each_server,
};

on_each_server! {
    the_payload_of_the_vault_command_line_logs_in,
    the_vault_command_line_logs_in,
    hvac_logs_in,
    boto3_logs_in,
    an_assumed_role_logs_in_with_its_session,
    without_a_role_the_name_of_the_principal_is_taken,
    any_region_of_the_credential_scope_is_accepted,
    a_changed_request_is_refused,
    a_request_for_another_server_is_refused,
    a_principal_that_is_not_bound_is_refused,
    a_user_made_again_under_the_same_name_is_another_one,
    a_wildcard_matches_the_full_arn,
    an_account_that_is_not_configured_is_refused_accident_6,
    a_principal_of_a_configured_account_logs_in,
    a_token_is_renewed_as_long_as_its_role_exists,
    a_fixed_alias_follows_the_configuration,
}

async fn the_payload_of_the_vault_command_line_logs_in(scene: Scene) {
    let answer = scene.admitted(&scene.alice, "dev").await;
    let auth = &answer["auth"];
    assert_eq!(auth["token_policies"], json!(["default", "dev"]));
    assert_eq!(auth["lease_duration"], json!(900));
    assert_eq!(auth["renewable"], json!(true));
    assert_eq!(auth["metadata"]["account_id"], json!("123456789012"));
    assert_eq!(auth["metadata"]["auth_type"], json!("iam"));

    let token = client_token(&answer);
    let (status, own) = scene.server.call("GET", "auth/token/lookup-self", &Value::Null, &token).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(own["data"]["display_name"], json!("aws-alice"));
    assert_eq!(own["data"]["path"], json!("auth/aws/login"));

    let role = scene.server.root("GET", "auth/aws/role/dev", &Value::Null).await;
    assert_eq!(role["data"]["bound_iam_principal_id"], json!([scene.alice.unique_id]));
    assert_eq!(auth["metadata"]["role_id"], role["data"]["role_id"]);
    assert_eq!(alias_of(&scene, &answer).await["name"], role["data"]["role_id"]);
}

async fn the_vault_command_line_logs_in(scene: Scene) {
    use crate::support::server::Flavor;
    let Some(vault) = scene.installation.server(scene.test, Flavor::Vault) else { return };
    let answer =
        login_with_vault_cli(&vault.path, &scene.server, &scene.client(&scene.alice, "dev")).unwrap();
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));
}

async fn hvac_logs_in(scene: Scene) {
    let Some(python) = scene.installation.python_tool(scene.test, "python") else { return };
    let answer = login_with_hvac(&python, &scene.server, &scene.client(&scene.alice, "dev")).unwrap();
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));

    // Without a role hvac sends JSON null.
    let nameless = ClientLogin { role: None, ..scene.client(&scene.alice, "") };
    let refusal = login_with_hvac(&python, &scene.server, &nameless).unwrap_err();
    assert!(refusal.contains(r#"entry for role "alice" not found"#), "{refusal}");
}

async fn boto3_logs_in(scene: Scene) {
    let Some(python) = scene.installation.python_tool(scene.test, "python") else { return };
    let payload = boto3_payload(&python, &scene.server, &scene.client(&scene.alice, "dev"));
    let (status, answer) = scene.server.login("aws", &payload).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));
}

async fn an_assumed_role_logs_in_with_its_session(scene: Scene) {
    scene.moto.stop_verifying().await;
    let worker = scene.moto.create_role("worker", "/jobs/", "nightly").await;
    scene.moto.verify_signatures().await;
    scene.write_role("aws", "jobs", &json!({"bound_iam_principal_arn": worker.arn})).await;

    let answer = scene.admitted(&worker, "jobs").await;
    let (_, own) =
        scene.server.call("GET", "auth/token/lookup-self", &Value::Null, &client_token(&answer)).await;
    assert_eq!(own["data"]["display_name"], json!("aws-worker/nightly"));
}

async fn without_a_role_the_name_of_the_principal_is_taken(scene: Scene) {
    scene
        .write_role(
            "aws",
            "alice",
            &json!({"bound_iam_principal_arn": scene.alice.arn, "token_policies": "own"}),
        )
        .await;
    let answer = scene.admitted(&scene.alice, "").await;
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "own"]));
}

async fn any_region_of_the_credential_scope_is_accepted(scene: Scene) {
    let client = ClientLogin { region: "eu-west-1", ..scene.client(&scene.alice, "dev") };
    let (status, answer) = scene.server.login("aws", &client.vault_cli_payload()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn a_changed_request_is_refused(scene: Scene) {
    let payload = scene.client(&scene.alice, "dev").vault_cli_payload();
    let headers = decoded(&payload["iam_request_headers"]);

    for (name, change) in [
        ("Authorization", "signature"),
        ("X-Amz-Date", "date"),
        ("Content-Type", "content type"),
        ("Content-Length", "length"),
    ] {
        let mut changed = headers.clone();
        let value = changed[name][0].as_str().unwrap().to_owned();
        let last = if value.ends_with('0') { '1' } else { '0' };
        changed[name][0] = json!(format!("{}{last}", &value[..value.len() - 1]));
        let mut payload = payload.clone();
        payload["iam_request_headers"] = json!(STANDARD.encode(changed.to_string()));
        let (status, answer) = scene.server.login("aws", &payload).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "changed {change}: {answer}");
        assert_eq!(answer.get("auth"), None);
    }

    let (status, answer) = scene.server.login("aws", &payload).await;
    assert_eq!(status, StatusCode::OK, "the request was fine before it was changed: {answer}");
}

async fn a_request_for_another_server_is_refused(scene: Scene) {
    let other = ClientLogin { server_id: Some("other.example.com"), ..scene.client(&scene.alice, "dev") };
    let (status, answer) = scene.server.login("aws", &other.vault_cli_payload()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let text = errors(&answer);
    assert!(text.contains("error validating X-Vault-AWS-IAM-Server-ID header"), "{text}");

    let mut payload = other.vault_cli_payload();
    let mut headers = decoded(&payload["iam_request_headers"]);
    headers["X-Vault-Aws-Iam-Server-Id"] = json!([SERVER_ID]);
    payload["iam_request_headers"] = json!(STANDARD.encode(headers.to_string()));
    let (status, answer) = scene.server.login("aws", &payload).await;
    assert_eq!(
        status,
        StatusCode::BAD_REQUEST,
        "a re-written server id is no longer what was signed: {answer}"
    );
}

async fn a_principal_that_is_not_bound_is_refused(scene: Scene) {
    scene.moto.stop_verifying().await;
    let mallory = scene.moto.create_user("mallory", "/people/").await;
    scene.moto.verify_signatures().await;
    let text = scene.refused(&mallory, "dev").await;
    assert_eq!(text, format!(r#"IAM Principal "{}" does not belong to the role "dev""#, mallory.arn));
}

async fn a_user_made_again_under_the_same_name_is_another_one(scene: Scene) {
    scene.admitted(&scene.alice, "dev").await;
    scene.moto.stop_verifying().await;
    scene.moto.delete_user("alice", &scene.alice).await;
    let successor = scene.moto.create_user("alice", "/people/").await;
    scene.moto.verify_signatures().await;
    assert_eq!(successor.arn, scene.alice.arn);

    scene.refused(&successor, "dev").await;
    scene.write_role("aws", "dev", &json!({"bound_iam_principal_arn": successor.arn})).await;
    scene.admitted(&successor, "dev").await;
}

async fn a_wildcard_matches_the_full_arn(scene: Scene) {
    scene.moto.stop_verifying().await;
    let robot = scene.moto.create_user("robot", "/machines/").await;
    scene.moto.verify_signatures().await;
    let pattern = "arn:aws:iam::123456789012:user/people/*";
    scene.write_role("aws", "people", &json!({"bound_iam_principal_arn": pattern})).await;
    scene.admitted(&scene.alice, "people").await;
    scene.refused(&robot, "people").await;
}

/// Account without a `config/sts` entry in the following tests, until it gets one.
const OTHER_ACCOUNT: &str = "210987654321";

async fn an_account_that_is_not_configured_is_refused_accident_6(scene: Scene) {
    scene.moto.stop_verifying().await;
    let ours = scene.moto.create_role("shared", "/", "ours").await;
    let mut theirs = ours.clone();
    theirs.arn = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/shared");
    theirs.credentials = scene.moto.assume_role(&theirs.arn, "theirs").await;
    // Matches the role of either account.
    scene.write_role("aws", "wide", &json!({"bound_iam_principal_arn": "*:role/shared*"})).await;

    let expected = format!(
        "unable to fetch client for account ID \"{OTHER_ACCOUNT}\" -- default client is for account \"123456789012\""
    );
    let cold = scene.refused(&theirs, "wide").await;
    assert!(cold.contains(&expected), "{cold}");
    scene.admitted(&ours, "wide").await;
    let warm = scene.refused(&theirs, "wide").await;
    assert!(warm.contains(&expected), "{warm}");
}

async fn a_principal_of_a_configured_account_logs_in(scene: Scene) {
    scene.moto.stop_verifying().await;
    let lookup = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/lookup");
    let administrator = scene.moto.assume_role(&lookup, "setup").await;
    let theirs =
        scene.moto.create_role_in_account_of(&administrator.access_key_id, "shared", "/", "theirs").await;
    assert_eq!(theirs.arn, format!("arn:aws:iam::{OTHER_ACCOUNT}:role/shared"));

    scene
        .server
        .root("POST", &format!("auth/aws/config/sts/{OTHER_ACCOUNT}"), &json!({"sts_role": lookup}))
        .await;
    scene.write_role("aws", "theirs", &json!({"bound_iam_principal_arn": theirs.arn})).await;
    let answer = scene.admitted(&theirs, "theirs").await;
    assert_eq!(answer["auth"]["metadata"]["account_id"], json!(OTHER_ACCOUNT));
}

async fn a_token_is_renewed_as_long_as_its_role_exists(scene: Scene) {
    let token = client_token(&scene.admitted(&scene.alice, "dev").await);
    scene.write_role("aws", "dev", &json!({"token_ttl": "20m"})).await;
    let (status, renewed) = scene.server.call("PUT", "auth/token/renew-self", &json!({}), &token).await;
    assert_eq!(status, StatusCode::OK, "{renewed}\n{}", scene.server.log());
    assert_eq!(renewed["auth"]["lease_duration"], json!(1200), "the role's present duration counts");

    scene.server.root("DELETE", "auth/aws/role/dev", &Value::Null).await;
    let (status, refusal) = scene.server.call("PUT", "auth/token/renew-self", &json!({}), &token).await;
    assert!(!status.is_success(), "{refusal}");
    assert!(errors(&refusal).contains("role entry not found"), "{refusal}");
}

async fn a_fixed_alias_follows_the_configuration(scene: Scene) {
    let identity = json!({"iam_alias": "unique_id", "iam_metadata": ["client_arn", "account_id"]});
    scene.server.root("POST", "auth/aws/config/identity", &identity).await;
    let answer = scene.admitted(&scene.alice, "dev").await;
    let alias = alias_of(&scene, &answer).await;
    assert_eq!(alias["name"], json!(scene.alice.unique_id));
    assert_eq!(
        alias["metadata"],
        json!({"client_arn": scene.alice.arn, "account_id": "123456789012"}),
        "what was chosen, and nothing else"
    );
}

/// The entity alias behind a login.
async fn alias_of(scene: &Scene, answer: &Value) -> Value {
    let entity = answer["auth"]["entity_id"].as_str().unwrap();
    let entity = scene.server.root("GET", &format!("identity/entity/id/{entity}"), &Value::Null).await;
    let alias = entity["data"]["aliases"][0].clone();
    assert_eq!(alias["mount_accessor"], json!(scene.mount.accessor));
    alias
}

/// A field of a payload that is JSON in base64.
fn decoded(field: &Value) -> Value {
    serde_json::from_slice(&STANDARD.decode(field.as_str().unwrap()).unwrap()).unwrap()
}
