//! First and later logins of one instance, and what the access list keeps of them.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{HOUR, INSTANCE, MOUNT_MAX, SECOND, Scene, T0, T1, T2, document, seconds, times};
use testkit::aws::InstanceState;
use testkit::host::{Call, READ_ONLY};
use testkit::stage::with;

const MISMATCH: &str = "client nonce mismatch";
const INCORRECT: &str = "client nonce mismatch and instance meta-data incorrect";
const DISABLED: &str = "reauthentication is disabled";
const OLDER: &str = "instance meta-data is older than the one used for previous login";
const TOO_LONG: &str = "client nonce exceeding the limit of 128 characters";

impl Scene {
    /// A login with a nonce, of the instance started at that time.
    fn started(&self, pending_time: &str, nonce: Option<&str>) -> Value {
        let data = self.message(&document(json!({"pendingTime": pending_time})));
        nonce.map_or_else(|| data.clone(), |nonce| with(&data, json!({"nonce": nonce})))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_nonce_is_told_once_and_wanted_from_then_on() {
    let scene = Scene::open().await;
    let begun = OffsetDateTime::now_utc().unix_timestamp();
    let auth = scene.admitted(&scene.started(T1, None)).await;
    let nonce = auth.metadata["nonce"].clone();
    assert_eq!(nonce.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "vector 93: {nonce}");
    assert_eq!((auth.metadata["role"].as_str(), auth.metadata["role_tag_max_ttl"].as_str()), ("ec2r", "0s"));
    assert_eq!(auth.display_name, "", "vector 93: the host shows the mount's name alone");
    assert!(!auth.alias.unwrap().metadata.contains_key("nonce"), "an alias is not for secrets");

    let first = scene.entry(INSTANCE).unwrap();
    let created = seconds(&first["creation_time"]);
    assert!((begun..begun + 60).contains(&created), "{first}");
    assert_eq!(first["last_updated_time"], first["creation_time"]);
    assert_eq!(seconds(&first["expiration_time"]) - created, MOUNT_MAX / SECOND);
    let expected = json!({
        "role": "ec2r", "client_nonce": nonce, "creation_time": first["creation_time"],
        "disallow_reauthentication": false, "pending_time": T1,
        "expiration_time": first["expiration_time"], "last_updated_time": first["creation_time"],
    });
    assert_eq!(first, expected, "all that the built-in method keeps, and nothing else");
    let text = scene.stage.mount.storage().get(&format!("whitelist/identity/{INSTANCE}")).unwrap();
    assert!(text.ends_with(b"}\n"));
    let shown = scene.stage.mount.read(&format!("identity-accesslist/{INSTANCE}")).await.expect(200).data;
    assert_eq!(shown, first);

    let again = scene.admitted(&scene.started(T1, Some(&nonce))).await;
    assert_eq!(again.metadata.get("nonce"), None, "vector 94");
    let second = scene.entry(INSTANCE).unwrap();
    assert_eq!((&second["creation_time"], &second["client_nonce"]), (&first["creation_time"], &json!(nonce)));
    assert_ne!(second["last_updated_time"], first["last_updated_time"]);

    scene.refused(&scene.started(T1, Some("another")), 400, MISMATCH, "vector 95").await;
    scene.refused(&scene.started(T1, None), 400, MISMATCH, "vector 96").await;
    scene
        .refused(&scene.started(T2, Some("another")), 400, MISMATCH, "started anew, without migration")
        .await;
    let upper = nonce.to_uppercase() + "x";
    scene.refused(&scene.started(T1, Some(&upper)), 400, MISMATCH, "case matters").await;
    scene.admitted(&scene.started(T2, Some(&nonce))).await;
    assert_eq!(scene.entry(INSTANCE).unwrap()["pending_time"], T2);
    scene.refused(&scene.started(T1, Some(&nonce)), 400, OLDER, "the newest document counts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_nonce_is_never_told() {
    let scene = Scene::open().await;
    let auth = scene.admitted(&scene.login("mine")).await;
    assert_eq!(auth.metadata.get("nonce"), None);
    assert!(!auth.internal_data.contains("mine"));
    assert_eq!(scene.entry(INSTANCE).unwrap()["client_nonce"], "mine");
    scene.refused(&scene.started(T0, Some("mine")), 400, OLDER, "vector 99").await;
    let number = with(&scene.login(""), json!({"nonce": 7}));
    scene.refused(&number, 400, MISMATCH, "a number is its text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_migrated_shows_a_later_document() {
    let scene = Scene::open().await;
    scene.role(json!({"allow_instance_migration": true})).await;
    scene.admitted(&scene.started(T1, Some("first"))).await;
    scene.refused(&scene.started(T1, Some("second")), 400, INCORRECT, "not later").await;
    scene.refused(&scene.started(T0, Some("second")), 400, INCORRECT, "earlier").await;
    scene.admitted(&scene.started(T2, Some("second"))).await;
    let entry = scene.entry(INSTANCE).unwrap();
    assert_eq!((&entry["client_nonce"], &entry["pending_time"]), (&json!("first"), &json!(T2)), "vector 97");
    scene.refused(&scene.started(T2, Some("second")), 400, INCORRECT, "vector 98").await;
    scene.admitted(&scene.started(T2, Some("first"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_may_log_in_for_the_last_time() {
    let scene = Scene::open().await;
    let document = scene.message(&document(json!({})));
    let mut null = document.clone();
    null["nonce"] = Value::Null;
    for (what, first) in [("empty", with(&document, json!({"nonce": ""}))), ("null", null)] {
        let auth = scene.admitted(&first).await;
        assert_eq!(auth.metadata.get("nonce"), None, "{what}");
        let entry = scene.entry(INSTANCE).unwrap();
        assert_eq!((&entry["client_nonce"], &entry["disallow_reauthentication"]), (&json!(""), &json!(true)));
        for second in [None, Some(""), Some("a"), Some("reauthentication-disabled-nonce")] {
            scene.refused(&scene.started(T2, second), 400, DISABLED, "vector 100").await;
        }
        scene.forget().await;
    }
    scene.admitted(&scene.login("a")).await;
    let marker = scene.started(T1, Some("reauthentication-disabled-nonce"));
    scene.refused(&marker, 400, DISABLED, "vector 101").await;
    scene.refused(&scene.login(""), 400, DISABLED, "the empty nonce is the marker").await;
    scene.admitted(&scene.login("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_further_logins_is_told_so() {
    let scene = Scene::open().await;
    let given_up = "the empty nonce disables reauthentication: this instance cannot log in again until its entry in identity-accesslist is deleted; to log in again, leave the nonce out at the first login and keep the one that is answered, or choose one";
    for (role, nonce, warnings) in [
        (json!({}), Some(""), &[given_up][..]),
        (json!({}), None, &[]),
        (json!({}), Some("a"), &[]),
        // The client could not avoid it.
        (json!({"disallow_reauthentication": true}), Some(""), &[]),
    ] {
        scene.role(role.clone()).await;
        let answer = scene.answer(&scene.started(T1, nonce)).await.expect(200);
        assert!(answer.auth.is_some());
        assert_eq!(answer.warnings, warnings, "{role} {nonce:?}");
        scene.forget().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_may_allow_one_login_only() {
    let scene = Scene::open().await;
    scene.role(json!({"disallow_reauthentication": true})).await;
    // No nonce is made for a client that will never need one, and how long it is does not matter.
    for nonce in [None, Some("a"), Some(&*"x".repeat(129))] {
        let auth = scene.admitted(&scene.started(T1, nonce)).await;
        assert_eq!(auth.metadata.get("nonce"), None);
        let entry = scene.entry(INSTANCE).unwrap();
        assert_eq!((&entry["client_nonce"], &entry["disallow_reauthentication"]), (&json!(""), &json!(true)));
        scene.refused(&scene.started(T1, nonce), 400, DISABLED, "the second").await;
        scene.role(json!({})).await;
        scene.refused(&scene.started(T1, nonce), 400, DISABLED, "it stays so for the instance").await;
        scene.role(json!({"disallow_reauthentication": true})).await;
        scene.forget().await;
    }
    // Set later, it holds from the next login on.
    scene.role(json!({})).await;
    scene.admitted(&scene.login("a")).await;
    scene.role(json!({"disallow_reauthentication": true})).await;
    scene.admitted(&scene.login("a")).await;
    scene.refused(&scene.login("a"), 400, DISABLED, "the next one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_has_a_longest_length() {
    let scene = Scene::open().await;
    scene.refused(&scene.login(&"x".repeat(129)), 400, TOO_LONG, "vector 102").await;
    scene.refused(&scene.login(&"ä".repeat(65)), 400, TOO_LONG, "bytes, not letters").await;
    assert_eq!(scene.stage.aws.call_count("DescribeInstances"), 2, "it is the last check");
    scene.admitted(&scene.login(&"x".repeat(128))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_the_built_in_method_count() {
    let scene = Scene::open().await;
    let entry = json!({
        "role": "old", "client_nonce": "a", "creation_time": "2001-02-03T04:05:06.000000007-08:00",
        "disallow_reauthentication": false, "pending_time": T1, "later": {"x": 1},
        "expiration_time": "2001-02-03T04:05:06Z", "last_updated_time": "0001-01-01T00:00:00Z",
    });
    let put = |changes: Value| {
        let key = format!("whitelist/identity/{INSTANCE}");
        scene.stage.mount.storage().put_json(&key, &with(&entry, changes));
    };
    put(json!({}));
    scene.refused(&scene.login("b"), 400, MISMATCH, "expiry is for tidying only").await;
    scene.admitted(&scene.login("a")).await;
    let kept = scene.entry(INSTANCE).unwrap();
    for name in ["role", "client_nonce", "creation_time", "later"] {
        assert_eq!(kept[name], entry[name], "{name} never changes");
    }
    put(json!({"client_nonce": ""}));
    scene.refused(&scene.login("a"), 400, "client nonce missing in stored identity", "no nonce").await;
    put(json!({"disallow_reauthentication": true}));
    scene.refused(&scene.login("a"), 400, DISABLED, "disallowed").await;
    put(json!({"pending_time": ""}));
    let text = "parsing time \"\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"2006\"";
    scene.refused(&scene.login("a"), 400, text, "a time that is none").await;
    scene.stage.mount.storage().put(&format!("whitelist/identity/{INSTANCE}"), "{");
    assert_eq!(scene.answer(&scene.login("a")).await.expect(500).auth, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entry_lives_as_long_as_the_longest_bound() {
    let scene = Scene::open().await;
    for (role, mount_hours, hours, shortest) in [
        (json!({}), 768, 768, 768),
        (json!({"token_max_ttl": "10h"}), 768, 768, 10),
        (json!({"token_max_ttl": "100h"}), 20, 100, 20),
    ] {
        scene.role(json!({})).await;
        scene.stage.role("ec2r", with(&json!({"token_ttl": "1h"}), role)).await;
        scene.stage.mount.system_view().update(|values| {
            values.max_lease_ttl = Duration::from_secs(mount_hours * 3600);
        });
        let auth = scene.admitted(&scene.login("a")).await;
        assert_eq!(times(&auth), (HOUR, shortest * HOUR));
        let entry = scene.entry(INSTANCE).unwrap();
        let life = seconds(&entry["expiration_time"]) - seconds(&entry["last_updated_time"]);
        assert_eq!(life, hours * 3600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_leaves_no_entry_and_a_failed_write_gives_no_token() {
    let scene = Scene::open().await;
    scene.stage.aws.set_instance_state(INSTANCE, InstanceState::Stopped);
    let text = "failed to verify instance ID: instance is not in 'running' state";
    scene.refused(&scene.login("a"), 400, text, "vector 103").await;
    assert_eq!(scene.entry(INSTANCE), None);
    scene.stage.aws.set_instance_state(INSTANCE, InstanceState::Running);

    let storage = scene.stage.mount.storage();
    storage.fail(Call::Put, &format!("whitelist/identity/{INSTANCE}"), "disk full");
    let answer = scene.answer(&scene.login("a")).await.expect(500);
    assert_eq!((answer.auth.clone(), answer.error()), (None, "disk full"));
    storage.heal();
    storage.set_read_only(true);
    let answer = scene.answer(&scene.login("a")).await;
    assert_eq!((answer.auth.clone(), answer.error()), (None, READ_ONLY));
    storage.set_read_only(false);
    scene.admitted(&scene.login("b")).await;
}
