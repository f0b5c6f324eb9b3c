//! The storage of a mount that the built-in method has filled: served by this plugin on a real server,
//! changed, and read back as the built-in method would find it.

use std::collections::BTreeMap;
use std::time::Instant;

use aws_lc_rs::hmac;
use http::StatusCode;
use serde_json::{Value, json};

use testkit::aws::{ACCOUNT, Credentials, Entity, Instance, OTHER_ACCOUNT, Role, Session};
use testkit::identity::{Digest, Signer, base64, pkcs7};
use testkit::server::{
    Flavor, Mounted, POLL_INTERVAL, SERVER_ID, START_DEADLINE, Scene, client_token, errors, on_each_server,
    vault_cli_login,
};
use testkit::stage::with;

on_each_server! {
    Inherited:
    everything_reads_as_it_was_written,
    both_types_log_in_and_are_renewed,
    tags_and_nonces_of_before_count,
    what_has_expired_is_tidied_away,
    the_built_in_method_finds_everything_again,
}

const INSTANCE: &str = "i-0123456789abcdef0";
const IMAGE: &str = "ami-0abcdef1234567890";
const HMAC_KEY: &str = "11112222-3333-4444-5555-666677778888";
const LONG_AGO: &str = "2020-02-03T04:05:06.123456789-08:00";
const FAR_FUTURE: &str = "2999-01-01T00:00:00Z";
const EXTERNAL_ID: &str = "0c1f64bd";
const DAY: i64 = 24 * 3600 * SECOND;
const SECOND: i64 = 1_000_000_000;

/// A mount `old` whose storage the built-in method has written.
struct Inherited {
    scene: Scene,
    mount: Mounted,
    signer: Signer,
    theirs: Session,
    lookup: Role,
    /// What was stored, by key.
    entries: BTreeMap<String, Value>,
    good_tag: String,
    denied_tag: String,
}

impl Inherited {
    async fn open(test: &'static str, flavor: Flavor, plugin: &str) -> Option<Self> {
        let scene = Scene::open(test, flavor, plugin).await?;
        let lookup = scene.aws.create_role(Entity::named("lookup").account(OTHER_ACCOUNT));
        scene.aws.require_external_id(&lookup, Some(EXTERNAL_ID));
        let theirs = scene.aws.create_role(Entity::named("ci").account(OTHER_ACCOUNT).path("/jobs/"));
        let theirs = scene.aws.session(&theirs, "nightly");
        let mount = scene.server.enable("old", "aws").await;
        let mut old = Self {
            signer: Signer::rsa("instance identity"),
            good_tag: tag("web", ":p=dev"),
            denied_tag: tag("web", ":p=ops"),
            entries: BTreeMap::new(),
            scene,
            mount,
            theirs,
            lookup,
        };
        old.wait_for("config/version").await;
        old.fill().await;
        old.scene.server.remove_stored(&old.mount, "config/version").await;
        old.scene.server.reload("aws").await;
        old.wait_for("config/version").await;
        old.scene.aws.run_instance(Instance::with_id(INSTANCE).tag("VaultRole", &old.good_tag));
        old.scene.aws.clear_calls();
        Some(old)
    }

