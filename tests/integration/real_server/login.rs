//! Logins to a real server. AWS is the strict stand-in, which verifies every signature and date.

use http::StatusCode;
use serde_json::{Value, json};
use time::Duration;

use testkit::aws::{Entity, Instance, LoginOptions, OTHER_ACCOUNT, edit_headers, sign_login};
use testkit::server::{
    ClientLogin, Flavor, SERVER_ID, Scene, client_token, errors, on_each_server, vault_cli_login,
};

on_each_server! {
    Scene:
    the_payload_of_the_vault_command_line_logs_in,
    the_vault_command_line_logs_in,
    hvac_logs_in,
    boto3_logs_in,
    a_get_that_botocore_signs_in_a_header_logs_in,
    a_login_that_names_its_role_asks_sts_once,
    a_quota_of_a_role_counts_logins_to_it,
    an_assumed_role_logs_in_with_its_session,
    an_instance_logs_in_by_its_session_name,
    without_a_role_the_name_of_the_principal_is_taken,
    any_region_of_the_credential_scope_is_accepted,
    a_changed_request_is_refused,
    an_old_request_is_refused,
    a_request_for_another_server_is_refused,
    a_principal_that_is_not_bound_is_refused,
    a_user_made_again_under_the_same_name_is_another_one,
    a_wildcard_matches_the_full_arn,
    an_account_that_is_not_configured_is_refused_accident_6,
    a_principal_of_a_configured_account_logs_in,
    a_token_is_renewed_as_long_as_its_role_exists,
    alias_and_metadata_follow_the_configuration,
    metadata_that_no_alias_may_have_does_not_fail_the_login,
}

async fn the_payload_of_the_vault_command_line_logs_in(scene: Scene) {
    let answer = scene.admitted(&scene.alice.credentials, "dev").await;
    let auth = &answer["auth"];
    assert_eq!(auth["token_policies"], json!(["default", "dev"]));
    assert_eq!(auth["lease_duration"], json!(900));
    assert_eq!(auth["renewable"], json!(true));
    assert_eq!(auth["metadata"]["account_id"], json!(scene.alice.entity.account));
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
    let Some(vault) = scene.installation.server(scene.test, Flavor::Vault) else { return };
    let answer = scene.client().with_vault_cli(&vault.path, &scene.server).unwrap();
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));
}

async fn hvac_logs_in(scene: Scene) {
    let Some(python) = scene.installation.python_tool(scene.test, "python") else { return };
    let answer = scene.client().with_hvac(&python, &scene.server).unwrap();
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));

    // Without a role hvac sends JSON null.
    let nameless = ClientLogin { role: None, ..scene.client() };
    let refusal = nameless.with_hvac(&python, &scene.server).unwrap_err();
    assert!(refusal.contains("entry for role alice not found"), "{refusal}");
}

async fn boto3_logs_in(scene: Scene) {
    let Some(python) = scene.installation.python_tool(scene.test, "python") else { return };
    // boto3 signs for the regional host, which its request names.
    let payload = scene.client().boto3_payload(&python, &scene.server);
    let (status, answer) = scene.server.login("aws", &payload).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));
}

async fn a_get_that_botocore_signs_in_a_header_logs_in(scene: Scene) {
    let Some(python) = scene.installation.python_tool(scene.test, "python") else { return };
    let mut payload = scene.client().botocore_get(&python, &scene.server);
    let (status, answer) = scene.server.login("aws", &payload).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));

    edit_headers(&mut payload, |headers| {
        let (_, values) = headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
        values[0] = values[0].replace(";x-vault-aws-iam-server-id", "");
    });
    let (status, answer) = scene.server.login("aws", &payload).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(errors(&answer).contains("vault header wasn't signed"), "{answer}");
}

/// The host asks for the role of a login on its own, with the same request.
async fn a_login_that_names_its_role_asks_sts_once(scene: Scene) {
    scene.admitted(&scene.alice.credentials, "dev").await;
    assert_eq!(scene.aws.total_calls(), 1, "{:?}", scene.aws.all_calls());
}

