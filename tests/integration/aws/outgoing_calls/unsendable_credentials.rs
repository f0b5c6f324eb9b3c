//! Keys that no header can have, such as one with a line break at its end. Whatever holds them, each
//! request that needs them is refused with the name of that, and nothing breaks.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::login_scene::{LoginScene, login_as};
use testkit::aws::{Credentials, Entity, Fault, OTHER_ACCOUNT, Role};
use testkit::host::Answer;

/// What is no part of a header's value, at any place of a key.
const BAD_KEYS: [&str; 7] =
    ["AKIABAD\n", "AKIABAD\r", "AKIABAD\r\n", "AKIABAD\0", "\nAKIABAD", "AKIA\u{1}BAD", "AKIABAD\u{7f}"];
const BAD: &str = "BAD";
const SECRET: &str = "the-secret-itself";

/// A mount with a role for a wildcard, and another account that is reached by `config/sts`.
struct Places {
    scene: LoginScene,
    foreign: Role,
}

impl Places {
    async fn in_scene(scene: LoginScene) -> Self {
        let other = |name: &str| Entity::named(name).account(OTHER_ACCOUNT);
        let foreign = scene.aws.create_role(other("App"));
        let reader = scene.aws.create_role(other("Reader"));
        let sts = json!({"sts_role": reader.arn});
        scene.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
        let pattern = json!({"bound_iam_principal_arn": "arn:aws:iam::111122223333:user/people/*"});
        scene.write_role("wild", &pattern).await;
        Self { scene, foreign }
    }

    async fn keys(&self, access_key: &str, secret_key: &str) {
        let keys = json!({"access_key": access_key, "secret_key": secret_key, "max_retries": 0});
        self.scene.configure(&self.scene.mount, &keys).await;
        self.scene.aws.clear_calls();
    }

    async fn role_write(&self, arn: &str) -> Answer {
        self.scene.mount.write("role/looked-up", &json!({"bound_iam_principal_arn": arn})).await
    }

    /// What is looked up in the account of the server, at a write and at a login, and in another one.
    async fn look_ups(&self) -> [Answer; 3] {
        let login = login_as(&self.scene.alice.credentials, "wild");
        [
            self.role_write(&self.scene.alice.arn).await,
            self.scene.mount.login_only(&login).await,
            self.role_write(&self.foreign.arn).await,
        ]
    }

    async fn rotation(&self) -> Answer {
        self.scene.mount.write("config/rotate-root", &Value::Null).await
    }

    /// Asserts that each answer says what is wrong with whose keys and quotes none of them, and that
    /// nothing was asked of AWS and no panic met.
    #[track_caller]
    fn assert_refused(&self, answers: &[Answer], text: &str) {
        for answer in answers {
            assert_eq!((answer.status, answer.auth.is_none()), (400, true), "{answer:#?}");
            let told = answer.error();
            assert!(told.ends_with(text), "{told}");
            assert!(!told.contains(BAD) && !told.contains(SECRET), "{told}");
        }
        self.assert_no_panic();
    }