    /// Puts every kind of entry into the storage.
    async fn fill(&mut self) {
        let url = self.scene.aws.url();
        let Credentials { access_key_id, secret_access_key, .. } = self.scene.server_user.credentials.clone();
        self.put(
            "config/client",
            json!({
                "identity_token_ttl": 0, "identity_token_audience": "", "rotation_schedule": "",
                "rotation_window": 0, "rotation_period": 0, "disable_automated_rotation": false,
                "access_key": access_key_id, "secret_key": secret_access_key,
                "endpoint": url, "iam_endpoint": url, "sts_endpoint": url, "sts_region": "us-east-1",
                "use_sts_region_from_client": false, "iam_server_id_header_value": SERVER_ID,
                "allowed_sts_header_values": ["X-Amz-Custom"], "max_retries": -1, "role_arn": "",
            }),
        )
        .await;
        self.put(
            "config/identity",
            json!({
                "iam_alias": "unique_id",
                "iam_auth_metadata_handler": {"auth_metadata": ["account_id", "auth_type", "client_arn"]},
                "ec2_alias": "instance_id",
                "ec2_auth_metadata_handler": {"auth_metadata": null},
            }),
        )
        .await;
        let access = json!({"sts_role": self.lookup.arn, "external_id": EXTERNAL_ID});
        self.put(&format!("config/sts/{OTHER_ACCOUNT}"), access).await;
        for (name, kind) in [("messages", "pkcs7"), ("signatures", "identity")] {
            let certificate = json!({"aws_public_cert": self.signer.pem(), "type": kind});
            self.put(&format!("config/certificate/{name}"), certificate).await;
        }
        let unused = Signer::dsa("before there were types");
        self.put("config/certificate/older", json!({"aws_public_cert": unused.pem(), "type": ""})).await;
        let settings =
            |buffer: u32, off: bool| json!({"safety_buffer": buffer, "disable_periodic_tidy": off});
        self.put("config/tidy/roletag-blacklist", settings(15_552_000, true)).await;
        self.put("config/tidy/identity-whitelist", settings(1_000_000, true)).await;

        let iam = json!({
            "token_policies": ["dev", "a&b<c>"], "token_ttl": 900 * SECOND, "token_max_ttl": DAY,
            "role_id": "5a8b2d2c-0000-1111-2222-333344445555", "auth_type": "iam",
            "bound_iam_principal_arn_list": [self.scene.alice.arn],
            "bound_iam_principal_id_list": [self.scene.alice.unique_id],
            "resolve_aws_unique_ids": true, "hmac_key": HMAC_KEY, "version": 3,
        });
        self.put("role/dev", with(&role(), iam)).await;
        let theirs = json!({
            "token_policies": ["ci"], "role_id": "5a8b2d2c-0000-1111-2222-333344446666", "auth_type": "iam",
            "bound_iam_principal_arn_list": [format!("arn:aws:iam::{OTHER_ACCOUNT}:role/jobs/*")],
            "bound_iam_principal_id_list": [], "resolve_aws_unique_ids": true, "hmac_key": HMAC_KEY, "version": 3,
        });
        self.put("role/theirs", with(&role(), theirs)).await;
        let web = json!({
            "token_policies": ["dev", "ops"], "token_ttl": 600 * SECOND, "token_max_ttl": DAY,
            "role_id": "5a8b2d2c-0000-1111-2222-333344447777", "auth_type": "ec2",
            "bound_ami_id_list": [IMAGE], "bound_region_list": ["us-east-1"],
            "resolve_aws_unique_ids": true, "role_tag": "VaultRole", "hmac_key": HMAC_KEY, "version": 3,
        });
        self.put("role/web", with(&role(), web)).await;
        // Before there were ids of roles and token fields.
        self.put(
            "role/ancient",
            json!({
                "auth_type": "ec2", "bound_ami_id_list": [IMAGE], "bound_account_id_list": [ACCOUNT],
                "bound_ec2_instance_id_list": null, "bound_iam_principal_arn_list": null,
                "bound_iam_principal_id_list": null, "bound_iam_role_arn_list": null,
                "bound_iam_instance_profile_arn_list": null, "bound_region_list": null,
                "bound_subnet_id_list": null, "bound_vpc_id_list": null, "inferred_entity_type": "",
                "inferred_aws_region": "", "resolve_aws_unique_ids": true, "role_tag": "",
                "allow_instance_migration": false, "ttl": 300 * SECOND, "max_ttl": 0, "policies": ["old"],
                "disallow_reauthentication": false, "hmac_key": HMAC_KEY, "period": 0, "version": 2,
            }),
        )
        .await;

        let denied = |expiration: &str| json!({"creation_time": LONG_AGO, "expiration_time": expiration});
        let key = |tag: &str| format!("blacklist/roletag/{}", base64(tag.as_bytes()));
        let forgotten = tag("web", ":t=60");
        self.put(&key(&self.denied_tag.clone()), denied(FAR_FUTURE)).await;
        self.put(&key(&forgotten), denied(LONG_AGO)).await;
        let known = |expiration: &str| {
            json!({
                "role": "web", "client_nonce": "a&b", "creation_time": LONG_AGO, "disallow_reauthentication": false,
                "pending_time": "2026-01-02T03:04:05Z", "expiration_time": expiration, "last_updated_time": LONG_AGO,
            })
        };
        self.put(&format!("whitelist/identity/{INSTANCE}"), known(FAR_FUTURE)).await;
        self.put("whitelist/identity/i-0bbbbbbbbbbbbbbb0", known(LONG_AGO)).await;
    }

