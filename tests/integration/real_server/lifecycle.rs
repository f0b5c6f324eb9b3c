//! The life of the plugin's process under a real server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use http::StatusCode;
use serde_json::{Value, json};

use testkit::server::{
    Flavor, POLL_INTERVAL, START_DEADLINE, Scene, kill_hard, on_each_server, program_of as path_of,
    vault_cli_login,
};

on_each_server! {
    Scene:
    two_mounts_share_one_process_and_nothing_else,
    a_reload_starts_a_new_process,
    a_killed_process_is_replaced_and_logins_work_again,
    the_process_ends_with_the_last_mount,
    seal_and_unseal_keep_roles_and_configuration,
    an_unversioned_entry_takes_a_new_checksum_after_a_reload,
    a_mount_moves_to_a_version_and_between_versions,
    what_is_stored_has_the_form_of_the_built_in_method,
    the_server_shows_help_and_a_whole_api_description,
}

async fn two_mounts_share_one_process_and_nothing_else(scene: Scene) {
    scene.server.enable("aws2", "aws").await;
    assert_eq!(scene.server.plugin_ids().len(), 1);

    let login = || vault_cli_login(&scene.alice.credentials, "dev");
    let (status, answer) = scene.server.login("aws2", &login()).await;
    assert!(!status.is_success(), "no role and no configuration of the first mount may count here: {answer}");

    scene.configure("aws2").await;
    let role = json!({"bound_iam_principal_arn": scene.alice.arn, "token_policies": ["second"]});
    scene.write_role("aws2", "dev", &role).await;
    let (status, answer) = scene.server.login("aws2", &login()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "second"]));
    let first = scene.admitted(&scene.alice.credentials, "dev").await;
    assert_eq!(first["auth"]["token_policies"], json!(["default", "dev"]));
    assert_eq!(scene.server.plugin_ids().len(), 1);

    scene.server.disable("aws2").await;
    scene.admitted(&scene.alice.credentials, "dev").await;
}

async fn a_reload_starts_a_new_process(scene: Scene) {
    let before = scene.server.plugin_ids();
    scene.server.reload("aws").await;
    scene.admitted(&scene.alice.credentials, "dev").await;
    let after = wait_for_processes(&scene, 1).await;
    assert_ne!(before, after);
}

async fn a_killed_process_is_replaced_and_logins_work_again(scene: Scene) {
    let before = scene.server.plugin_ids();
    for id in &before {
        kill_hard(*id);
    }
    wait_for_processes(&scene, 0).await;
    // Until the host has noticed, logins are lost; none may be refused.
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let (status, answer) = scene.login(&scene.alice.credentials, "dev").await;
        if status == StatusCode::OK {
            break;
        }
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
        assert!(Instant::now() < deadline, "{answer}\n{}", scene.server.log());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    assert_ne!(before, wait_for_processes(&scene, 1).await);
}

