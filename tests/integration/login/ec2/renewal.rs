//! Renewal of tokens of instances.

use serde_json::{Value, json};

use super::{HOUR, INSTANCE, MOUNT_MAX, SECOND, Scene, seconds, times};
use testkit::aws::{ACCOUNT, InstanceState};
use testkit::proto::pb::Auth;
use testkit::stage::with;

impl Scene {
    async fn renewed(&self, auth: &Auth) -> Auth {
        let answer = self.stage.mount.renew(auth).await;
        assert_eq!(answer.status, 200, "{:?}", answer.errors);
        answer.auth.expect("an identity")
    }

    /// A renewal that must fail; the text inside the host's.
    async fn not_renewed(&self, auth: &Auth) -> String {
        let answer = self.stage.mount.renew(auth).await.expect(500);
        assert_eq!(answer.auth, None);
        answer.error().strip_prefix("failed to renew entry: ").expect("the host's prefix").to_owned()
    }
}

fn with_internal(auth: &Auth, changes: Value) -> Auth {
    let internal: Value = serde_json::from_str(&auth.internal_data).unwrap();
    Auth { internal_data: with(&internal, changes).to_string(), ..auth.clone() }
}

fn with_metadata(auth: &Auth, name: &str, value: Option<&str>) -> Auth {
    let mut auth = auth.clone();
    match value {
        Some(value) => auth.metadata.insert(name.to_owned(), value.to_owned()),
        None => auth.metadata.remove(name),
    };
    auth
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lives_as_long_as_its_instance_and_its_entry() {
    let scene = Scene::open().await;
    scene.role(json!({"token_ttl": "1h", "token_policies": "dev"})).await;
    let auth = scene.admitted(&scene.login("a")).await;
    let before = scene.entry(INSTANCE).unwrap();
    scene.stage.aws.clear_calls();
    let renewed = scene.renewed(&auth).await;
    assert_eq!((times(&renewed), renewed.period), ((HOUR, MOUNT_MAX), 0));
    assert_eq!(
        (&renewed.policies, &renewed.metadata, &renewed.alias),
        (&auth.policies, &auth.metadata, &auth.alias)
    );
    assert_eq!((scene.stage.aws.call_count("DescribeInstances"), scene.stage.aws.total_calls()), (1, 1));
    let after = scene.entry(INSTANCE).unwrap();
    let moved = json!({"last_updated_time": Value::Null, "expiration_time": Value::Null});
    assert_eq!(with(&before, moved.clone()), with(&after, moved));
    assert_ne!(before["last_updated_time"], after["last_updated_time"]);
    let life = seconds(&after["expiration_time"]) - seconds(&after["last_updated_time"]);
    assert_eq!(life, MOUNT_MAX / SECOND);

    for state in [InstanceState::Terminated, InstanceState::Stopped] {
        scene.stage.aws.set_instance_state(INSTANCE, state);
        let text = format!("failed to verify instance ID \"{INSTANCE}\": instance is not in 'running' state");
        assert_eq!(scene.not_renewed(&auth).await, text, "vector 115");
    }
    assert_eq!(scene.entry(INSTANCE).unwrap(), after);
    scene.stage.aws.set_instance_state(INSTANCE, InstanceState::Running);

    scene.forget().await;
    let text = format!("failed to verify the access list identity entry for instance ID: \"{INSTANCE}\"");
    assert_eq!(scene.not_renewed(&auth).await, text, "vector 116");
    assert_eq!(scene.entry(INSTANCE), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_the_first_login_gives_the_times() {
    let scene = Scene::open().await;
    scene.named_role("a", json!({"token_ttl": "1h", "token_max_ttl": "4h", "token_period": "5m"})).await;
    scene.named_role("b", json!({"token_ttl": "2h", "token_max_ttl": "6h", "token_period": "7m"})).await;
    let login = |role: &str| with(&scene.login("n"), json!({"role": role}));
    scene.admitted(&login("a")).await;
    let auth = scene.admitted(&login("b")).await;
    assert_eq!((times(&auth), auth.period), ((2 * HOUR, 6 * HOUR), 420 * SECOND));
    let renewed = scene.renewed(&auth).await;
    assert_eq!((times(&renewed), renewed.period), ((HOUR, 4 * HOUR), 300 * SECOND), "vector 117");

    scene.named_role("a", json!({"token_ttl": "3h", "token_max_ttl": "5h"})).await;
    let renewed = scene.renewed(&renewed).await;
    assert_eq!((times(&renewed), renewed.period), ((3 * HOUR, 5 * HOUR), 0), "as they are now");
    // Bindings, type and addresses are not looked at again.
    scene.named_role("a", json!({"bound_ami_id": "ami-2", "token_bound_cidrs": "10.0.0.0/8"})).await;
    scene.renewed(&auth).await;
    scene.stage.mount.delete("role/a").await.expect(204);
    assert_eq!(scene.not_renewed(&auth).await, "role entry not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_tag_of_the_login_goes_on_to_count() {
    let scene = Scene::open().await;
    scene.role(json!({"token_max_ttl": "10h"})).await;
    let auth = scene.admitted(&scene.login("a")).await;
    for (told, shortest, longest) in [
        (Some("1h30m0s"), HOUR * 3 / 2, MOUNT_MAX),
        (Some("1800"), HOUR / 2, MOUNT_MAX),
        (Some("800h0m0s"), 10 * HOUR, 800 * HOUR),
        (Some("0s"), 10 * HOUR, MOUNT_MAX),
        (Some(""), 10 * HOUR, MOUNT_MAX),
        (None, 10 * HOUR, MOUNT_MAX),
    ] {
        let renewed = scene.renewed(&with_metadata(&auth, "role_tag_max_ttl", told)).await;
        assert_eq!(times(&renewed).1, shortest, "{told:?}");
        let entry = scene.entry(INSTANCE).unwrap();
        let life = seconds(&entry["expiration_time"]) - seconds(&entry["last_updated_time"]);
        assert_eq!(life * SECOND, longest, "{told:?}");
    }
    let text = scene.not_renewed(&with_metadata(&auth, "role_tag_max_ttl", Some("x"))).await;
    assert!(!text.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_left_behind_must_be_there() {
    let scene = Scene::open().await;
    let auth = scene.admitted(&scene.login("a")).await;
    for name in ["instance_id", "region"] {
        let mut changes = json!({});
        changes[name] = Value::Null;
        let without = with_internal(&auth, changes.clone());
        assert_eq!(scene.not_renewed(&without).await, format!("\"{name}\" not found in auth metadata"));
        changes[name] = json!(1);
        let text = scene.not_renewed(&with_internal(&auth, changes)).await;
        assert!(
            text.starts_with(&format!("unable to fetch \"{name}\" from auth metadata due to ")),
            "{text}"
        );
        // Older tokens have the values in their metadata.
        let value = if name == "region" { "us-east-1" } else { INSTANCE };
        scene.renewed(&with_metadata(&without, name, Some(value))).await;
    }
    let nobody = with_metadata(&with_internal(&auth, json!({"account_id": Value::Null})), "account_id", None);
    let text = format!(
        "failed to verify instance ID \"{INSTANCE}\": unable to fetch client for account ID \"\" -- default client is for account \"{ACCOUNT}\""
    );
    assert_eq!(scene.not_renewed(&nobody).await, text);
    // Before there were two types, there was no metadata for it.
    scene.renewed(&with_metadata(&auth, "auth_type", None)).await;
    let other = with_metadata(&auth, "auth_type", Some("x"));
    assert_eq!(scene.not_renewed(&other).await, "unrecognized auth_type: \"x\"");
}