async fn a_quota_of_a_role_counts_logins_to_it(scene: Scene) {
    scene.write_role("aws", "free", &json!({"bound_iam_principal_arn": scene.alice.arn})).await;
    let quota = json!({"path": "auth/aws", "role": "dev", "rate": 1, "interval": "1h"});
    scene.server.root("POST", "sys/quotas/rate-limit/dev", &quota).await;
    scene.aws.clear_calls();

    scene.admitted(&scene.alice.credentials, "dev").await;
    // However the name is spelled, it is the same role.
    for spelling in ["dev", "DEV"] {
        let (status, answer) = scene.login(&scene.alice.credentials, spelling).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{spelling}: {answer}");
    }
    scene.admitted(&scene.alice.credentials, "free").await;
    assert_eq!(scene.aws.total_calls(), 2, "a login beyond the quota costs no call");
}

async fn an_assumed_role_logs_in_with_its_session(scene: Scene) {
    let worker = scene.aws.create_role(Entity::named("worker").path("/jobs/"));
    scene.write_role("aws", "jobs", &json!({"bound_iam_principal_arn": worker.arn})).await;

    let session = scene.aws.session(&worker, "nightly");
    let answer = scene.admitted(&session.credentials, "jobs").await;
    let token = client_token(&answer);
    let (_, own) = scene.server.call("GET", "auth/token/lookup-self", &Value::Null, &token).await;
    assert_eq!(own["data"]["display_name"], json!("aws-worker/nightly"));
}

async fn an_instance_logs_in_by_its_session_name(scene: Scene) {
    let worker = scene.aws.create_role("web");
    let instance = scene.aws.run_instance(Instance::with_id("i-0123456789abcdef0"));
    let role = json!({
        "bound_iam_principal_arn": worker.arn,
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": instance.region,
        "bound_vpc_id": instance.vpc_id,
    });
    scene.write_role("aws", "web", &role).await;
    let session = scene.aws.session(&worker, &instance.id);
    scene.admitted(&session.credentials, "web").await;

    let elsewhere = scene.aws.session(&worker, "i-0aaaaaaaaaaaaaaa0");
    let text = scene.refused(&elsewhere.credentials, "web").await;
    assert!(text.contains("failed to verify i-0aaaaaaaaaaaaaaa0 as a valid EC2 instance"), "{text}");

    scene.write_role("aws", "web", &json!({"bound_vpc_id": "vpc-0ffffffffffffffff"})).await;
    let text = scene.refused(&session.credentials, "web").await;
    assert!(text.contains("error validating instance"), "{text}");
}

async fn without_a_role_the_name_of_the_principal_is_taken(scene: Scene) {
    let role = json!({"bound_iam_principal_arn": scene.alice.arn, "token_policies": "own"});
    scene.write_role("aws", "alice", &role).await;
    let answer = scene.admitted(&scene.alice.credentials, "").await;
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "own"]));
}