    #[track_caller]
    fn assert_no_panic(&self) {
        let logs = self.scene.host.logs();
        assert!(logs.iter().all(|line| !line.raw.contains("panic")), "{logs:#?}");
        assert!(logs.iter().all(|line| !line.raw.contains(SECRET)), "{logs:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_no_header_can_have_is_refused_wherever_it_is_used() {
    let scene = LoginScene::launch(|launch, _| launch.env("AWS_EC2_METADATA_DISABLED", "true")).await;
    let places = Places::in_scene(scene).await;
    for key in BAD_KEYS {
        places.keys(key, SECRET).await;
        let answers = places.look_ups().await;
        places.assert_refused(
            &answers,
            "the access key id of config/client holds a character that no HTTP header may have",
        );
        let rotation = places.rotation().await;
        let expected = "error calling GetUser: the access key id of config/client holds a character that no HTTP header may have";
        assert_eq!((rotation.status, rotation.error()), (400, expected), "{key:?}");
        places.assert_no_panic();
        let calls = places.scene.aws.all_calls();
        assert!(calls.iter().all(|call| call.access_key_id != key), "nothing is signed with it: {calls:?}");
    }
    // A secret goes into no header.
    places.keys(&places.scene.server_user.credentials.access_key_id, "a\nb\0").await;
    for answer in places.look_ups().await {
        assert_eq!(answer.status, 400);
        assert!(answer.error().contains("SignatureDoesNotMatch"), "{}", answer.error());
    }
    places.assert_no_panic();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_environment_that_no_header_can_have_are_told_as_such() {
    for (key, token, part) in [
        ("AKIA\nBAD", None, "access key id"),
        ("AKIA\u{1}BAD", None, "access key id"),
        ("AKIAFINE", Some("BAD\u{7f}token"), "session token"),
        ("AKIAFINE", Some("BAD\ntoken"), "session token"),
    ] {
        let scene = LoginScene::launch(|launch, _| {
            let launch = launch
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("AWS_ACCESS_KEY_ID", key)
                .env("AWS_SECRET_ACCESS_KEY", SECRET);
            match token {
                Some(token) => launch.env("AWS_SESSION_TOKEN", token),
                None => launch,
            }
        })
        .await;
        let places = Places::in_scene(scene).await;
        places.keys("", "").await;
        let answers = places.look_ups().await;
        let text = format!("the {part} of the environment holds a character that no HTTP header may have");
        places.assert_refused(&answers, &text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_with_such_a_key_is_told_as_such() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("credentials");
    let profiles = "[default]\naws_access_key_id = AKIA\u{1}BAD\naws_secret_access_key = the-secret-itself\n\
                    [assuming]\nrole_arn = arn:aws:iam::111122223333:role/Any\nsource_profile = default\n";
    std::fs::write(&file, profiles).unwrap();
    for (profile, text) in [
        (
            "default",
            "the access key id found by the credentials chain holds a character that no HTTP header may have",
        ),
        // The chain signs a call of its own with it.
        ("assuming", "the credentials chain failed"),
    ] {
        let scene = LoginScene::launch(|launch, _| {
            launch
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("AWS_SHARED_CREDENTIALS_FILE", &file)
                .env("AWS_PROFILE", profile)
        })
        .await;
        let places = Places::in_scene(scene).await;
        places.keys("", "").await;
        for answer in places.look_ups().await {
            assert_eq!(answer.status, 400, "{answer:#?}");
            assert!(answer.error().ends_with(text), "{}", answer.error());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_sts_answers_with_are_not_kept_if_no_header_can_have_them() {
    let places = Places::in_scene(LoginScene::open().await).await;
    let Credentials { access_key_id, secret_access_key, .. } = places.scene.server_user.credentials.clone();
    places.keys(&access_key_id, &secret_access_key).await;
    for (element, value, part) in [
        ("AccessKeyId", "ASIA\nBAD", "access key id"),
        ("AccessKeyId", "ASIA&#13;BAD", "access key id"),
        ("SessionToken", "BAD\u{7f}token", "session token"),
        ("SessionToken", "BAD\ntoken", "session token"),
    ] {
        let body = format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>{}</Credentials></AssumeRoleResult></AssumeRoleResponse>",
            [
                ("AccessKeyId", "ASIAFINE"),
                ("SecretAccessKey", SECRET),
                ("SessionToken", "token"),
                ("Expiration", "2999-01-01T00:00:00Z"),
            ]
            .map(|(name, fine)| format!("<{name}>{}</{name}>", if name == element { value } else { fine }))
            .concat()
        );
        places.scene.aws.fault("AssumeRole", 1, Fault::xml(&body));
        let answer = places.role_write(&places.foreign.arn).await;
        let text = format!(
            "AssumeRole at {}: the {part} in the answer to AssumeRole holds a character that no HTTP header may have",
            places.scene.aws.url()
        );
        places.assert_refused(&[answer], &text);
    }
    places.role_write(&places.foreign.arn).await.expect(204);
}

/// The key that works stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_does_not_take_a_key_that_no_header_can_have() {
    let places = Places::in_scene(LoginScene::open().await).await;
    let before = places.scene.stored_config();
    places.scene.aws.fault(
        "CreateAccessKey",
        1,
        Fault::Replaced("AccessKeyId".to_owned(), "A\nB".to_owned()),
    );
    let answer = places.rotation().await;
    assert_eq!(answer.status, 500);
    assert!(answer.error().ends_with("the answer could not be read"), "{}", answer.error());
    assert_eq!(places.scene.stored_config(), before);
    places.assert_no_panic();
}