    async fn put(&mut self, key: &str, entry: Value) {
        self.scene.server.store(&self.mount, key, &as_go_writes(&entry)).await;
        self.entries.insert(key.to_owned(), entry);
    }

    async fn wait_for(&self, key: &str) {
        let deadline = Instant::now() + START_DEADLINE;
        while self.scene.server.stored(&self.mount, key).await.is_none() {
            assert!(Instant::now() < deadline, "no {key}\n{}", self.scene.server.log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn wait_until_gone(&self, key: &str) {
        let deadline = Instant::now() + START_DEADLINE;
        while self.scene.server.stored(&self.mount, key).await.is_some() {
            assert!(Instant::now() < deadline, "{key} is still there\n{}", self.scene.server.log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn read(&self, path: &str) -> Value {
        self.scene.server.root("GET", &format!("auth/old/{path}"), &Value::Null).await["data"].clone()
    }

    async fn write(&self, path: &str, fields: Value) -> Value {
        self.scene.server.root("POST", &format!("auth/old/{path}"), &fields).await
    }

    async fn list(&self, path: &str) -> Value {
        self.read(&format!("{path}?list=true")).await["keys"].clone()
    }

    async fn stored(&self, key: &str) -> Value {
        self.scene.server.stored(&self.mount, key).await.unwrap_or_else(|| panic!("no {key}"))
    }

    async fn admitted(&self, login: &Value) -> Value {
        let (status, answer) = self.scene.server.login("old", login).await;
        assert_eq!(status, StatusCode::OK, "{answer}\n{}", self.scene.server.log());
        answer["auth"].clone()
    }

    async fn refused(&self, login: &Value) -> String {
        let (status, answer) = self.scene.server.login("old", login).await;
        assert!(!status.is_success() && answer.get("auth").is_none(), "{answer}");
        errors(&answer)
    }

    fn alice(&self) -> Value {
        vault_cli_login(&self.scene.alice.credentials, "dev")
    }

    fn instance(&self, role: &str, nonce: &str) -> Value {
        json!({"pkcs7": pkcs7(&self.signer, &document()), "role": role, "nonce": nonce})
    }

    fn wear(&self, tag: &str) {
        let tags = vec![("VaultRole".to_owned(), tag.to_owned())];
        self.scene.aws.change_instance(INSTANCE, |instance| instance.tags = tags);
    }

    async fn renewed(&self, auth: &Value) -> Value {
        let token = client_token(&json!({"auth": auth}));
        let (status, answer) =
            self.scene.server.call("PUT", "auth/token/renew-self", &json!({}), &token).await;
        assert_eq!(status, StatusCode::OK, "{answer}\n{}", self.scene.server.log());
        answer["auth"].clone()
    }
}

/// A role of version 3 in which nothing is set, with the fields that every release writes.
fn role() -> Value {
    json!({
        "token_bound_cidrs": null, "token_explicit_max_ttl": 0, "token_max_ttl": 0,
        "token_no_default_policy": false, "token_num_uses": 0, "token_period": 0, "token_policies": null,
        "token_type": 0, "token_ttl": 0, "role_id": "", "auth_type": "",
        "bound_ami_id_list": null, "bound_account_id_list": null, "bound_ec2_instance_id_list": null,
        "bound_iam_principal_arn_list": null, "bound_iam_principal_id_list": null,
        "bound_iam_role_arn_list": null, "bound_iam_instance_profile_arn_list": null,
        "bound_region_list": null, "bound_subnet_id_list": null, "bound_vpc_id_list": null,
        "inferred_entity_type": "", "inferred_aws_region": "", "resolve_aws_unique_ids": false, "role_tag": "",
        "allow_instance_migration": false, "disallow_reauthentication": false, "hmac_key": "", "version": 0,
        "ttl": 0, "max_ttl": 0, "period": 0, "policies": null,
    })
}

/// JSON as Go's encoder writes it: HTML's letters escaped, a line break at the end.
fn as_go_writes(entry: &Value) -> String {
    let text = entry.to_string();
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e") + "\n"
}

/// A role tag with these items, signed with the key of every role here.
fn tag(role: &str, items: &str) -> String {
    let plaintext = format!("v1:AAECAwQFBgc=:r={role}:d=false:m=false{items}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, HMAC_KEY.as_bytes());
    let mac = base64(hmac::sign(&key, plaintext.as_bytes()).as_ref());
    format!("{plaintext}:{mac}")
}

fn document() -> Vec<u8> {
    json!({
        "accountId": ACCOUNT, "imageId": IMAGE, "instanceId": INSTANCE,
        "pendingTime": "2026-01-02T03:04:05Z", "region": "us-east-1",
    })
    .to_string()
    .into_bytes()
}

async fn everything_reads_as_it_was_written(old: Inherited) {
    let client = old.read("config/client").await;
    let placed = &old.entries["config/client"];
    for name in ["access_key", "endpoint", "sts_region", "iam_server_id_header_value", "max_retries"] {
        assert_eq!(client[name], placed[name], "{name}");
    }
    assert_eq!(client["allowed_sts_header_values"], json!(["X-Amz-Custom"]));
    assert_eq!(client.get("secret_key"), None);
    let identity = old.read("config/identity").await;
    let expected = json!({
        "iam_alias": "unique_id", "iam_metadata": ["account_id", "auth_type", "client_arn"],
        "ec2_alias": "instance_id", "ec2_metadata": ["account_id", "auth_type"],
    });
    assert_eq!(identity, expected);
    let access = old.read(&format!("config/sts/{OTHER_ACCOUNT}")).await;
    assert_eq!(access, old.entries[&format!("config/sts/{OTHER_ACCOUNT}")]);
    assert_eq!(old.list("config/sts").await, json!([OTHER_ACCOUNT]));
    for (name, kind) in [("messages", "pkcs7"), ("signatures", "identity"), ("older", "pkcs7")] {
        let expected = with(&old.entries[&format!("config/certificate/{name}")], json!({"type": kind}));
        assert_eq!(old.read(&format!("config/certificate/{name}")).await, expected);
    }
    assert_eq!(old.list("config/certificates").await, json!(["messages", "older", "signatures"]));
    for (new, name, stored) in [
        ("roletag-denylist", "roletag-blacklist", "roletag-blacklist"),
        ("identity-accesslist", "identity-whitelist", "identity-whitelist"),
    ] {
        for path in [new, name] {
            let settings = old.read(&format!("config/tidy/{path}")).await;
            assert_eq!(settings, old.entries[&format!("config/tidy/{stored}")]);
        }
    }
    assert_eq!(old.list("role").await, json!(["ancient", "dev", "theirs", "web"]));
    let dev = old.read("role/dev").await;
    assert_eq!(dev["role_id"], old.entries["role/dev"]["role_id"]);
    assert_eq!(dev["token_policies"], json!(["dev", "a&b<c>"]));
    assert_eq!((&dev["token_ttl"], &dev["token_max_ttl"]), (&json!(900), &json!(86400)));
    assert_eq!(dev["bound_iam_principal_id"], json!([old.scene.alice.unique_id]));
    let ancient = old.read("role/ancient").await;
    assert_eq!((&ancient["token_ttl"], &ancient["ttl"]), (&json!(300), &json!(300)));
    assert_eq!((&ancient["token_policies"], &ancient["policies"]), (&json!(["old"]), &json!(["old"])));
    assert_eq!(old.read(&format!("identity-accesslist/{INSTANCE}")).await["client_nonce"], json!("a&b"));
    let listed = old.list("roletag-blacklist").await;
    assert!(listed.as_array().unwrap().contains(&json!(old.denied_tag)), "{listed}");
    assert_eq!(
        old.read(&format!("roletag-denylist/{}", old.denied_tag)).await["creation_time"],
        json!(LONG_AGO)
    );
}

async fn both_types_log_in_and_are_renewed(old: Inherited) {
    let dev = old.admitted(&old.alice()).await;
    assert_eq!(dev["token_policies"], json!(["a&b<c>", "default", "dev"]));
    assert_eq!(dev["lease_duration"], json!(900));
    assert_eq!(dev["metadata"]["role_id"], old.entries["role/dev"]["role_id"]);
    assert_eq!(dev["metadata"]["client_arn"], json!(old.scene.alice.arn));
    assert_eq!(alias_of(&old, &dev).await, json!(old.scene.alice.unique_id));
    assert_eq!(old.renewed(&dev).await["lease_duration"], json!(900));

    let ci = old.admitted(&vault_cli_login(&old.theirs.credentials, "theirs")).await;
    assert_eq!(ci["metadata"]["account_id"], json!(OTHER_ACCOUNT));
    old.renewed(&ci).await;

    let web = old.admitted(&old.instance("web", "a&b")).await;
    assert_eq!(web["token_policies"], json!(["default", "dev"]), "as the tag says");
    assert_eq!(web["lease_duration"], json!(600));
    assert_eq!(alias_of(&old, &web).await, json!(INSTANCE));
    assert_eq!(old.renewed(&web).await["lease_duration"], json!(600));
    let signature = base64(&old.signer.sign(Digest::Sha256, &document()));
    let detached =
        json!({"identity": base64(&document()), "signature": signature, "role": "web", "nonce": "a&b"});
    old.admitted(&detached).await;
    let ancient = old.admitted(&old.instance("ancient", "a&b")).await;
    assert_eq!(
        (&ancient["token_policies"], &ancient["lease_duration"]),
        (&json!(["default", "old"]), &json!(300))
    );

    let path = format!("auth/old/identity-accesslist/{INSTANCE}");
    old.scene.server.root("DELETE", &path, &Value::Null).await;
    let token = client_token(&json!({"auth": web}));
    let (status, refusal) = old.scene.server.call("PUT", "auth/token/renew-self", &json!({}), &token).await;
    assert!(!status.is_success());
    assert!(errors(&refusal).contains("failed to verify the access list identity entry"), "{refusal}");
}

async fn tags_and_nonces_of_before_count(old: Inherited) {
    assert_eq!(old.refused(&old.instance("web", "other")).await, "client nonce mismatch");
    old.wear(&old.denied_tag);
    assert_eq!(old.refused(&old.instance("web", "a&b")).await, "role tag is deny listed");
    old.wear(&old.denied_tag.replacen("d=false", "d=0", 1));
    assert_eq!(old.refused(&old.instance("web", "a&b")).await, "role tag signature verification failed");
    let issued = old.write("role/web/tag", json!({"policies": "ops", "max_ttl": "1h"})).await;
    old.wear(issued["data"]["tag_value"].as_str().unwrap());
    let auth = old.admitted(&old.instance("web", "a&b")).await;
    assert_eq!(auth["token_policies"], json!(["default", "ops"]));
    assert_eq!(auth["metadata"]["role_tag_max_ttl"], json!("1h0m0s"));
    let mallory = old.scene.aws.create_user("mallory");
    let text = old.refused(&vault_cli_login(&mallory.credentials, "dev")).await;
    assert!(text.contains("does not belong to the role"), "{text}");
}

async fn what_has_expired_is_tidied_away(old: Inherited) {
    let (lists, gone): (Vec<_>, Vec<_>) = old
        .entries
        .iter()
        .filter(|(key, _)| key.starts_with("blacklist/") || key.starts_with("whitelist/"))
        .partition(|(_, entry)| entry["expiration_time"] == json!(FAR_FUTURE));
    assert_eq!((lists.len(), gone.len()), (2, 2));
    for path in ["tidy/roletag-denylist", "tidy/identity-whitelist"] {
        let answer = old.write(path, json!({"safety_buffer": "1h"})).await;
        assert!(answer["warnings"][0].as_str().unwrap().starts_with("Tidy operation successfully started."));
    }
    for (key, _) in gone {
        old.wait_until_gone(key).await;
    }
    for (key, entry) in lists {
        assert_eq!(&old.stored(key).await, entry, "{key}");
    }
}

async fn the_built_in_method_finds_everything_again(old: Inherited) {
    // What was only read and used is what it was, to the byte.
    old.admitted(&old.alice()).await;
    old.admitted(&old.instance("web", "a&b")).await;
    let touched = [format!("whitelist/identity/{INSTANCE}"), "role/ancient".to_owned()];
    for (key, entry) in &old.entries {
        if !touched.contains(key) && key != "config/certificate/older" {
            let text = old.scene.server.stored_text(&old.mount, key).await.unwrap();
            assert_eq!(text, as_go_writes(entry), "{key}");
        }
    }
    let ancient = old.stored("role/ancient").await;
    assert_eq!(ancient["version"], json!(3));
    assert_ne!(ancient["role_id"], json!(""));
    // It has become a whole role of version 3; its old times and policies count as the new ones.
    let mut whole = role();
    for (name, value) in old.entries["role/ancient"].as_object().unwrap() {
        whole[name] = value.clone();
    }
    assert_keeps(&old, "role/ancient", &whole, &["version", "role_id", "token_ttl", "token_policies"]).await;
    assert_keeps(
        &old,
        &format!("whitelist/identity/{INSTANCE}"),
        &old.entries[&format!("whitelist/identity/{INSTANCE}")],
        &["last_updated_time", "expiration_time"],
    )
    .await;
    assert_eq!(old.stored("config/version").await, json!({"version": 1}));

    // What is changed keeps what was not.
    let denied = format!("blacklist/roletag/{}", base64(old.denied_tag.as_bytes()));
    for (path, fields, key, changed) in [
        ("config/client", json!({"max_retries": 3}), "config/client", &["max_retries"][..]),
        ("config/identity", json!({"iam_alias": "role_id"}), "config/identity", &["iam_alias"]),
        (
            &format!("config/sts/{OTHER_ACCOUNT}"),
            json!({"sts_role": "arn:aws:iam::444455556666:role/x"}),
            &format!("config/sts/{OTHER_ACCOUNT}"),
            &["sts_role"],
        ),
        (
            "config/certificate/messages",
            json!({"aws_public_cert": Signer::dsa("another").pem()}),
            "config/certificate/messages",
            &["aws_public_cert"],
        ),
        (
            "config/tidy/roletag-denylist",
            json!({"safety_buffer": 60}),
            "config/tidy/roletag-blacklist",
            &["safety_buffer"],
        ),
        (
            "config/tidy/identity-accesslist",
            json!({"disable_periodic_tidy": false}),
            "config/tidy/identity-whitelist",
            &["disable_periodic_tidy"],
        ),
        ("role/dev", json!({"token_ttl": "20m"}), "role/dev", &["token_ttl"]),
        ("role/web", json!({"token_policies": "dev"}), "role/web", &["token_policies"]),
        ("role/theirs", json!({"token_period": 60}), "role/theirs", &["token_period"]),
        (&format!("roletag-denylist/{}", old.denied_tag), json!({}), &denied, &["expiration_time"]),
    ] {
        old.write(path, fields).await;
        assert_keeps(&old, key, &old.entries[key], changed).await;
        for name in changed {
            assert_ne!(old.stored(key).await[*name], old.entries[key][*name], "{key}: {name}");
        }
    }
}

/// Panics unless an entry has what it had but for some members, each member in the form in which the
/// built-in method decodes it, and none that this method does not know.
async fn assert_keeps(old: &Inherited, key: &str, placed: &Value, changed: &[&str]) {
    let text = old.scene.server.stored_text(&old.mount, key).await.unwrap();
    assert!(text.starts_with('{') && text.ends_with("}\n"), "{key}: {text:?}");
    let now: Value = serde_json::from_str(&text).unwrap();
    for (name, value) in placed.as_object().unwrap() {
        let present = now.get(name).unwrap_or_else(|| panic!("{key}: {name} is lost"));
        if changed.contains(&name.as_str()) {
            assert_eq!(kind(present), kind(value), "{key}: {name}");
        } else {
            assert_eq!(present, value, "{key}: {name}");
        }
    }
    for (name, value) in now.as_object().unwrap() {
        // OpenBao's token fields have this one more; others pass over it.
        let known =
            placed.get(name).is_some() || name == "token_strictly_bind_ip" || changed.contains(&&**name);
        assert!(known, "{key}: {name}: {value} is none of the built-in method's");
    }
}

/// What Go decodes a member into. Lists may be null.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null | Value::Array(_) => "list",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "fraction",
        Value::String(_) => "text",
        Value::Object(_) => "object",
    }
}

/// The name of the entity alias behind a login.
async fn alias_of(old: &Inherited, auth: &Value) -> Value {
    let path = format!("identity/entity/id/{}", auth["entity_id"].as_str().unwrap());
    let entity = old.scene.server.root("GET", &path, &Value::Null).await;
    entity["data"]["aliases"][0]["name"].clone()
}
