//! `config/issuer`, `issuer/…` and `oidc/…`: keys, their rotation, and what is published of them.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::OidcProvider;
use testkit::host::{Host, Mount, READ_ONLY};

const KEY: &str = "config/issuer";
const STORED: &str = "issuer/keys";
const URL: &str = "https://keys.example.com/v1/auth/aws/oidc";
const CONFIGURATION: &str = "oidc/.well-known/openid-configuration";
const KEYS: &str = "oidc/.well-known/keys";
const DAY: i64 = 24 * 3600;
const STANDBY: i32 = 16384;

/// A mount that is an issuer.
async fn issuer(fields: Value) -> (Host, Mount) {
    let (host, mount) = under_test::mounted(under_test::open_bao()).await;
    let mut data = json!({ "issuer": URL });
    testkit::stage::overlay(&mut data, &fields);
    mount.write(KEY, &data).await.expect(204);
    (host, mount)
}

/// A document that needs no token.
async fn document(mount: &Mount, operation: &str, path: &str, status: u16) -> Value {
    assert!(mount.is_unauthenticated(path), "{path}");
    let answer = mount.request(operation, path, &Value::Null).send().await.expect(status);
    let raw = answer.raw_body.expect("a body of its own");
    assert_eq!(raw.content_type, "application/json");
    let cache = if status == 200 { "public, max-age=3600" } else { "no-store" };
    assert_eq!(raw.cache_control.as_deref(), Some(cache));
    serde_json::from_slice(&raw.body).unwrap()
}