async fn any_region_of_the_credential_scope_is_accepted(scene: Scene) {
    let options = LoginOptions::vault_cli()
        .server_id(SERVER_ID)
        .role("dev")
        .region("eu-west-1")
        .url("https://sts.eu-west-1.amazonaws.com/");
    let (status, answer) = scene.server.login("aws", &sign_login(&scene.alice.credentials, &options)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn a_changed_request_is_refused(scene: Scene) {
    let login = vault_cli_login(&scene.alice.credentials, "dev");
    for name in ["Authorization", "X-Amz-Date", "Content-Type"] {
        let mut changed = login.clone();
        edit_headers(&mut changed, |headers| {
            let (_, values) = headers.iter_mut().find(|(present, _)| present == name).unwrap();
            let last = if values[0].ends_with('0') { '1' } else { '0' };
            values[0].pop();
            values[0].push(last);
        });
        let (status, answer) = scene.server.login("aws", &changed).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "changed {name}: {answer}");
        assert_eq!(answer.get("auth"), None);
    }
    let (status, answer) = scene.server.login("aws", &login).await;
    assert_eq!(status, StatusCode::OK, "the request was fine before it was changed: {answer}");
}

async fn an_old_request_is_refused(scene: Scene) {
    let login = vault_cli_login(&scene.alice.credentials, "dev");
    scene.aws.set_clock_offset(Duration::minutes(16));
    let (status, answer) = scene.server.login("aws", &login).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(
        errors(&answer).contains("error making upstream request: received error code 403 from STS"),
        "{answer}"
    );
}

async fn a_request_for_another_server_is_refused(scene: Scene) {
    let options = LoginOptions::vault_cli().server_id("other.example.com").role("dev");
    let mut login = sign_login(&scene.alice.credentials, &options);
    let (status, answer) = scene.server.login("aws", &login).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let text = errors(&answer);
    assert!(text.contains("error validating X-Vault-AWS-IAM-Server-ID header"), "{text}");
    assert_eq!(scene.aws.total_calls(), 0, "AWS need not be asked");

    edit_headers(&mut login, |headers| {
        let (_, values) = headers.iter_mut().find(|(name, _)| name == "X-Vault-Aws-Iam-Server-Id").unwrap();
        *values = vec![SERVER_ID.to_owned()];
    });
    let (status, answer) = scene.server.login("aws", &login).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a server id written anew is not what was signed: {answer}");
}

async fn a_principal_that_is_not_bound_is_refused(scene: Scene) {
    let mallory = scene.aws.create_user(Entity::named("mallory").path("/people/"));
    let text = scene.refused(&mallory.credentials, "dev").await;
    assert_eq!(text, format!(r#"IAM Principal "{}" does not belong to the role "dev""#, mallory.arn));
}

async fn a_user_made_again_under_the_same_name_is_another_one(scene: Scene) {
    scene.admitted(&scene.alice.credentials, "dev").await;
    let successor = scene.aws.recreate_user(&scene.alice);
    assert_eq!(successor.arn, scene.alice.arn);

    scene.refused(&successor.credentials, "dev").await;
    scene.write_role("aws", "dev", &json!({"bound_iam_principal_arn": successor.arn})).await;
    scene.admitted(&successor.credentials, "dev").await;
}

async fn a_wildcard_matches_the_full_arn(scene: Scene) {
    let robot = scene.aws.create_user(Entity::named("robot").path("/machines/"));
    let pattern = scene.alice.arn.replace("alice", "*");
    scene.write_role("aws", "people", &json!({"bound_iam_principal_arn": pattern})).await;
    scene.admitted(&scene.alice.credentials, "people").await;
    scene.refused(&robot.credentials, "people").await;
}

async fn an_account_that_is_not_configured_is_refused_accident_6(scene: Scene) {
    let ours = scene.aws.create_role("shared");
    let theirs = scene.aws.create_role(Entity::named("shared").account(OTHER_ACCOUNT));
    let ours_session = scene.aws.session(&ours, "ours").credentials;
    let theirs_session = scene.aws.session(&theirs, "theirs").credentials;
    // Taken for the role of the same name in the server's account, theirs would match.
    let pattern = format!("{}*", ours.arn);
    scene.write_role("aws", "shared", &json!({"bound_iam_principal_arn": pattern})).await;

    let expected = format!(
        "unable to fetch client for account ID \"{OTHER_ACCOUNT}\" -- default client is for account \"{}\"",
        ours.entity.account
    );
    let cold = scene.refused(&theirs_session, "shared").await;
    assert!(cold.contains(&expected), "{cold}");
    scene.admitted(&ours_session, "shared").await;
    let warm = scene.refused(&theirs_session, "shared").await;
    assert!(warm.contains(&expected), "{warm}");
}

async fn a_principal_of_a_configured_account_logs_in(scene: Scene) {
    let lookup = scene.aws.create_role(Entity::named("lookup").account(OTHER_ACCOUNT));
    scene.aws.require_external_id(&lookup, Some("0c1f64bd"));
    let theirs = scene.aws.create_role(Entity::named("shared").account(OTHER_ACCOUNT));

    let path = format!("auth/aws/config/sts/{OTHER_ACCOUNT}");
    let access = json!({"sts_role": lookup.arn, "external_id": "0c1f64bd"});
    scene.server.root("POST", &path, &access).await;
    scene.write_role("aws", "theirs", &json!({"bound_iam_principal_arn": theirs.arn})).await;
    let session = scene.aws.session(&theirs, "theirs");
    let answer = scene.admitted(&session.credentials, "theirs").await;
    assert_eq!(answer["auth"]["metadata"]["account_id"], json!(OTHER_ACCOUNT));
}

async fn a_token_is_renewed_as_long_as_its_role_exists(scene: Scene) {
    let token = client_token(&scene.admitted(&scene.alice.credentials, "dev").await);
    scene.write_role("aws", "dev", &json!({"token_ttl": "20m"})).await;
    let (status, renewed) = scene.server.call("PUT", "auth/token/renew-self", &json!({}), &token).await;
    assert_eq!(status, StatusCode::OK, "{renewed}\n{}", scene.server.log());
    assert_eq!(renewed["auth"]["lease_duration"], json!(1200), "the role's present duration counts");

    scene.server.root("DELETE", "auth/aws/role/dev", &Value::Null).await;
    let (status, refusal) = scene.server.call("PUT", "auth/token/renew-self", &json!({}), &token).await;
    assert!(!status.is_success(), "{refusal}");
    assert!(errors(&refusal).contains("role entry not found"), "{refusal}");
}

async fn alias_and_metadata_follow_the_configuration(scene: Scene) {
    let identity = json!({"iam_alias": "unique_id", "iam_metadata": ["client_arn", "account_id"]});
    scene.server.root("POST", "auth/aws/config/identity", &identity).await;
    let answer = scene.admitted(&scene.alice.credentials, "dev").await;
    let alias = alias_of(&scene, &answer).await;
    assert_eq!(alias["name"], json!(scene.alice.unique_id));
    let expected = json!({"client_arn": scene.alice.arn, "account_id": scene.alice.entity.account});
    assert_eq!(alias["metadata"], expected, "what was chosen, and nothing else");
}

/// A host refuses values of more than 512 bytes.
async fn metadata_that_no_alias_may_have_does_not_fail_the_login(scene: Scene) {
    let identity = json!({"iam_alias": "unique_id", "iam_metadata": ["client_arn", "account_id"]});
    scene.server.root("POST", "auth/aws/config/identity", &identity).await;
    let path = format!("/{}/", "p".repeat(498));
    let distant = scene.aws.create_user(Entity::named("distant").path(&path));
    scene.write_role("aws", "distant", &json!({"bound_iam_principal_arn": distant.arn})).await;
    let answer = scene.admitted(&distant.credentials, "distant").await;
    assert_eq!(answer["auth"]["metadata"]["client_arn"], json!(distant.arn));
    let alias = alias_of(&scene, &answer).await;
    assert_eq!(alias["metadata"]["account_id"], json!(distant.entity.account));
    let shown = alias["metadata"]["client_arn"].as_str().unwrap();
    assert_eq!((shown.len(), &shown[..440]), (512, &distant.arn[..440]));
}

/// The entity alias behind a login.
async fn alias_of(scene: &Scene, answer: &Value) -> Value {
    let entity = answer["auth"]["entity_id"].as_str().unwrap();
    let entity = scene.server.root("GET", &format!("identity/entity/id/{entity}"), &Value::Null).await;
    let alias = entity["data"]["aliases"][0].clone();
    assert_eq!(alias["mount_accessor"], json!(scene.mount.accessor));
    alias
}
