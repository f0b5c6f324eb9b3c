//! `config/tidy/…`, also by the old names.

use serde_json::{Value, json};

use super::mounted;

/// Path, old path, storage key, and the default buffer in seconds.
const CONFIGS: [(&str, &str, &str, i64); 2] = [
    (
        "config/tidy/roletag-denylist",
        "config/tidy/roletag-blacklist",
        "config/tidy/roletag-blacklist",
        15_552_000,
    ),
    (
        "config/tidy/identity-accesslist",
        "config/tidy/identity-whitelist",
        "config/tidy/identity-whitelist",
        259_200,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn settings_have_defaults_and_keep_what_is_not_given() {
    let (_host, mount) = mounted().await;
    for (path, old_path, key, default) in CONFIGS {
        for (path, other) in [(path, old_path), (old_path, path)] {
            assert_eq!(mount.read(path).await.status, 404);
            for (given, buffer, disabled) in [
                (json!({}), default, false),
                (json!({"safety_buffer": 60}), 60, false),
                (json!({"disable_periodic_tidy": true}), 60, true),
                (json!({"safety_buffer": "2h"}), 7200, true),
                (json!({"safety_buffer": "", "disable_periodic_tidy": "false"}), 0, false),
                (json!({"safety_buffer": null}), 0, false),
            ] {
                assert_eq!(mount.write(path, &given).await.status, 204, "{given}");
                let expected = json!({"safety_buffer": buffer, "disable_periodic_tidy": disabled});
                assert_eq!(mount.read(path).await.expect(200).data, expected, "{given}");
                assert_eq!(mount.read(other).await.expect(200).data, expected, "{given}");
                assert_eq!(mount.storage().json(key).unwrap(), expected, "{given}");
            }
            assert_eq!(mount.write(path, &json!({"safety_buffer": -1})).await.status, 400);
            assert_eq!(mount.delete(path).await.status, 204);
            assert_eq!(mount.storage().keys_of_requests(), [""; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_nothing_has_no_defaults() {
    let (_host, mount) = mounted().await;
    for (path, _, key, _) in CONFIGS {
        let answer = mount.request("update", path, &json!({})).send().await;
        assert_eq!(answer.status, 204);
        let expected = json!({"safety_buffer": 0, "disable_periodic_tidy": false});
        assert_eq!(mount.storage().json(key).unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_only_documentation_knows_are_no_paths() {
    let (_host, mount) = mounted().await;
    for path in ["config/tidy/roletags", "config/tidy/identities", "tidy/roletags", "tidy/identities"] {
        assert_eq!(mount.write(path, &json!({})).await.status, 404, "{path}");
    }
    for (path, ..) in CONFIGS {
        assert_eq!(mount.ask("list", &format!("{path}/"), &Value::Null).await.status, 404, "{path}");
    }
}
