//! `login`, beside the login of Vault's own command line.

use serde_json::{Value, json};
use time::Duration;

use super::{Caller, HostScene, server_id};
use testkit::aws::Entity;
use testkit::server::{Flavor, on_each_server};

on_each_server! {
    HostScene:
    it_gives_what_vaults_command_line_gives,
    every_form_of_output_is_that_of_the_hosts_tools,
    a_wrapped_token_is_unwrapped_unless_it_is_not_kept,
    the_servers_refusal_is_shown_whole,
    a_sealed_server_refuses,
    mounts_and_namespaces_are_reached,
    a_region_is_found_where_vaults_command_line_finds_it,
    expired_credentials_and_clocks_that_are_off_are_refused,
}

async fn it_gives_what_vaults_command_line_gives(scene: HostScene) {
    let caller = scene.alice();
    let words = ["role=dev", &server_id(), "region=eu-west-1"];
    let own =
        caller.json(&[&["login", "-method=aws", "-no-store", "-format=json"], &words[..]].concat()).await;
    assert_eq!(own["auth"]["token_policies"], json!(["default", "dev"]));
    assert_eq!(own["auth"]["metadata"]["auth_type"], json!("iam"));

    let Some(vault) = scene.installation.server(scene.test, Flavor::Vault) else { return };
    let mut command = caller.command(&vault.path);
    command.args(["login", "-method=aws", "-no-store", "-format=json"]).args(words);
    let theirs = super::run(command, "").await;
    let theirs: Value = serde_json::from_str(&theirs.output).unwrap_or_else(|_| panic!("{theirs:#?}"));
    assert_eq!(without_names(own), without_names(theirs));
}

/// An answer without what is another for each token.
fn without_names(mut answer: Value) -> Value {
    answer["request_id"] = json!("");
    for name in ["client_token", "accessor"] {
        assert!(answer["auth"][name].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
        answer["auth"][name] = json!("");
    }
    let metadata = answer["auth"]["metadata"].as_object_mut().unwrap();
    metadata.retain(|name, _| name != "aws_signed_at" && name != "aws_request_id");
    answer
}

async fn every_form_of_output_is_that_of_the_hosts_tools(scene: HostScene) {
    let caller = scene.alice();
    let server_id = server_id();
    let login = async |options: &[&str]| {
        let arguments = [&["login", "role=dev", &server_id], options].concat();
        caller.done(&arguments).await
    };
    let table = login(&["-no-store"]).await;
    let mut rows = table.lines().map(|line| line.split_whitespace().next().unwrap());
    assert!(rows.by_ref().take(9).eq([
        "Key",
        "---",
        "token",
        "token_accessor",
        "token_duration",
        "token_renewable",
        "token_policies",
        "identity_policies",
        "policies"
    ]));
    assert!(rows.all(|row| row.starts_with("token_meta_")), "{table}");
    assert!(table.contains(" 15m\n") && table.contains(r#" ["default" "dev"]"#), "{table}");

    let yaml = login(&["-no-store", "-format=yaml"]).await;
    assert!(yaml.contains("  token_policies:\n  - default\n  - dev\n"), "{yaml}");
    assert_eq!(login(&["-no-store", "-field=token_duration"]).await, "900");
    assert_eq!(login(&["-no-store", "-field=policies"]).await, "[default dev]");
    assert_eq!(login(&["-no-store", "-field=policies", "-format=json"]).await, r#"["default","dev"]"#);
    assert_eq!(login(&["-no-print", "-no-store"]).await, "");
    assert!(!caller.file(".vault-token").exists(), "nothing was to be kept");

    let token = login(&["-token-only"]).await;
    assert!(!token.contains('\n') && !caller.file(".vault-token").exists(), "{token}");
    let (status, own) = scene.server.call("GET", "auth/token/lookup-self", &Value::Null, &token).await;
    assert_eq!(own["data"]["display_name"], json!("aws-alice"), "{status}");
    caller.failed(2, &["login", "role=dev", &server_id, "-no-store", "-field=nothing"]).await;
    let environment = scene.alice().with("VAULT_FORMAT", "json");
    environment.json(&["login", "-no-store", "role=dev", &server_id]).await;
}

async fn a_wrapped_token_is_unwrapped_unless_it_is_not_kept(scene: HostScene) {
    let caller = scene.alice();
    let server_id = server_id();
    let login = ["login", "-wrap-ttl=90s", "-format=json", "role=dev", &server_id];
    let answer = caller.json(&login).await;
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));
    let kept = std::fs::read_to_string(caller.file(".vault-token")).unwrap();
    assert_eq!(answer["auth"]["client_token"], json!(kept));

    let answer = caller.json(&[&login[..], &["-no-store"]].concat()).await;
    assert_eq!(answer["wrap_info"]["ttl"], json!(90));
    assert_eq!(answer.get("auth"), None);
    let wrapping = caller.done(&[&login[..], &["-token-only"]].concat()).await;
    let (_, unwrapped) = scene.server.call("PUT", "sys/wrapping/unwrap", &json!({}), &wrapping).await;
    assert_eq!(unwrapped["auth"]["token_policies"], json!(["default", "dev"]), "{unwrapped}");
}

async fn the_servers_refusal_is_shown_whole(scene: HostScene) {
    let caller = scene.alice();
    let said = caller.failed(1, &["login", "role=nobody", &server_id()]).await;
    assert!(said.contains("400 Bad Request") && said.contains("entry for role nobody not found"), "{said}");
    assert!(!said.contains(&scene.alice.credentials.secret_access_key), "{said}");
    let said = caller.failed(1, &["login", "role=dev", "header_value=another"]).await;
    assert!(said.contains("expected \"vault.example.com\" but got \"another\""), "{said}");
    let said = caller.failed(1, &["login", "-path=elsewhere", "role=dev", &server_id()]).await;
    assert!(said.contains("hint: ") && said.contains("-path"), "{said}");
    assert!(!caller.file(".vault-token").exists());
}

async fn a_sealed_server_refuses(scene: HostScene) {
    scene.server.root("PUT", "sys/seal", &Value::Null).await;
    let said = scene.alice().failed(1, &["login", "role=dev", &server_id()]).await;
    assert!(said.contains("503") && said.contains("sealed"), "{said}");
}

async fn mounts_and_namespaces_are_reached(scene: HostScene) {
    scene.server.enable("team/aws", "aws").await;
    scene.configure("team/aws").await;
    scene.write_role("team/aws", "dev", &json!({"bound_iam_principal_arn": scene.alice.arn})).await;
    let caller = scene.alice();
    for arguments in [["-path=team/aws", "x"], ["mount=/team/aws/", "x"], ["-mount=other", "mount=team/aws"]]
    {
        let words: Vec<&str> = arguments.into_iter().filter(|word| *word != "x").collect();
        let server_id = server_id();
        let arguments =
            [&["login", "-format=json", "-no-store", "role=dev", &server_id], &words[..]].concat();
        let answer = caller.json(&arguments).await;
        assert_eq!(answer["auth"]["token_policies"], json!(["default"]), "{words:?}");
    }
    if scene.flavor == Flavor::Vault {
        return; // Namespaces are not in the free Vault.
    }
    scene.server.root("POST", "sys/namespaces/ns1", &json!({})).await;
    scene.server.root("POST", "ns1/sys/auth/aws", &json!({"type": "aws"})).await;
    let client = json!({
        "access_key": scene.server_user.credentials.access_key_id,
        "secret_key": scene.server_user.credentials.secret_access_key,
        "endpoint": scene.aws.url(), "iam_endpoint": scene.aws.url(), "sts_endpoint": scene.aws.url(),
    });
    scene.server.root("POST", "ns1/auth/aws/config/client", &client).await;
    let role = json!({"bound_iam_principal_arn": scene.alice.arn, "token_policies": "inner"});
    scene.server.root("POST", "ns1/auth/aws/role/dev", &role).await;
    let answer = caller.json(&["login", "-ns=ns1/", "-no-store", "-format=json", "role=dev"]).await;
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "inner"]));
    let inside = scene.alice().with("BAO_NAMESPACE", "ns1");
    inside.json(&["login", "-no-store", "-format=json", "role=dev"]).await;
}