async fn the_process_ends_with_the_last_mount(scene: Scene) {
    scene.server.disable("aws").await;
    wait_for_processes(&scene, 0).await;
    let (status, _) = scene.login(&scene.alice.credentials, "dev").await;
    assert!(!status.is_success());

    // A new mount under the old path begins empty.
    scene.server.enable("aws", "aws").await;
    let (status, _) =
        scene.server.call("GET", "auth/aws/role/dev", &Value::Null, scene.server.root_token()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

async fn seal_and_unseal_keep_roles_and_configuration(mut scene: Scene) {
    scene.server.seal_and_unseal().await;
    scene.admitted(&scene.alice.credentials, "dev").await;
    wait_for_processes(&scene, 1).await;
}

async fn an_unversioned_entry_takes_a_new_checksum_after_a_reload(scene: Scene) {
    let program_before = program_of(scene.server.plugin_ids()[0]);
    scene.server.register("aws", "aws-next", b"\n# another build\n").await;
    scene.admitted(&scene.alice.credentials, "dev").await;

    scene.server.reload("aws").await;
    scene.admitted(&scene.alice.credentials, "dev").await;
    let ids = wait_for_processes(&scene, 1).await;
    assert!(program_before.ends_with("/aws"), "{program_before}");
    assert!(program_of(ids[0]).ends_with("/aws-next"), "the mount must follow the unversioned entry");

    let mounts = scene.server.root("GET", "sys/auth", &Value::Null).await;
    assert_eq!(mounts["data"]["aws/"]["type"], json!("aws"));
    assert_eq!(mounts["data"]["aws/"]["plugin_version"], json!(""));
}

async fn a_mount_moves_to_a_version_and_between_versions(scene: Scene) {
    let versions = ["v0.1.0", "v0.2.0"];
    for version in versions {
        let file = format!("aws-{version}");
        scene.server.register_version("aws", version, &file, version.as_bytes()).await;
    }
    for version in [versions[0], versions[1], versions[0]] {
        scene.server.root("POST", "sys/auth/aws/tune", &json!({"plugin_version": version})).await;
        scene.server.root("PUT", "sys/plugins/reload/backend", &json!({"mounts": ["auth/aws/"]})).await;
        scene.admitted(&scene.alice.credentials, "dev").await;
        let ids = wait_for_processes(&scene, 1).await;
        assert!(program_of(ids[0]).ends_with(version), "not {version}: {}", program_of(ids[0]));
    }
}

async fn what_is_stored_has_the_form_of_the_built_in_method(scene: Scene) {
    scene.write_role("aws", "DEV", &json!({"token_ttl": "30m"})).await;
    let role = scene.server.stored(&scene.mount, "role/dev").await.expect("the name is folded to lower case");
    assert_eq!(role["version"], json!(3));
    assert_eq!(role["auth_type"], json!("iam"));
    assert_eq!(role["bound_iam_principal_arn_list"], json!([scene.alice.arn]));
    assert_eq!(role["bound_iam_principal_id_list"], json!([scene.alice.unique_id]));
    assert_eq!(role["token_ttl"], json!(1_800_000_000_000_i64), "nanoseconds");
    assert_eq!(role["token_policies"], json!(["dev"]));
    assert_eq!(scene.server.stored(&scene.mount, "role/DEV").await, None);

    let client = scene.server.stored(&scene.mount, "config/client").await.unwrap();
    assert_eq!(client["iam_server_id_header_value"], json!("vault.example.com"));
    assert_eq!(client["max_retries"], json!(-1));
}

async fn the_server_shows_help_and_a_whole_api_description(scene: Scene) {
    for path in ["auth/aws", "auth/aws/role/dev", "auth/aws/config/client", "auth/aws/login"] {
        let help = scene.server.root("GET", &format!("{path}?help=1"), &Value::Null).await;
        assert!(help["help"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {help}");
    }
    let status = scene.server.root("GET", "auth/aws/status/aws", &Value::Null).await;
    assert!(status["data"]["calls"].is_array() && status["data"]["caches"].is_object(), "{status}");
    let doctor = scene.server.root("GET", "auth/aws/config/doctor?only=config,host", &Value::Null).await;
    let probes = doctor["data"]["probes"].as_array().unwrap();
    let names: Vec<&str> = probes.iter().map(|probe| probe["probe"].as_str().unwrap()).collect();
    assert_eq!(names.first(), Some(&"config.readable"), "{doctor}");
    assert_eq!(names.last(), Some(&"host.version"), "{doctor}");
    assert_eq!(doctor["data"]["healthy"], json!(true), "{doctor}");
    let doctor = scene.server.root("GET", "auth/aws/config/doctor", &Value::Null).await;
    let identity = doctor["data"]["probes"].as_array().unwrap().iter();
    let identity = identity.filter(|probe| probe["probe"] == json!("credentials.identity"));
    assert!(
        identity.clone().all(|probe| probe["verdict"] == json!("ok")) && identity.count() == 1,
        "{doctor}"
    );
    let document = scene.server.root("GET", "sys/internal/specs/openapi", &Value::Null).await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/sys/auth"), "the rest of the server is still described");

    let mut described = BTreeMap::new();
    let mut deprecated = BTreeSet::new();
    for (path, item) in paths {
        let Some(path) = path.strip_prefix("/auth/{aws_mount_path}/").or(path.strip_prefix("/auth/aws/"))
        else {
            continue;
        };
        for (method, operation) in item.as_object().unwrap() {
            if let Some(id) = operation.get("operationId") {
                described.insert(format!("{method} {path}"), id.as_str().unwrap().to_owned());
                if operation["deprecated"] == json!(true) {
                    deprecated.insert(format!("{method} {path}"));
                }
            }
        }
    }
    // Vault ends the paths that list in a slash, OpenBao does not.
    let slash =
        |id: &str| if scene.flavor == Flavor::Vault && id.starts_with("aws-list-") { "/" } else { "" };
    let expected: BTreeMap<String, String> = OPERATIONS
        .iter()
        .map(|(operation, id)| (format!("{operation}{}", slash(id)), (*id).to_owned()))
        .collect();
    assert_eq!(described, expected);
    let old: BTreeSet<String> = described
        .into_keys()
        .filter(|operation| operation.contains("blacklist") || operation.contains("whitelist"))
        .collect();
    assert_eq!(deprecated, old);
    assert_eq!(paths.values().filter(|item| item["post"]["operationId"] == json!("aws-login")).count(), 1);
}

/// Every operation with its id, by which generated clients call it.
const OPERATIONS: &[(&str, &str)] = &[
    ("post role/{role}/explain", "aws-write-role-explain"),
    ("get config/issuer", "aws-read-issuer"),
    ("post config/issuer", "aws-configure-issuer"),
    ("delete config/issuer", "aws-delete-issuer"),
    ("post issuer/rotate", "aws-rotate-issuer"),
    ("get config/jwt-issuer", "aws-list-jwt-issuers"),
    ("get config/jwt-issuer/{account_id}", "aws-read-jwt-issuer"),
    ("post config/jwt-issuer/{account_id}", "aws-write-jwt-issuer"),
    ("delete config/jwt-issuer/{account_id}", "aws-delete-jwt-issuer"),
    ("get issuer/export", "aws-read-issuer-export"),
    ("get oidc/.well-known/openid-configuration", "aws-read-openid-configuration"),
    ("get oidc/.well-known/keys", "aws-read-openid-keys"),
    ("post login", "aws-login"),
    ("get role", "aws-list-auth-roles"),
    ("get roles", "aws-list-auth-roles2"),
    ("get role/{role}", "aws-read-auth-role"),
    ("post role/{role}", "aws-write-auth-role"),
    ("delete role/{role}", "aws-delete-auth-role"),
    ("post role/{role}/tag", "aws-write-role-tag"),
    ("get config/client", "aws-read-client-configuration"),
    ("post config/client", "aws-configure-client"),
    ("delete config/client", "aws-delete-client-configuration"),
    ("get config/certificate/{cert_name}", "aws-read-certificate-configuration"),
    ("post config/certificate/{cert_name}", "aws-configure-certificate"),
    ("delete config/certificate/{cert_name}", "aws-delete-certificate-configuration"),
    ("get config/certificates", "aws-list-certificate-configurations"),
    ("get config/identity", "aws-read-identity-integration-configuration"),
    ("post config/identity", "aws-configure-identity-integration"),
    ("post config/rotate-root", "aws-rotate-root-credentials"),
    ("get config/sts", "aws-list-sts-role-relationships"),
    ("get config/sts/{account_id}", "aws-read-sts-role"),
    ("post config/sts/{account_id}", "aws-write-sts-role"),
    ("delete config/sts/{account_id}", "aws-delete-sts-role"),
    ("get config/tidy/roletag-denylist", "aws-read-role-tag-deny-list-tidy-settings"),
    ("post config/tidy/roletag-denylist", "aws-configure-role-tag-deny-list-tidy-operation"),
    ("delete config/tidy/roletag-denylist", "aws-delete-role-tag-deny-list-tidy-settings"),
    ("get config/tidy/roletag-blacklist", "aws-read-role-tag-blacklist-tidy-settings"),
    ("post config/tidy/roletag-blacklist", "aws-configure-role-tag-blacklist-tidy-operation"),
    ("delete config/tidy/roletag-blacklist", "aws-delete-role-tag-blacklist-tidy-settings"),
    ("get config/tidy/identity-accesslist", "aws-read-identity-access-list-tidy-settings"),
    ("post config/tidy/identity-accesslist", "aws-configure-identity-access-list-tidy-operation"),
    ("delete config/tidy/identity-accesslist", "aws-delete-identity-access-list-tidy-settings"),
    ("get config/tidy/identity-whitelist", "aws-read-identity-whitelist-tidy-settings"),
    ("post config/tidy/identity-whitelist", "aws-configure-identity-whitelist-tidy-operation"),
    ("delete config/tidy/identity-whitelist", "aws-delete-identity-whitelist-tidy-settings"),
    ("get roletag-denylist", "aws-list-role-tag-deny-lists"),
    ("get roletag-denylist/{role_tag}", "aws-read-role-tag-deny-list"),
    ("post roletag-denylist/{role_tag}", "aws-write-role-tag-deny-list"),
    ("delete roletag-denylist/{role_tag}", "aws-delete-role-tag-deny-list"),
    ("get roletag-blacklist", "aws-list-role-tag-blacklists"),
    ("get roletag-blacklist/{role_tag}", "aws-read-role-tag-blacklist"),
    ("post roletag-blacklist/{role_tag}", "aws-write-role-tag-blacklist"),
    ("delete roletag-blacklist/{role_tag}", "aws-delete-role-tag-blacklist"),
    ("post tidy/roletag-denylist", "aws-tidy-role-tag-deny-list"),
    ("post tidy/roletag-blacklist", "aws-tidy-role-tag-blacklist"),
    ("get identity-accesslist", "aws-list-identity-access-list"),
    ("get identity-accesslist/{instance_id}", "aws-read-identity-access-list"),
    ("delete identity-accesslist/{instance_id}", "aws-delete-identity-access-list"),
    ("get identity-whitelist", "aws-list-identity-whitelist"),
    ("get identity-whitelist/{instance_id}", "aws-read-identity-whitelist"),
    ("delete identity-whitelist/{instance_id}", "aws-delete-identity-whitelist"),
    ("post tidy/identity-accesslist", "aws-tidy-identity-access-list"),
    ("post tidy/identity-whitelist", "aws-tidy-identity-whitelist"),
    ("get status/aws", "aws-read-status"),
    ("get config/doctor", "aws-read-doctor"),
    ("get migrate/report", "aws-read-migration-report"),
];

/// Polls until so many plugin processes run; their ids.
async fn wait_for_processes(scene: &Scene, wanted: usize) -> Vec<u32> {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let ids = scene.server.plugin_ids();
        if ids.len() == wanted {
            return ids;
        }
        assert!(
            Instant::now() < deadline,
            "{} plugin processes, not {wanted}\n{}",
            ids.len(),
            scene.server.log()
        );
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn program_of(id: u32) -> String {
    path_of(id).unwrap().into_os_string().into_string().unwrap()
}
