//! What real Vaults stored is read, changed and brought up to date as by the built-in method of Vault 1.18.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::under_test;
use testkit::host::{Answer, Host, MemoryStorage, Mount, MountOptions};

/// What stands in the files for an id that the method made by itself.
const ID: &str = "<uuid>";
/// Members of reads that are newer than Vault 1.18, by the path's beginning.
const NEWER: &[(&str, &[&str])] = &[
    (
        "config/client",
        &["rotation_period", "rotation_schedule", "rotation_window", "disable_automated_rotation"],
    ),
    ("config/sts/", &["external_id"]),
];
/// Members of entries that versions before a minor version of Vault 1 did not store, by the key's beginning.
const SINCE: &[(u32, &str, &[&str])] = &[
    (3, "config/client", &["sts_region"]),
    (4, "config/identity", &["iam_auth_metadata_handler", "ec2_auth_metadata_handler"]),
    (5, "config/client", &["allowed_sts_header_values"]),
    (15, "config/client", &["use_sts_region_from_client"]),
    (16, "config/client", &["identity_token_ttl", "identity_token_audience", "role_arn"]),
    (17, "config/sts/", &["external_id"]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/old-vaults")
}

/// What one version left behind, and what follows from it.
struct OldVault {
    name: String,
    stored: BTreeMap<String, String>,
    answers: BTreeMap<String, Value>,
    after: Map<String, Value>,
}

impl OldVault {
    fn load(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut content: Map<String, Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let mut part = |name: &str| content.remove(name).unwrap_or_else(|| json!({}));
        Self {
            stored: serde_json::from_value(part("stored")).unwrap(),
            answers: serde_json::from_value(part("answers")).unwrap(),
            after: serde_json::from_value(part("after")).unwrap(),
            name,
        }
    }

    /// All of them but the newest.
    fn before_1_2() -> Vec<Self> {
        let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let of_vaults = files.filter(|path| path.extension().is_some_and(|it| it == "json"));
        let found: Vec<Self> =
            of_vaults.map(|path| Self::load(&path)).filter(|vault| vault.name != "v1.18").collect();
        assert_eq!(found.len(), 6);
        found
    }

    async fn mounted(&self, host: &Host) -> Mount {
        let storage = MemoryStorage::new();
        for (key, text) in &self.stored {
            storage.put(key, text.as_bytes());
        }
        let options = MountOptions { storage: Some(storage), ..MountOptions::default() };
        let mount = host.mount(&self.name, options).await;
        mount.initialized().await;
        mount
    }

    /// The answers to calls of one method, by path.
    fn answers(&self, method: &str) -> impl Iterator<Item = (&str, &Value)> {
        let calls = self.answers.iter().filter_map(|(call, answer)| Some((call.split_once(' ')?, answer)));
        calls.filter(move |((of, _), _)| *of == method).map(|((_, path), answer)| (path, answer))
    }

    fn assert_answer(&self, path: &str, answer: &Answer, expected: &Value) {
        let name = &self.name;
        assert_eq!(answer.status, expected["status"], "{name}: {path}: {:?}", answer.errors);
        let errors: Vec<String> = serde_json::from_value(expected["errors"].clone()).unwrap_or_default();
        assert_eq!(answer.errors, errors, "{name}: {path}");
        let mut data = answer.data.clone();
        if data == json!({}) {
            // A list without keys is no answer; a real host leaves such data out.
            data = Value::Null;
        }
        for (_, members) in NEWER.iter().filter(|(beginning, _)| path.starts_with(beginning)) {
            for member in members.iter().filter(|member| expected["data"].get(*member).is_none()) {
                data.as_object_mut().expect("a read").remove(*member);
            }
        }
        hide_ids(&mut data, &["role_id"]);
        assert_eq!(data, expected["data"], "{name}: {path}");
    }
}

/// Replaces ids by what stands for them.
fn hide_ids(value: &mut Value, members: &[&str]) {
    for member in members {
        if let Some(id) = value.get_mut(*member) {
            assert_eq!(id.as_str().map(str::len), Some(36), "{id}");
            *id = json!(ID);
        }
    }
}

/// The id of a stored entry, where it has any.
fn id(entry: &Value, member: &str) -> Option<String> {
    entry[member].as_str().filter(|id| !id.is_empty()).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_of_vaults_before_1_2_is_read_changed_and_upgraded_as_the_built_in_method_does() {
    let host = Host::launch(under_test::vault().host_version("1.18.0")).await;
    for vault in OldVault::before_1_2() {
        let mount = vault.mounted(&host).await;
        for (path, expected) in vault.answers("GET") {
            vault.assert_answer(path, &mount.read(path).await, expected);
        }
        for (path, expected) in vault.answers("LIST") {
            vault.assert_answer(path, &mount.list(path).await, expected);
        }
        for (role, expected) in vault.answers("POST") {
            let path = format!("role/{role}");
            vault.assert_answer(&path, &mount.write(&path, &json!({"token_ttl": "17m"})).await, expected);
        }
        for (role, expected) in vault.answers("GET2") {
            let path = format!("role/{role}");
            vault.assert_answer(&path, &mount.read(&path).await, expected);
        }

        let entries = mount.storage().entries();
        assert!(entries.keys().eq(vault.after.keys()), "{}: {:?}", vault.name, entries.keys());
        for (key, bytes) in &entries {
            let Ok(mut now) = serde_json::from_slice::<Value>(bytes) else {
                assert_eq!(bytes, vault.stored[key].as_bytes(), "{}: {key}", vault.name);
                continue;
            };
            if let Some(before) = vault.stored.get(key) {
                let before: Value = serde_json::from_str(before).unwrap();
                for member in ["role_id", "hmac_key"] {
                    let kept = id(&before, member);
                    assert!(kept.is_none() || kept == id(&now, member), "{}: {key}: {member}", vault.name);
                }
            }
            hide_ids(&mut now, &["role_id", "hmac_key"]);
            assert_eq!(now, vault.after[key], "{}: {key}", vault.name);
        }
    }
}

/// The storage of Vault 1.18 as an earlier minor version would have written it.
fn as_of(minor: u32, newest: &OldVault) -> OldVault {
    let mut stored = newest.stored.clone();
    for (since, beginning, members) in SINCE.iter().filter(|(since, _, _)| *since > minor) {
        let mut found = 0;
        for (_, text) in stored.iter_mut().filter(|(key, _)| key.starts_with(beginning)) {
            let mut entry: Map<String, Value> = serde_json::from_str(text).unwrap();
            for member in *members {
                assert!(entry.remove(*member).is_some(), "1.{since}: {member}");
                found += 1;
            }
            *text = format!("{}\n", Value::from(entry));
        }
        assert!(found > 0, "1.{since}: no entry of {beginning}");
    }
    OldVault { name: format!("v1.{minor}"), stored, answers: newest.answers.clone(), after: Map::new() }
}

/// What a member reads as that is not stored.
fn absent(member: &str) -> (&str, Option<Value>) {
    let metadata = json!(["account_id", "auth_type"]);
    match member {
        "iam_auth_metadata_handler" => ("iam_metadata", Some(metadata)),
        "ec2_auth_metadata_handler" => ("ec2_metadata", Some(metadata)),
        "allowed_sts_header_values" => (member, Some(Value::Null)),
        "use_sts_region_from_client" => (member, Some(json!(false))),
        "identity_token_ttl" => (member, Some(json!(0))),
        "external_id" => (member, None),
        _ => (member, Some(json!(""))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_of_vault_1_2_to_1_18_reads_as_what_was_written() {
    let newest = OldVault::load(&folder().join("v1.18.json"));
    let host = Host::launch(under_test::vault().host_version("1.18.0")).await;
    for minor in [2, 3, 4, 5, 15, 16, 17, 18] {
        let mut vault = as_of(minor, &newest);
        for (_, beginning, members) in SINCE.iter().filter(|(since, _, _)| *since > minor) {
            for (_, answer) in vault.answers.iter_mut().filter(|(call, _)| call[4..].starts_with(beginning)) {
                let data = answer["data"].as_object_mut().unwrap();
                for (name, value) in members.iter().map(|member| absent(member)) {
                    match value {
                        Some(value) => drop(data.insert(name.to_owned(), value)),
                        None => drop(data.remove(name)),
                    }
                }
            }
        }
        let mount = vault.mounted(&host).await;
        assert_eq!(vault.answers("GET").count(), newest.answers.len());
        for (path, expected) in vault.answers("GET") {
            vault.assert_answer(path, &mount.read(path).await, expected);
        }
        let mut entries = mount.storage().entries();
        assert!(entries.remove("config/version").is_some());
        for (key, bytes) in &entries {
            assert_eq!(bytes, vault.stored[key].as_bytes(), "1.{minor}: {key}: reading changes nothing");
        }
        // A write of what stands there already makes the entry what Vault 1.18 would store.
        for (path, _) in vault.answers("GET").filter(|(path, _)| path.starts_with("role/")) {
            let answer = mount.write(path, &json!({})).await;
            assert!(matches!(answer.status, 200 | 204), "1.{minor}: {path}: {:?}", answer.errors);
            let expected: Value = serde_json::from_str(&newest.stored[path]).unwrap();
            assert_eq!(mount.storage().json(path), Some(expected), "1.{minor}: {path}");
        }
    }
}
