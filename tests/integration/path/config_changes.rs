//! Changes are seen at once: those made through the plugin, and those it is told of.

use std::time::Duration;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{Aws, Entity, User};
use testkit::host::Answer;
use testkit::stage::{Stage, with};

/// The longest that the plugin takes to ask for an entry.
const READ_LIMIT: Duration = Duration::from_secs(20);

async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

/// Changes an entry behind the plugin's back.
fn change(stage: &Stage, key: &str, changes: Value) {
    let storage = stage.mount.storage();
    let entry = storage.json(key).unwrap_or_else(|| json!({}));
    storage.put_json(key, &with(&entry, changes));
}

async fn alias(stage: &Stage, dev: &User) -> String {
    stage.admitted(&dev.credentials, "dev").await.alias.unwrap().name
}

/// In steady state a login reads no storage; so only an invalidation can tell it of changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_steady_state_reads_no_storage() {
    let (stage, dev) = stage_with_dev().await;
    stage.admitted(&dev.credentials, "dev").await;
    let storage = stage.mount.storage();
    storage.reset_counts();
    for _ in 0..3 {
        stage.admitted(&dev.credentials, "dev").await;
    }
    assert_eq!(storage.counts(), Default::default());

    // Absent roles are never remembered.
    let text = "entry for role nope not found";
    assert_eq!(stage.refused(&dev.credentials, "nope").await, text);
    stage.role_for("nope", &dev.arn).await;
    stage.admitted(&dev.credentials, "nope").await;
    storage.remove("role/later");
    assert_eq!(stage.refused(&dev.credentials, "later").await, "entry for role later not found");
    storage.put("role/later", storage.get("role/dev").unwrap());
    stage.admitted(&dev.credentials, "later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidated_role_is_read_again() {
    let (stage, dev) = stage_with_dev().await;
    stage.admitted(&dev.credentials, "dev").await;
    change(&stage, "role/dev", json!({"token_policies": ["new"]}));
    stage.mount.invalidate("role/dev").await.unwrap();
    assert_eq!(stage.admitted(&dev.credentials, "dev").await.policies, ["new"]);
    stage.mount.storage().remove("role/dev");
    stage.mount.invalidate("role/dev").await.unwrap();
    assert_eq!(stage.refused(&dev.credentials, "dev").await, "entry for role dev not found");
    assert_eq!(stage.mount.read("role/dev").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidated_client_configuration_is_read_again() {
    let (stage, dev) = stage_with_dev().await;
    stage.admitted(&dev.credentials, "dev").await;
    let elsewhere = Aws::start().await;
    change(&stage, "config/client", json!({"sts_endpoint": elsewhere.url()}));
    stage.mount.invalidate("config/client").await.unwrap();
    stage.aws.clear_calls();
    let text = stage.refused(&dev.credentials, "dev").await;
    assert!(text.contains("InvalidClientTokenId"), "{text}");
    assert_eq!((stage.aws.total_calls(), elsewhere.total_calls()), (0, 1));
    stage.mount.storage().remove("config/client");
    stage.mount.invalidate("config/client").await.unwrap();
    assert_eq!(stage.mount.read("config/client").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidated_identity_configuration_is_read_again() {
    let (stage, dev) = stage_with_dev().await;
    let role_id = stage.mount.storage().json("role/dev").unwrap()["role_id"].clone();
    assert_eq!(alias(&stage, &dev).await, role_id);
    change(&stage, "config/identity", json!({"iam_alias": "unique_id"}));
    stage.mount.invalidate("config/identity").await.unwrap();
    assert_eq!(alias(&stage, &dev).await, dev.unique_id);
    stage.mount.write("config/identity", &json!({"iam_alias": "full_arn"})).await.expect(204);
    assert_eq!(alias(&stage, &dev).await, dev.arn, "a write through the plugin needs none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidated_account_is_read_again() {
    const KEY: &str = "config/sts/444455556666";
    let stage = under_test::stage().await;
    let other = |name: &str| Entity::named(name).account("444455556666");
    let app = stage.aws.create_role(other("App"));
    let (one, two) = (stage.aws.create_role(other("one")), stage.aws.create_role(other("two")));
    let session = stage.aws.session(&app, "s");
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    let unconfigured = "unable to fetch client for account ID \"444455556666\" -- default client is for account \"111122223333\"";
    assert!(stage.refused(&session.credentials, "r").await.ends_with(unconfigured));

    for role in [&one, &two] {
        change(&stage, KEY, json!({"sts_role": role.arn}));
        stage.mount.invalidate(KEY).await.unwrap();
        stage.aws.clear_calls();
        stage.admitted(&session.credentials, "r").await;
        assert_eq!(stage.aws.calls("AssumeRole")[0].parameter("RoleArn"), Some(role.arn.clone()));
    }
    stage.mount.storage().remove(KEY);
    stage.mount.invalidate(KEY).await.unwrap();
    assert!(stage.refused(&session.credentials, "r").await.ends_with(unconfigured));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidated_role_is_looked_up_again() {
    let (stage, dev) = stage_with_dev().await;
    stage.role("w", json!({"bound_iam_principal_arn": "arn:aws:iam::111122223333:user/people/*"})).await;
    stage.aws.move_user(&dev, "dev", "/people/");
    stage.admitted(&dev.credentials, "w").await;
    stage.aws.move_user(&dev, "dev", "/pets/");
    stage.admitted(&dev.credentials, "w").await;
    assert_eq!(stage.aws.call_count("GetUser"), 1, "what IAM said is kept");
    for key in ["role/w", "config/client", "config/sts/1"] {
        stage.aws.clear_calls();
        stage.mount.invalidate(key).await.unwrap();
        let text = stage.refused(&dev.credentials, "w").await;
        assert!(text.starts_with("IAM Principal "), "{key}: {text}");
        assert_eq!(stage.aws.call_count("GetUser"), 1, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_through_the_plugin_is_seen_at_once() {
    let (stage, dev) = stage_with_dev().await;
    for policies in [json!(["a"]), json!(["b"]), json!([])] {
        stage.role("DEV", json!({"token_policies": policies})).await;
        assert_eq!(json!(stage.admitted(&dev.credentials, "dev").await.policies), policies);
    }
    stage.mount.write("config/client", &json!({"iam_server_id_header_value": "other"})).await.expect(204);
    let text = stage.refused(&dev.credentials, "dev").await;
    assert!(
        text.starts_with("error validating X-Vault-AWS-IAM-Server-ID header: expected \"other\""),
        "{text}"
    );
    stage.mount.write("config/client", &json!({"iam_server_id_header_value": ""})).await.expect(204);
    stage.admitted(&dev.credentials, "dev").await;
    stage.mount.delete("role/dev").await.expect(204);
    assert_eq!(stage.refused(&dev.credentials, "dev").await, "entry for role dev not found");
}

/// A slow reader must not put back what it read before a change.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_an_invalidation_is_not_kept_after_it() {
    for (key, changes) in [
        ("role/dev", json!({"token_policies": ["new"]})),
        ("config/client", json!({"iam_server_id_header_value": "other"})),
        ("config/identity", json!({"iam_alias": "unique_id"})),
    ] {
        let (stage, dev) = stage_with_dev().await;
        stage.mount.write("config/identity", &json!({"iam_alias": "role_id"})).await.expect(204);
        stage.mount.invalidate(key).await.unwrap();
        let gate = stage.mount.storage().hold_get(key);
        let data = stage.login_data(&dev.credentials, "dev");
        let slow = tokio::spawn({
            let (mount, data) = (stage.mount.clone(), data.clone());
            async move { mount.login_only(&data).await }
        });
        tokio::time::timeout(READ_LIMIT, gate.arrived(1)).await.expect("the entry is read anew");
        change(&stage, key, changes);
        stage.mount.invalidate(key).await.unwrap();
        gate.open();
        assert_eq!(slow.await.unwrap().status, 200, "{key}: the slow one had read the old entry");
        assert!(is_new(key, &stage.mount.login_only(&data).await, &dev), "{key}");
    }
}

/// Whether a login went by the changed entry.
fn is_new(key: &str, answer: &Answer, dev: &User) -> bool {
    match (key, &answer.auth) {
        ("role/dev", Some(auth)) => auth.policies == ["new"],
        ("config/identity", Some(auth)) => {
            auth.alias.as_ref().is_some_and(|alias| alias.name == dev.unique_id)
        }
        ("config/client", None) => answer.error().contains("expected \"other\""),
        _ => false,
    }
}
