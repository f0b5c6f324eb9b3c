//! Storage that other versions of the method left behind, and storage that they find.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::under_test;
use testkit::aws::{Aws, LoginOptions, sign_login};
use testkit::host::{Host, MemoryStorage, Mount, MountOptions};

const GENERATIONS: [&str; 8] = [
    "role-version-0",
    "role-version-1",
    "role-version-2",
    "before-token-fields",
    "vault-1.15",
    "vault-1.20",
    "openbao-2.7",
    "later-version",
];

/// What stands for an id that is made when an entry is brought to the current version.
const NEW_ID: &str = "<new id>";
const VERSION: &str = "config/version";

fn folder(generation: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/storage").join(generation)
}

fn json_file(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn object_file(generation: &str, name: &str) -> Map<String, Value> {
    let Value::Object(object) = json_file(&folder(generation).join(name)) else { panic!("{name}") };
    object
}

/// The stored bytes by key.
fn entries(generation: &str) -> BTreeMap<String, Vec<u8>> {
    fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                collect(&path, &format!("{prefix}{name}/"), found);
            } else {
                let key = format!("{prefix}{}", name.strip_suffix(".json").unwrap());
                found.insert(key, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(&folder(generation).join("entries"), "", &mut found);
    found
}

async fn mount_with(host: &Host, generation: &str) -> Mount {
    let storage = MemoryStorage::new();
    for (key, value) in entries(generation) {
        storage.put(&key, value);
    }
    let mount =
        host.mount(generation, MountOptions { storage: Some(storage), ..MountOptions::default() }).await;
    mount.initialized().await;
    mount
}

/// What a role reads as in which nothing is set.
fn empty_role() -> Value {
    json!({
        "auth_type": "",
        "bound_ami_id": [],
        "bound_account_id": [],
        "bound_ec2_instance_id": null,
        "bound_iam_principal_arn": [],
        "bound_iam_principal_id": [],
        "bound_iam_role_arn": [],
        "bound_iam_instance_profile_arn": [],
        "bound_region": [],
        "bound_subnet_id": [],
        "bound_vpc_id": [],
        "inferred_entity_type": "",
        "inferred_aws_region": "",
        "resolve_aws_unique_ids": false,
        "role_id": NEW_ID,
        "role_tag": "",
        "allow_instance_migration": false,
        "disallow_reauthentication": false,
        "token_bound_cidrs": [],
        "token_explicit_max_ttl": 0,
        "token_max_ttl": 0,
        "token_no_default_policy": false,
        "token_num_uses": 0,
        "token_period": 0,
        "token_policies": [],
        "token_strictly_bind_ip": false,
        "token_type": "default",
        "token_ttl": 0,
    })
}

/// What a role is stored as in which nothing is set.
fn empty_stored_role() -> Value {
    json!({
        "token_bound_cidrs": null,
        "token_explicit_max_ttl": 0,
        "token_max_ttl": 0,
        "token_no_default_policy": false,
        "token_num_uses": 0,
        "token_period": 0,
        "token_policies": null,
        "token_type": 0,
        "token_ttl": 0,
        "token_strictly_bind_ip": false,
        "role_id": "",
        "auth_type": "",
        "bound_ami_id_list": null,
        "bound_account_id_list": null,
        "bound_ec2_instance_id_list": null,
        "bound_iam_principal_arn_list": null,
        "bound_iam_principal_id_list": null,
        "bound_iam_role_arn_list": null,
        "bound_iam_instance_profile_arn_list": null,
        "bound_region_list": null,
        "bound_subnet_id_list": null,
        "bound_vpc_id_list": null,
        "inferred_entity_type": "",
        "inferred_aws_region": "",
        "resolve_aws_unique_ids": false,
        "role_tag": "",
        "allow_instance_migration": false,
        "disallow_reauthentication": false,
        "hmac_key": "",
        "version": 0,
        "ttl": 0,
        "max_ttl": 0,
        "period": 0,
        "policies": null,
    })
}

fn over(mut base: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

/// Replaces an id that was made just now.
fn hide_new_id(mut value: Value, is_new: bool) -> Value {
    if is_new {
        let id = value["role_id"].as_str().unwrap();
        let form: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(form, [8, 4, 4, 4, 12], "{id}");
        assert!(
            id.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)),
            "{id}"
        );
        value["role_id"] = json!(NEW_ID);
    }
    value
}

#[test]
fn every_generation_is_tested() {
    let folders = fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<String> = folders
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let mut expected = GENERATIONS.map(str::to_owned);
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_every_generation_are_read() {
    let host = under_test::host().await;
    for generation in GENERATIONS {
        let mount = mount_with(&host, generation).await;
        for (path, expected) in object_file(generation, "reads.json") {
            let data = mount.read(&path).await.expect(200).data;
            let expected = if path.starts_with("role/") { over(empty_role(), &expected) } else { expected };
            let data = hide_new_id(data, expected.get("role_id") == Some(&json!(NEW_ID)));
            assert_eq!(data, expected, "{generation}: {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_brought_to_the_current_version_and_others_left_alone() {
    let host = under_test::host().await;
    for generation in GENERATIONS {
        let before = entries(generation);
        let mount = mount_with(&host, generation).await;
        let mut after = mount.storage().entries();
        let upgraded = object_file(generation, "stored.json");
        let version: Value = serde_json::from_slice(&after.remove(VERSION).unwrap()).unwrap();
        assert_eq!(version["version"], 1, "{generation}");
        for (key, value) in &before {
            if key == VERSION {
                continue;
            }
            let now = after.remove(key).unwrap_or_else(|| panic!("{generation}: {key} is gone"));
            let Some(expected) = upgraded.get(key) else {
                assert_eq!(
                    String::from_utf8_lossy(&now),
                    String::from_utf8_lossy(value),
                    "{generation}: {key}"
                );
                continue;
            };
            let now: Value = serde_json::from_slice(&now).unwrap();
            let is_new = expected["role_id"] == NEW_ID;
            assert_eq!(hide_new_id(now, is_new), over(empty_stored_role(), expected), "{generation}: {key}");
        }
        assert!(after.is_empty(), "{generation}: {:?}", after.keys());
        assert!(upgraded.keys().all(|key| before.contains_key(key)), "{generation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_stored_survives_a_change() {
    let host = Host::launch(under_test::vault()).await;
    let mount = mount_with(&host, "later-version").await;
    let before = mount.storage().entries();
    let pem = mount.read("config/certificate/mine").await.expect(200).data["aws_public_cert"].clone();
    for (path, change) in [
        ("config/client", json!({"sts_region": "us-east-1"})),
        ("config/identity", json!({"iam_alias": "unique_id"})),
        ("config/sts/444455556666", json!({"sts_role": "arn:aws:iam::444455556666:role/other"})),
        ("config/certificate/mine", json!({"type": "identity", "aws_public_cert": pem})),
        ("role/dev", json!({"token_ttl": 60})),
    ] {
        mount.write(path, &change).await.expect(204);
        let old: Value = serde_json::from_slice(&before[path]).unwrap();
        let new = mount.storage().json(path).unwrap();
        assert_ne!(new, old, "{path}");
        assert_eq!(new["from_a_later_version"], json!({"a": [1, null, "x"]}), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_of_a_first_release_still_logs_in() {
    let aws = Aws::start().await;
    let alice = aws.create_user("alice");
    let host = under_test::host().await;
    let mount = mount_with(&host, "role-version-0").await;
    mount.write("config/client", &json!({"sts_endpoint": aws.url()})).await.expect(204);
    let login = |role: &str| {
        let request = sign_login(&alice.credentials, &LoginOptions::vault_cli().role(role));
        serde_json::to_value(request).unwrap()
    };
    let answer = mount.login_only(&login("human")).await.expect(200);
    assert_eq!(answer.auth.unwrap().policies, ["human"]);
    // Its unique id is another one than that of the principal.
    mount.login_only(&login("resolved")).await.expect(400);
}

/// How a member of a stored entry is decoded by readers with fixed types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Flag,
    Number,
    List,
    /// A selection of metadata.
    Selection,
}

impl Form {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Number => value.is_i64(),
            Self::List => {
                value.is_null() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
            }
            Self::Selection => {
                let members = value.as_object();
                members
                    .is_some_and(|members| members.len() == 1 && Self::List.fits(&members["auth_metadata"]))
            }
        }
    }
}

/// Members that every reader wants; the built-in method writes them all.
const CLIENT: &[(&str, Form)] = &[
    ("access_key", Form::Text),
    ("secret_key", Form::Text),
    ("endpoint", Form::Text),
    ("iam_endpoint", Form::Text),
    ("sts_endpoint", Form::Text),
    ("sts_region", Form::Text),
    ("use_sts_region_from_client", Form::Flag),
    ("iam_server_id_header_value", Form::Text),
    ("allowed_sts_header_values", Form::List),
    ("max_retries", Form::Number),
];
/// Members of newer readers.
const NEWER_CLIENT: &[(&str, Form)] = &[
    ("identity_token_ttl", Form::Number),
    ("identity_token_audience", Form::Text),
    ("rotation_schedule", Form::Text),
    ("rotation_window", Form::Number),
    ("rotation_period", Form::Number),
    ("disable_automated_rotation", Form::Flag),
    ("role_arn", Form::Text),
];
const IDENTITY: &[(&str, Form)] = &[
    ("iam_alias", Form::Text),
    ("iam_auth_metadata_handler", Form::Selection),
    ("ec2_alias", Form::Text),
    ("ec2_auth_metadata_handler", Form::Selection),
];
const STS: &[(&str, Form)] = &[("sts_role", Form::Text)];
const NEWER_STS: &[(&str, Form)] = &[("external_id", Form::Text)];
const CERTIFICATE: &[(&str, Form)] = &[("aws_public_cert", Form::Text), ("type", Form::Text)];
const MOUNT_VERSION: &[(&str, Form)] = &[("version", Form::Number)];
const ROLE: &[(&str, Form)] = &[
    ("token_bound_cidrs", Form::List),
    ("token_explicit_max_ttl", Form::Number),
    ("token_max_ttl", Form::Number),
    ("token_no_default_policy", Form::Flag),
    ("token_num_uses", Form::Number),
    ("token_period", Form::Number),
    ("token_policies", Form::List),
    ("token_type", Form::Number),
    ("token_ttl", Form::Number),
    ("role_id", Form::Text),
    ("auth_type", Form::Text),
    ("bound_ami_id_list", Form::List),
    ("bound_account_id_list", Form::List),
    ("bound_ec2_instance_id_list", Form::List),
    ("bound_iam_principal_arn_list", Form::List),
    ("bound_iam_principal_id_list", Form::List),
    ("bound_iam_role_arn_list", Form::List),
    ("bound_iam_instance_profile_arn_list", Form::List),
    ("bound_region_list", Form::List),
    ("bound_subnet_id_list", Form::List),
    ("bound_vpc_id_list", Form::List),
    ("inferred_entity_type", Form::Text),
    ("inferred_aws_region", Form::Text),
    ("resolve_aws_unique_ids", Form::Flag),
    ("role_tag", Form::Text),
    ("allow_instance_migration", Form::Flag),
    ("disallow_reauthentication", Form::Flag),
    ("hmac_key", Form::Text),
    ("version", Form::Number),
    ("ttl", Form::Number),
    ("max_ttl", Form::Number),
    ("period", Form::Number),
    ("policies", Form::List),
];
const OPENBAO_ROLE: &[(&str, Form)] = &[("token_strictly_bind_ip", Form::Flag)];

#[tokio::test(flavor = "multi_thread")]
async fn entries_written_here_are_what_other_versions_read() {
    let host = Host::launch(under_test::vault()).await;
    let mount = host.mount("aws", MountOptions::default()).await;
    let sts_role = "arn:aws:iam::444455556666:role/look-up";
    let bound = json!({"auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::111122223333:user/*"});
    let ami = json!({"auth_type": "ec2", "bound_ami_id": "ami-1"});
    let certificate = entries("vault-1.15")["config/certificate/Mine"].clone();
    let certificate: Value = serde_json::from_slice(&certificate).unwrap();
    for (path, fields, wanted, known) in [
        ("config/client", json!({}), CLIENT, NEWER_CLIENT),
        (
            "config/client",
            json!({
                "access_key": "AKIA", "secret_key": "s", "allowed_sts_header_values": "x-amz-a,x-amz-b",
                "use_sts_region_from_client": true, "max_retries": 3, "identity_token_ttl": "1h",
                "rotation_schedule": "0 0 * * *", "rotation_window": 60,
            }),
            CLIENT,
            NEWER_CLIENT,
        ),
        (
            "config/client",
            json!({"rotation_schedule": "", "rotation_window": 0, "rotation_period": "24h"}),
            CLIENT,
            NEWER_CLIENT,
        ),
        ("config/identity", json!({"iam_alias": "unique_id"}), IDENTITY, &[]),
        ("config/identity", json!({"iam_metadata": "client_arn", "ec2_metadata": []}), IDENTITY, &[]),
        ("config/sts/1", json!({"sts_role": sts_role}), STS, NEWER_STS),
        ("config/sts/2", json!({"sts_role": sts_role, "external_id": "x"}), STS, NEWER_STS),
        ("config/certificate/c", certificate, CERTIFICATE, &[]),
        ("role/iam", bound.clone(), ROLE, OPENBAO_ROLE),
        (
            "role/full",
            over(
                bound,
                &json!({
                    "bound_account_id": "111122223333", "inferred_entity_type": "ec2_instance",
                    "inferred_aws_region": "us-east-1", "token_policies": "a,b", "token_type": "batch",
                    "token_ttl": "90m", "token_max_ttl": 7200, "token_bound_cidrs": "10.0.0.0/8",
                    "token_explicit_max_ttl": "3h", "token_no_default_policy": true,
                }),
            ),
            ROLE,
            OPENBAO_ROLE,
        ),
        (
            "role/deprecated",
            over(ami.clone(), &json!({"policies": "B,a", "ttl": 60, "max_ttl": 120, "period": 30})),
            ROLE,
            OPENBAO_ROLE,
        ),
        (
            "role/ec2",
            over(
                ami,
                &json!({"role_tag": "VaultRole", "allow_instance_migration": true, "token_num_uses": 3}),
            ),
            ROLE,
            OPENBAO_ROLE,
        ),
    ] {
        mount.write(path, &fields).await.expect(204);
        assert_form(&mount, path, wanted, known);
    }
    assert_form(&mount, VERSION, MOUNT_VERSION, &[]);
    // Durations are nanoseconds, token types numbers.
    let role = mount.storage().json("role/full").unwrap();
    assert_eq!((&role["token_ttl"], &role["token_type"]), (&json!(5_400_000_000_000_i64), &json!(2)));
    assert_eq!((&role["version"], &role["bound_ec2_instance_id_list"]), (&json!(3), &Value::Null));
    let client = mount.storage().json("config/client").unwrap();
    assert_eq!(client["rotation_period"], json!(86_400_000_000_000_i64));
    assert_eq!(mount.storage().json("config/sts/1").unwrap().get("external_id"), None, "never an empty one");
}

/// Asserts that an entry has all wanted members, no others than those known, and each in its form.
fn assert_form(mount: &Mount, key: &str, wanted: &[(&str, Form)], known: &[(&str, Form)]) {
    let bytes = mount.storage().get(key).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'), "{key}");
    let Value::Object(entry) = serde_json::from_slice(&bytes).unwrap() else { panic!("{key}") };
    for (name, _) in wanted {
        assert!(entry.contains_key(*name), "{key}: {name} is missing");
    }
    for (name, value) in &entry {
        let member = wanted.iter().chain(known).find(|(member, _)| member == name);
        let (_, form) = member.unwrap_or_else(|| panic!("{key}: nobody knows {name}"));
        assert!(form.fits(value), "{key}: {name} is {value}, not {form:?}");
    }
}
