//! A token admits once, whatever is configured for signed requests.

use futures_util::future::join_all;
use serde_json::json;
use time::OffsetDateTime;

use super::{AUDIENCE, Scene};
use crate::under_test;
use testkit::aws::ACCOUNT;
use testkit::host::{Call, MountOptions, PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, READ_ONLY};
use testkit::stage::with;

const USED: &str = "the token was used before: get a new one for each login";

impl Scene {
    fn records(&self) -> Vec<String> {
        let mut keys = self.stage.mount.storage().keys();
        keys.retain(|key| key.starts_with("replay/"));
        keys
    }

    async fn assert_used(&self, token: &str) {
        let answer = self.login(token, "app").await.expect(409);
        assert_eq!((answer.error(), answer.auth.is_none()), (USED, true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_admits_once() {
    let scene = Scene::open().await;
    let claims = scene.claims();
    let token = scene.issuer.rs256(&claims);
    scene.login(&token, "app").await.expect(200);
    scene.assert_used(&token).await;
    // Signed anew with the same id it is the same token.
    scene.assert_used(&scene.issuer.es384(&claims)).await;
    let expires = claims["exp"].as_i64().unwrap();
    let [record] = &scene.records()[..] else { panic!("{:?}", scene.records()) };
    let minute: i64 = record.split('/').nth(1).unwrap().parse().unwrap();
    assert_eq!(minute, expires / 60, "kept until it has expired, and longer");
    // Also by a process that was started since.
    scene.stage.host.plugin().process.kill();
    scene.stage.mount.reload().await.unwrap();
    scene.assert_used(&token).await;
    scene.login(&scene.issuer.rs256(&scene.claims()), "app").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_at_the_same_time_one_admits() {
    let scene = Scene::open().await;
    let token = scene.issuer.es384(&scene.claims());
    let answers = join_all((0..64).map(|_| scene.login(&token, "app"))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(409)), (1, 63));
    assert_eq!(scene.records().len(), 1);
    assert_eq!(scene.stage.aws.call_count(&scene.issuer.jwks_url()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_not_stored_gives_nothing() {
    let scene = Scene::open().await;
    let token = scene.issuer.rs256(&scene.claims());
    scene.role("others", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/X")})).await;
    for role in ["nope", "others"] {
        scene.login(&token, role).await.expect(400);
    }
    assert_eq!(scene.records(), [""; 0]);
    let storage = scene.stage.mount.storage();
    storage.fail(Call::List, "replay/", "no lists today");
    assert!(scene.login(&token, "app").await.expect(500).error().contains("could not be loaded"));
    storage.heal();
    storage.set_read_only(true);
    let login = json!({"jwt": token, "role": "app"});
    let reply = scene.stage.mount.request("update", "login", &login).reply().await.unwrap();
    assert_eq!((reply.response, reply.err.unwrap().err_msg.as_str()), (None, READ_ONLY));
    storage.set_read_only(false);
    scene.assert_used(&token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_two_mounts_would_take_is_taken_by_neither() {
    let scene = Scene::open().await;
    let other = scene.stage.host.mount("other", MountOptions::default()).await;
    scene.configure(&other, ACCOUNT, &scene.issuer).await;
    let shared =
        "the token cannot be taken once only: another mount takes it too, because both have its audience";
    let token = scene.issuer.rs256(&scene.claims());
    let (text, code) = scene.refused(&token, "app").await;
    assert_eq!((text.as_str(), code.as_str()), (shared, "jwt.shared_audience"));
    let path = format!("config/jwt-issuer/{ACCOUNT}");
    other.write(&path, &json!({"audience": "other.example.com"})).await.expect(204);
    // For both of them at once.
    let both = with(&scene.claims(), json!({"aud": [AUDIENCE, "other.example.com"]}));
    assert_eq!(scene.login(&scene.issuer.rs256(&both), "app").await.expect(400).error(), shared);
    scene.login(&token, "app").await.expect(200);
    // What was used here is used there, when the audience moves.
    let fields = json!({
        "bound_iam_principal_arn": scene.app.arn, "resolve_aws_unique_ids": false, "allowed_login_types": "jwt",
    });
    other.write("role/app", &fields).await.expect(204);
    scene.stage.mount.delete(&path).await.expect(204);
    other.write(&path, &json!({"audience": AUDIENCE})).await.expect(204);
    let answer = other.login_only(&json!({"jwt": token, "role": "app"})).await.expect(409);
    assert_eq!(answer.error(), USED);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_from_before_the_audience_was_configured_are_not_taken() {
    let scene = Scene::open().await;
    let before = || {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        scene.issuer.rs256(&with(&scene.claims(), json!({"iat": now - 1})))
    };
    let refused = ("the token is older than the configuration of its issuer: get a new one", "jwt.before");
    let (text, code) = scene.refused(&before(), "app").await;
    assert_eq!((text.as_str(), code.as_str()), refused);
    let path = format!("config/jwt-issuer/{ACCOUNT}");
    let since = || scene.stage.mount.storage().json(&path).unwrap()["taken_since"].as_i64().unwrap();
    let set = |time: i64| {
        let stored = scene.stage.mount.storage().json(&path).unwrap();
        let changed = with(&stored, json!({"taken_since": time})).to_string();
        scene.stage.mount.storage().put(&path, changed.as_bytes());
    };
    set(7);
    scene.stage.mount.write(&path, &json!({"allowed_algorithms": "RS256,ES384"})).await.expect(204);
    assert_eq!(since(), 7, "what changes nothing of who takes a token does not count");
    scene.login(&before(), "app").await.expect(200);
    scene.stage.mount.write(&path, &json!({"audience": [AUDIENCE, "b"]})).await.expect(204);
    assert!(since() > 7);
    scene.login(&before(), "app").await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_store_the_use_leaves_the_login_to_one_that_can() {
    for (launch, state) in [
        (under_test::vault(), PERFORMANCE_STANDBY),
        (under_test::vault(), PERFORMANCE_SECONDARY),
        (under_test::open_bao(), PERFORMANCE_STANDBY),
    ] {
        let scene = Scene::on(launch).await;
        scene.stage.mount.system_view().update(|host| host.replication_state = state);
        let login = json!({"jwt": scene.issuer.rs256(&scene.claims()), "role": "app"});
        let reply = scene.stage.mount.request("update", "login", &login).reply().await.unwrap();
        assert_eq!((reply.response, reply.err.unwrap().err_msg.as_str()), (None, READ_ONLY));
        assert_eq!((scene.stage.aws.total_calls(), scene.records()), (0, Vec::new()));
    }
}