/// The states of the keys, in their order.
async fn states(mount: &Mount) -> Vec<String> {
    let data = mount.read(KEY).await.expect(200).data;
    let keys = data["keys"].as_array().unwrap();
    keys.iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

fn published(keys: &Value) -> Vec<&str> {
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

/// As if so many seconds had gone by: all times of the keys lie further back.
async fn age(mount: &Mount, seconds: i64) {
    let mut stored = mount.storage().json(STORED).unwrap();
    for key in stored["keys"].as_array_mut().unwrap() {
        for member in ["created", "signs_from"] {
            key[member] = json!(key[member].as_i64().unwrap() - seconds);
        }
    }
    mount.storage().put_json(STORED, &stored);
    mount.invalidate(STORED).await.unwrap();
}

async fn tick(mount: &Mount) {
    assert!(mount.request("rollback", "", &json!({"immediate": true})).send().await.succeeded());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_need_no_token() {
    let (_host, mount) = issuer(json!({})).await;
    for operation in ["read", "header"] {
        let configuration = document(&mount, operation, CONFIGURATION, 200).await;
        assert_eq!(configuration["issuer"], URL);
        assert_eq!(configuration["jwks_uri"], format!("{URL}/.well-known/keys"));
        assert_eq!(configuration["id_token_signing_alg_values_supported"], json!(["RS256", "ES256"]));
        let keys = document(&mount, operation, KEYS, 200).await;
        let [key] = &keys["keys"].as_array().unwrap()[..] else { panic!("{keys}") };
        let names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"], "public members alone");
        assert_eq!((&key["alg"], &key["use"]), (&json!("RS256"), &json!("sig")));
    }
    for path in ["oidc", "oidc/x", "oidc/.well-known", KEY, "issuer/export", "issuer/rotate"] {
        assert!(!mount.is_unauthenticated(path), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_issuer_there_are_none() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    for path in [CONFIGURATION, KEYS] {
        for operation in ["read", "header"] {
            let answer = document(&mount, operation, path, 404).await;
            assert_eq!(answer, json!({"errors": ["no issuer is configured"]}));
        }
    }
    mount.read(KEY).await.expect(404);
    for answer in [mount.read("issuer/export").await, mount.write("issuer/rotate", &json!({})).await] {
        assert_eq!((answer.status, answer.error()), (400, "no issuer is configured"));
    }
    tick(&mount).await;
    assert_eq!(mount.storage().get(STORED), None);
}

/// A node that cannot write serves what is stored, and leaves writes to the one that can.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_serves_the_documents_and_writes_nothing() {
    let (_host, mount) = issuer(json!({})).await;
    let keys = document(&mount, "read", KEYS, 200).await;
    age(&mount, 200 * DAY).await;
    mount.storage().set_read_only(true);
    mount.system_view().update(|host| host.replication_state = STANDBY);
    let before = mount.storage().counts();
    assert_eq!(document(&mount, "read", KEYS, 200).await, keys);
    assert_eq!(document(&mount, "header", CONFIGURATION, 200).await["issuer"], URL);
    mount.read(KEY).await.expect(200);
    mount.read("issuer/export").await.expect(200);
    tick(&mount).await;
    let after = mount.storage().counts();
    assert_eq!((after.puts, after.deletes), (before.puts, before.deletes));
    for (operation, path) in [("update", KEY), ("delete", KEY), ("update", "issuer/rotate")] {
        let reply = mount.request(operation, path, &json!({})).reply().await.unwrap();
        assert_eq!(reply.err.map(|error| error.err_msg).as_deref(), Some(READ_ONLY), "{operation} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_shows_states_and_no_secret() {
    for algorithm in ["RS256", "ES256"] {
        let (_host, mount) = issuer(json!({ "algorithm": algorithm })).await;
        let data = mount.read(KEY).await.expect(200).data;
        let subject = data["subject"].as_str().unwrap();
        assert!(subject.starts_with("auth-mount:") && subject.ends_with(&format!(":{}", mount.uuid())));
        assert_eq!(data["rotation_period"], 90 * DAY);
        assert_eq!((&data["token_ttl"], &data["algorithm"]), (&json!(3600), &json!(algorithm)));
        let key = &data["keys"][0];
        assert_eq!((&key["state"], &key["published_until"]), (&json!("signing"), &Value::Null));
        assert_eq!(key["published_from"], key["signs_from"]);

        let stored = mount.storage().json(STORED).unwrap();
        let secret = stored["keys"][0]["private_key"].as_str().unwrap();
        assert!(secret.len() > 100);
        for path in [KEY, "issuer/export", KEYS, CONFIGURATION] {
            let answer = format!("{:?}", mount.read(path).await);
            assert!(!answer.contains(secret) && !answer.contains("private"), "{path}");
        }
        let wrapped = mount.special_paths().await.unwrap().seal_wrap_storage;
        let of_issuer: Vec<String> =
            mount.storage().entries().into_keys().filter(|key| key.contains("issuer")).collect();
        assert_eq!(of_issuer, [STORED]);
        assert!(wrapped.iter().any(|prefix| prefix.ends_with('/') && STORED.starts_with(prefix.as_str())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    let with = |name: &str, value: Value| {
        let mut data = json!({ "issuer": URL });
        data[name] = value;
        data
    };
    for (data, text) in [
        (json!({}), "issuer must be set"),
        (json!({"algorithm": "ES256"}), "issuer must be set"),
        (with("issuer", json!("http://a.example")), "issuer must be an https URL"),
        (with("issuer", json!("https://a.example:8200/v1")), "issuer must have no port: AWS takes none"),
        (with("issuer", json!("https://a.example?x=1")), "issuer must have no query and no fragment"),
        (
            with("issuer", json!("https://a.example/")),
            "issuer must have a path of plain segments, without a slash at the end",
        ),
        (with("algorithm", json!("HS256")), "algorithm must be RS256 or ES256"),
        (with("rotation_period", json!("47h")), "rotation_period must be from 172800 to 315360000 seconds"),
        (with("token_ttl", json!(59)), "token_ttl must be from 60 to 43200 seconds"),
        (with("token_ttl", json!("13h")), "token_ttl must be from 60 to 43200 seconds"),
    ] {
        let answer = mount.write(KEY, &data).await;
        assert_eq!((answer.status, answer.error()), (400, text), "{data}");
    }
    assert_eq!(mount.storage().get(STORED), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_with_overlap_and_nobody_asks() {
    let (_host, mount) = issuer(json!({"rotation_period": "10d"})).await;
    let subject = mount.read(KEY).await.data["subject"].clone();
    tick(&mount).await;
    assert_eq!(states(&mount).await, ["signing"]);
    age(&mount, 9 * DAY).await;
    tick(&mount).await;
    tick(&mount).await;
    assert_eq!(states(&mount).await, ["signing", "next"]);
    let both = document(&mount, "read", KEYS, 200).await;
    assert_eq!(published(&both).len(), 2, "the next key is published before it signs");
    age(&mount, DAY).await;
    assert_eq!(states(&mount).await, ["retiring", "signing"]);
    age(&mount, DAY + 3000).await;
    tick(&mount).await;
    assert_eq!(document(&mount, "read", KEYS, 200).await, both, "the old key is still published");
    age(&mount, 600).await;
    tick(&mount).await;
    assert_eq!(states(&mount).await, ["signing"]);
    assert_eq!(published(&document(&mount, "read", KEYS, 200).await), published(&both)[1..]);
    let data = mount.read(KEY).await.data;
    assert_eq!((&data["subject"], &data["issuer"]), (&subject, &json!(URL)));
}

/// Storage that fails leaves the keys as they were, and the next tick does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_cannot_be_stored_is_tried_again() {
    let (_host, mount) = issuer(json!({})).await;
    age(&mount, 89 * DAY).await;
    let before = mount.storage().json(STORED);
    mount.storage().fail(testkit::host::Call::Put, STORED, "the disk is full");
    tick(&mount).await;
    assert_eq!(mount.storage().json(STORED), before);
    mount.storage().heal();
    tick(&mount).await;
    assert_eq!(states(&mount).await, ["signing", "next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_by_hand() {
    let (_host, mount) = issuer(json!({})).await;
    let made = mount.write("issuer/rotate", &json!({})).await.expect(200).data;
    assert_eq!(states(&mount).await, ["signing", "next"]);
    let data = mount.read(KEY).await.data;
    assert_eq!((&made["id"], &made["signs_from"]), (&data["keys"][1]["id"], &data["keys"][1]["signs_from"]));
    let answer = mount.write("issuer/rotate", &json!({})).await;
    let text = format!(
        "a rotation is under way: the next key is published and signs from {}",
        made["signs_from"].as_str().unwrap()
    );
    assert_eq!((answer.status, answer.error()), (400, text.as_str()));
    // Somebody knows the keys.
    let made = mount.write("issuer/rotate", &json!({"immediate": true})).await.expect(200).data;
    assert_eq!(states(&mount).await, ["signing"]);
    assert_eq!(published(&document(&mount, "read", KEYS, 200).await), [made["id"].as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_algorithm_begins_a_rotation() {
    let (_host, mount) = issuer(json!({})).await;
    let first = document(&mount, "read", KEYS, 200).await["keys"][0].clone();
    mount.write(KEY, &json!({"algorithm": "ES256"})).await.expect(204);
    let keys = document(&mount, "read", KEYS, 200).await["keys"].clone();
    assert_eq!((&keys[0], &keys[1]["alg"], &keys[1]["crv"]), (&first, &json!("ES256"), &json!("P-256")));
    assert_eq!(states(&mount).await, ["signing", "next"]);
    // Nothing changes twice, and what never signed is dropped.
    let before = mount.storage().get(STORED);
    mount.write(KEY, &json!({"algorithm": "ES256"})).await.expect(204);
    assert_eq!(mount.storage().get(STORED), before);
    mount.write(KEY, &json!({"algorithm": "RS256"})).await.expect(204);
    assert_eq!(document(&mount, "read", KEYS, 200).await["keys"], json!([first]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_what_aws_wants() {
    let (_host, mount) = issuer(json!({})).await;
    let role = "arn:aws-us-gov:iam::111122223333:role/vault";
    mount.write("config/client", &json!({ "role_arn": role })).await.expect(204);
    let data = mount.read("issuer/export").await.expect(200).data;
    assert_eq!(data["openid_configuration"], document(&mount, "read", CONFIGURATION, 200).await);
    assert_eq!(data["jwks"], document(&mount, "read", KEYS, 200).await);
    assert_eq!(data["provider"], json!({"Url": URL, "ClientIDList": ["sts.amazonaws.com"]}));
    let provider = "keys.example.com/v1/auth/aws/oidc";
    let arn = format!("arn:aws-us-gov:iam::111122223333:oidc-provider/{provider}");
    assert_eq!(data["provider_arn"], json!(arn));
    let statement = &data["trust_policy"]["Statement"][0];
    assert_eq!(statement["Principal"]["Federated"], json!(arn));
    let condition = json!({"StringEquals": {
        format!("{provider}:aud"): "sts.amazonaws.com",
        format!("{provider}:sub"): data["subject"],
    }});
    assert_eq!(statement["Condition"], condition);
    let data = mount.ask("read", "issuer/export", &json!({"audience": "me"})).await.expect(200).data;
    assert_eq!((&data["audience"], &data["provider"]["ClientIDList"]), (&json!("me"), &json!(["me"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_drops_the_keys() {
    let (_host, mount) = issuer(json!({})).await;
    let before = mount.read(KEY).await.data;
    mount.delete(KEY).await.expect(204);
    document(&mount, "read", KEYS, 404).await;
    assert_eq!(mount.storage().get(STORED), None);
    mount.write(KEY, &json!({ "issuer": URL })).await.expect(204);
    let after = mount.read(KEY).await.data;
    assert_ne!(after["subject"], before["subject"]);
    assert_ne!(after["keys"][0]["id"], before["keys"][0]["id"]);
}

/// The checks of the stand-in are worth something.
#[test]
fn a_token_of_nobody_is_refused_by_the_stand_in() {
    let provider = OidcProvider {
        issuer: URL.to_owned(),
        keys: json!({"keys": []}),
        role_arn: String::new(),
        subject: String::new(),
        audience: String::new(),
    };
    for token in ["", "a.b", "e30.e30.AAAA", "header.claims.signature"] {
        assert!(provider.verify(token, 0).is_err(), "{token}");
    }
}
