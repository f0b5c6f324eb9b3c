//! `identity-accesslist`, also by its old name.

use serde_json::{Value, json};

use super::{ACCESS_LIST, mounted};

const NAMES: [&str; 2] = ["identity-accesslist", "identity-whitelist"];

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_shown_and_forgotten() {
    let (_host, mount) = mounted().await;
    let entry = json!({
        "role": "dev", "client_nonce": "secret", "creation_time": "2026-01-02T03:04:05.123456789-08:00",
        "disallow_reauthentication": true, "pending_time": "2026-01-01T00:00:00Z",
        "expiration_time": "2001-01-01T00:00:00Z", "last_updated_time": "0001-01-01T00:00:00Z",
    });
    for name in NAMES {
        assert_eq!(mount.list(name).await.status, 404);
        mount.storage().put_json(&format!("{ACCESS_LIST}i-0A"), &entry);
        mount.storage().put_json(&format!("{ACCESS_LIST}i-0b"), &json!({"role": null}));
        assert_eq!(mount.list(name).await.expect(200).data, json!({"keys": ["i-0A", "i-0b"]}));
        assert_eq!(mount.read(&format!("{name}/i-0A")).await.expect(200).data, entry);
        assert_eq!(mount.read(&format!("{name}/i-0a")).await.status, 404, "case matters");
        let unset = json!({
            "role": "", "client_nonce": "", "creation_time": "0001-01-01T00:00:00Z",
            "disallow_reauthentication": false, "pending_time": "",
            "expiration_time": "0001-01-01T00:00:00Z", "last_updated_time": "0001-01-01T00:00:00Z",
        });
        assert_eq!(mount.read(&format!("{name}/i-0b")).await.expect(200).data, unset);
        for instance in ["i-0A", "i-0b", "i-none"] {
            assert_eq!(mount.delete(&format!("{name}/{instance}")).await.status, 204);
        }
        assert_eq!(mount.storage().keys_of_requests(), [""; 0]);
        assert_eq!(mount.write(&format!("{name}/i-0A"), &Value::Null).await.status, 405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_entry_is_an_error() {
    let (_host, mount) = mounted().await;
    mount.storage().put(&format!("{ACCESS_LIST}i-1"), "{");
    assert_eq!(mount.read("identity-accesslist/i-1").await.status, 500);
}