async fn a_region_is_found_where_vaults_command_line_finds_it(scene: HostScene) {
    let caller = scene.alice();
    let profile = caller.write(".aws/config", "[default]\nregion = eu-north-1\n");
    assert!(profile.exists());
    let elsewhere = scene.alice().with("AWS_REGION", "sa-east-1");
    let neither = scene.alice();
    for (caller, word, region) in [
        (&caller, "region=auto", "eu-north-1"),
        (&elsewhere, "region=auto", "sa-east-1"),
        (&elsewhere, "region=eu-west-3", "eu-west-3"),
        (&elsewhere, "region=", "us-east-1"),
        (&neither, "region=auto", "us-east-1"),
    ] {
        scene.aws.clear_calls();
        caller.done(&["login", "-no-store", "role=dev", &server_id(), word]).await;
        let calls = scene.aws.calls("GetCallerIdentity");
        let scope = calls.last().unwrap().region.clone();
        assert_eq!(scope, region, "{word}");
    }
}

async fn expired_credentials_and_clocks_that_are_off_are_refused(scene: HostScene) {
    let role = scene.aws.create_role(Entity::named("worker"));
    scene.write_role("aws", "jobs", &json!({"bound_iam_principal_arn": role.arn})).await;
    let ended = scene.aws.session_until(&role, "night", scene.aws.now() - Duration::minutes(1));
    let caller = Caller::new().on(&scene.server).with_keys(&ended.credentials);
    let said = caller.failed(1, &["login", "role=jobs", &server_id()]).await;
    assert!(said.contains("ExpiredToken"), "{said}");

    scene.aws.set_clock_offset(Duration::minutes(20));
    let said = scene.alice().failed(1, &["login", "role=dev", &server_id()]).await;
    assert!(said.contains("SignatureDoesNotMatch") && said.contains("Signature expired"), "{said}");
}
