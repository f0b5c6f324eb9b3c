//! Workload identity where the host makes no tokens: the mount is its own issuer, and holds no secret of AWS.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, OidcProvider, Role, User};
use testkit::host::Launch;
use testkit::stage::Stage;

const CLIENT: &str = "config/client";
const ISSUER: &str = "config/issuer";
const STORED: &str = "issuer/keys";
const URL: &str = "https://keys.example.com/aws";
const AUDIENCE: &str = "sts.amazonaws.com";
const DAY: i64 = 24 * 3600;
/// As Vault says it of itself.
const UNSUPPORTED: &str = "plugin workload identity not supported in Vault community edition";

/// A mount that is its own issuer, a role that trusts it, and a user for a role with a wildcard.
struct Scene {
    stage: Stage,
    server: Role,
    user: User,
}

impl Scene {
    async fn open(launch: Launch, issuer: Value) -> Self {
        let stage = Stage::on(launch).await;
        stage.mount.system_view().update(|host| {
            if let Some(answer) = &mut host.identity_token {
                *answer = Err(UNSUPPORTED.to_owned());
            }
        });
        let server = stage.aws.create_role("vault-server");
        stage.configure(json!({"access_key": null, "secret_key": null})).await;
        let mut fields = json!({ "issuer": URL });
        testkit::stage::overlay(&mut fields, &issuer);
        stage.mount.write(ISSUER, &fields).await.expect(204);
        let user = stage.aws.create_user(Entity::named("dev").path("/people/"));
        let scene = Self { stage, server, user };
        scene.publish().await;
        let fields = json!({"role_arn": scene.server.arn, "identity_token_audience": AUDIENCE});
        scene.stage.mount.write(CLIENT, &fields).await.expect(204);
        scene
            .stage
            .role("w", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/people/*")}))
            .await;
        scene
    }

    /// What AWS fetches: without a token, as it is published now.
    async fn provider(&self) -> OidcProvider {
        let path = "oidc/.well-known/keys";
        let raw = self.stage.mount.request("read", path, &Value::Null).send().await.expect(200).raw_body;
        let keys = serde_json::from_slice(&raw.expect("a body of its own").body).unwrap();
        let subject = self.stage.mount.read(ISSUER).await.data["subject"].as_str().unwrap().to_owned();
        OidcProvider {
            issuer: URL.to_owned(),
            keys,
            role_arn: self.server.arn.clone(),
            subject,
            audience: AUDIENCE.to_owned(),
        }
    }

    async fn publish(&self) {
        self.stage.aws.register_oidc_provider(self.provider().await);
    }

    /// Has the mount get a session anew; the token of it.
    async fn token(&self) -> String {
        self.stage.mount.invalidate(CLIENT).await.unwrap();
        self.stage.aws.clear_calls();
        self.stage.admitted(&self.user.credentials, "w").await;
        let [call] = &self.stage.aws.calls("AssumeRoleWithWebIdentity")[..] else { panic!("one call") };
        assert_eq!(call.access_key_id, "", "the call is not signed");
        assert_eq!(call.parameter("RoleArn"), Some(self.server.arn.clone()));
        call.parameter("WebIdentityToken").unwrap()
    }

    fn now(&self) -> i64 {
        self.stage.aws.now().unix_timestamp()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_without_secrets_serves_a_role_with_a_wildcard() {
    for (launch, algorithm) in [(under_test::open_bao(), "RS256"), (under_test::vault(), "ES256")] {
        let scene = Scene::open(launch, json!({ "algorithm": algorithm })).await;
        let stage = &scene.stage;
        stage.admitted(&scene.user.credentials, "w").await;
        assert_eq!(stage.aws.call_count("AssumeRoleWithWebIdentity"), 1);
        assert!(stage.aws.calls("GetUser")[0].access_key_id.starts_with("ASIA"));
        let stored = stage.stored_config();
        assert_eq!((&stored["access_key"], &stored["secret_key"]), (&json!(""), &json!("")));
        stage.admitted(&scene.user.credentials, "w").await;
        assert_eq!(stage.aws.call_count("AssumeRoleWithWebIdentity"), 1, "the session is kept");

        let claims = scene.provider().await.verify(&scene.token().await, scene.now()).unwrap();
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!((life, claims["nbf"].as_i64()), (3600, Some(claims["iat"].as_i64().unwrap() - 60)));
        let other = scene.provider().await.verify(&scene.token().await, scene.now()).unwrap();
        assert_ne!(claims["jti"], other["jti"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_token_has_two_bounds() {
    let scene = Scene::open(under_test::open_bao(), json!({"token_ttl": "20m"})).await;
    for (wanted, life) in [(0, 1200), (600, 600), (1200, 1200), (7200, 1200)] {
        scene.stage.mount.write(CLIENT, &json!({ "identity_token_ttl": wanted })).await.expect(204);
        let claims = scene.provider().await.verify(&scene.token().await, scene.now()).unwrap();
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), life, "{wanted}");
    }
}

/// What was signed before a rotation is verified with what is published after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_outlives_the_rotation_of_its_key() {
    let scene = Scene::open(under_test::open_bao(), json!({})).await;
    let mount = &scene.stage.mount;
    let old = scene.token().await;
    mount.write("issuer/rotate", &json!({})).await.expect(200);
    let before = scene.provider().await;
    assert!(before.verify(&scene.token().await, scene.now()).is_ok());
    // A day later the next key signs, which AWS knows since it was published.
    let mut stored = mount.storage().json(STORED).unwrap();
    for key in stored["keys"].as_array_mut().unwrap() {
        for member in ["created", "signs_from"] {
            key[member] = json!(key[member].as_i64().unwrap() - DAY);
        }
    }
    mount.storage().put_json(STORED, &stored);
    mount.invalidate(STORED).await.unwrap();
    scene.stage.aws.register_oidc_provider(before.clone());
    let new = scene.token().await;
    assert_ne!(old.split('.').next(), new.split('.').next(), "another key");
    let after = scene.provider().await;
    for token in [&old, &new] {
        assert!(before.verify(token, scene.now()).is_ok());
        assert!(after.verify(token, scene.now()).is_ok());
    }
    // One that is dropped at once is worth nothing.
    mount.write("issuer/rotate", &json!({"immediate": true})).await.expect(200);
    let after = scene.provider().await;
    for token in [&old, &new] {
        assert_eq!(after.verify(token, scene.now()), Err("no key of this kid".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_refuses_what_it_does_not_trust() {
    let scene = Scene::open(under_test::open_bao(), json!({})).await;
    let good = scene.provider().await;
    for changed in [
        OidcProvider { issuer: "https://other.example.com".to_owned(), ..good.clone() },
        OidcProvider { subject: "auth-mount:other".to_owned(), ..good.clone() },
        OidcProvider { audience: "other".to_owned(), ..good.clone() },
        OidcProvider { keys: json!({"keys": []}), ..good.clone() },
    ] {
        let token = scene.token().await;
        assert!(changed.verify(&token, scene.now()).is_err(), "{changed:?}");
        assert!(good.verify(&token, scene.now() + 3601).is_err(), "it ends");
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert!(good.verify(&format!("{signed}.AAAA"), scene.now()).is_err());
    }
    // Without its issuer the mount has no credentials, and says why.
    scene.stage.mount.delete(ISSUER).await.expect(204);
    scene.stage.mount.invalidate(CLIENT).await.unwrap();
    let text = scene.stage.refused(&scene.user.credentials, "w").await;
    assert!(
        text.contains("failed to generate plugin identity token: not supported by this server"),
        "{text}"
    );
}

/// AWS knows nothing of an issuer but its URL: discovery document and keys are those that are published there.
#[tokio::test(flavor = "multi_thread")]
async fn aws_goes_by_what_is_published() {
    let scene = Scene::open(under_test::open_bao(), json!({})).await;
    let provider = OidcProvider { keys: OidcProvider::FETCHED, ..scene.provider().await };
    scene.stage.aws.register_oidc_provider(provider);
    let exported = scene.stage.mount.read("issuer/export").await.expect(200).data;
    let (configuration, keys) = (&exported["openid_configuration"], &exported["jwks"]);
    let no_key = "Couldn't retrieve verification key";
    let other = json!({"issuer": "https://other.example.com", "jwks_uri": configuration["jwks_uri"]});
    let (configuration_url, keys_url) =
        (format!("{URL}/.well-known/openid-configuration"), configuration["jwks_uri"].as_str().unwrap());
    for (document, published_keys, refusal) in [
        (None, None, Some(no_key)),
        (Some(configuration), None, Some(no_key)),
        (Some(&other), Some(keys), Some(no_key)),
        (Some(configuration), Some(&json!({"keys": []})), Some("no key of this kid")),
        (Some(configuration), Some(keys), None),
    ] {
        for (url, document) in [(configuration_url.as_str(), document), (keys_url, published_keys)] {
            if let Some(document) = document {
                scene.stage.aws.publish(url, document);
            }
        }
        scene.stage.mount.invalidate(CLIENT).await.unwrap();
        match refusal {
            None => drop(scene.token().await),
            Some(text) => {
                let refused = scene.stage.refused(&scene.user.credentials, "w").await;
                assert!(refused.contains(text), "{text}: {refused}");
            }
        }
    }
}

/// A key that cannot be used is named, at the login and where it is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_used_is_named() {
    let scene = Scene::open(under_test::open_bao(), json!({})).await;
    let mount = &scene.stage.mount;
    let mut stored = mount.storage().json(STORED).unwrap();
    stored["keys"][0]["private_key"] = json!("AAAA");
    mount.storage().put_json(STORED, &stored);
    mount.invalidate(STORED).await.unwrap();
    mount.invalidate(CLIENT).await.unwrap();
    let unusable =
        "the stored key of the issuer cannot be used; begin anew with issuer/rotate and immediate=true";
    let text = scene.stage.refused(&scene.user.credentials, "w").await;
    assert!(text.contains(&format!("failed to generate identity token: {unusable}")), "{text}");
    let answer = mount.write(CLIENT, &json!({"identity_token_ttl": 60})).await;
    assert_eq!((answer.status, answer.error()), (500, unusable));
    mount.write("issuer/rotate", &json!({"immediate": true})).await.expect(200);
    scene.publish().await;
    scene.stage.admitted(&scene.user.credentials, "w").await;
}

/// A host that makes tokens is asked first, whatever the mount could do.
#[tokio::test(flavor = "multi_thread")]
async fn the_host_comes_first() {
    let stage = Stage::on(under_test::vault()).await;
    stage.configure(json!({"access_key": null, "secret_key": null})).await;
    stage.mount.write(ISSUER, &json!({ "issuer": URL })).await.expect(204);
    let fields = json!({"role_arn": "arn:aws:iam::1:role/r", "identity_token_audience": AUDIENCE});
    stage.mount.write(CLIENT, &fields).await.expect(204);
    assert_eq!(stage.mount.system_view().identity_tokens().len(), 1);
    stage.mount.system_view().update(|host| host.identity_token = Some(Err("no key".to_owned())));
    let answer = stage.mount.write(CLIENT, &json!({"identity_token_ttl": 60})).await;
    assert_eq!((answer.status, answer.error()), (500, "no key"), "its fault is not hidden");
}
