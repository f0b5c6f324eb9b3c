//! Whose keys sign the server's own calls: configured ones, or those the environment of the process
//! leads to.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tempfile::TempDir;

use crate::login_scene::LoginScene;
use crate::stub::{Reply, Stub};
use testkit::aws::{Aws, Credentials, Session, WebIdentity};
use testkit::host::Launch;

/// What metadata services answer.
fn as_json(session: &Session) -> String {
    let Credentials { access_key_id, secret_access_key, session_token } = &session.credentials;
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    json!({
        "Code": "Success",
        "LastUpdated": "2026-01-01T00:00:00Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key_id,
        "SecretAccessKey": secret_access_key,
        "Token": session_token,
        "Expiration": session.expires.format(format).unwrap(),
    })
    .to_string()
}

/// The session of an instance or container.
fn session(aws: &Aws) -> Session {
    let role = aws.create_role("Machine");
    aws.session(&role, "machine")
}

/// Empty keys in the configuration, so that the environment is asked. Metadata of the machine the
/// tests run on is no part of it.
async fn without_keys(scene: &LoginScene) {
    scene.configure(&scene.mount, &json!({"access_key": "", "secret_key": "", "max_retries": 0})).await;
    scene.aws.clear_calls();
}

fn without_metadata(launch: Launch) -> Launch {
    launch.env("AWS_EC2_METADATA_DISABLED", "true")
}

/// Writes a role, which resolves an ARN, and gives the key that signed the look-up.
async fn signer_of_a_lookup(scene: &LoginScene) -> String {
    let role = json!({"bound_iam_principal_arn": scene.alice.arn});
    let answer = scene.mount.write("role/looked-up", &role).await;
    assert_eq!(answer.status, 204, "{:?}", answer.errors);
    let calls = scene.aws.calls("GetUser");
    calls.last().expect("a look-up").access_key_id.clone()
}

/// Text of an error when no keys are found.
async fn refusal_of_a_lookup(scene: &LoginScene) -> String {
    let role = json!({"bound_iam_principal_arn": scene.alice.arn});
    let answer = scene.mount.write("role/looked-up", &role).await;
    assert_eq!(answer.status, 400);
    let start = format!("unable to resolve ARN \"{}\" to internal ID: ", scene.alice.arn);
    let text = answer.error().strip_prefix(&start);
    text.unwrap_or_else(|| panic!("{}", answer.error())).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_keys_come_first() {
    let scene = LoginScene::launch(|launch, aws| {
        let Credentials { access_key_id, secret_access_key, .. } = aws.create_user("other").credentials;
        launch.env("AWS_ACCESS_KEY_ID", access_key_id).env("AWS_SECRET_ACCESS_KEY", secret_access_key)
    })
    .await;
    assert_eq!(signer_of_a_lookup(&scene).await, scene.server_user.credentials.access_key_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_the_configured_keys_is_an_error() {
    let scene = LoginScene::launch(|launch, aws| {
        // Not even with keys elsewhere: the operator meant others.
        let Credentials { access_key_id, secret_access_key, .. } = aws.create_user("other").credentials;
        launch.env("AWS_ACCESS_KEY_ID", access_key_id).env("AWS_SECRET_ACCESS_KEY", secret_access_key)
    })
    .await;
    for missing in ["access_key", "secret_key"] {
        scene.configure(&scene.mount, &json!({missing: ""})).await;
        assert_eq!(
            refusal_of_a_lookup(&scene).await,
            "static AWS client credentials haven't been properly configured (the access key or secret key were \
             provided but not both)"
        );
    }
    // Logins that need no look-up go on.
    scene.admitted(&scene.alice_login()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_environment() {
    let mut key = String::new();
    let scene = LoginScene::launch(|launch, aws| {
        let Session { credentials, .. } = session(aws);
        key.clone_from(&credentials.access_key_id);
        without_metadata(launch)
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key)
            .env("AWS_SESSION_TOKEN", credentials.session_token.unwrap())
    })
    .await;
    without_keys(&scene).await;
    assert_eq!(signer_of_a_lookup(&scene).await, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_shared_profile() {
    let folder = TempDir::new().unwrap();
    let mut keys = Vec::new();
    let scene = LoginScene::launch(|launch, aws| {
        let mut file = String::new();
        for profile in ["default", "vault"] {
            let Credentials { access_key_id, secret_access_key, .. } = aws.create_user(profile).credentials;
            keys.push(access_key_id.clone());
            file.push_str(&format!(
                "[{profile}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n"
            ));
        }
        let path = folder.path().join("credentials");
        std::fs::write(&path, file).unwrap();
        without_metadata(launch).env("AWS_SHARED_CREDENTIALS_FILE", path).env("AWS_PROFILE", "vault")
    })
    .await;
    without_keys(&scene).await;
    assert_eq!(signer_of_a_lookup(&scene).await, keys[1]);
}

/// The exchange of the token goes to the endpoint of the region, through the same proxy as all else.
#[tokio::test(flavor = "multi_thread")]
async fn keys_for_a_web_identity_token() {
    let folder = TempDir::new().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "the.token.itself").unwrap();
    let scene = LoginScene::behind_proxy_with(|launch, aws| {
        let role = aws.create_role("Pod");
        aws.register_web_identity(WebIdentity {
            token: "the.token.itself".to_owned(),
            role_arn: role.arn.clone(),
            subject: "system:serviceaccount:vault:vault".to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            provider: "https://issuer.example".to_owned(),
        });
        without_metadata(launch)
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", &token_file)
            .env("AWS_ROLE_ARN", role.arn)
            .env("AWS_ROLE_SESSION_NAME", "vault")
    })
    .await;
    without_keys(&scene).await;
    let key = signer_of_a_lookup(&scene).await;
    assert!(key.starts_with("ASIA"), "{key}");
    let exchanges = scene.aws.calls("AssumeRoleWithWebIdentity");
    assert_eq!(exchanges.len(), 1);
    assert_eq!(exchanges[0].tls_name.as_deref(), Some("sts.us-east-1.amazonaws.com"));
    assert_eq!(exchanges[0].access_key_id, "", "the exchange is not signed");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_container() {
    let folder = TempDir::new().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "the-token").unwrap();
    let stub = Stub::start().await;
    let scene = LoginScene::launch(|launch, _| {
        without_metadata(launch)
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/role", stub.url()))
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token_file)
    })
    .await;
    let session = session(&scene.aws);
    let document = as_json(&session);
    stub.answer(move |request| {
        let authorized = request.header("Authorization") == Some("the-token");
        if request.target == "/role" && authorized {
            Reply::new(200, &document)
        } else {
            Reply::new(404, "{}")
        }
    });
    without_keys(&scene).await;
    for _ in 0..2 {
        assert_eq!(signer_of_a_lookup(&scene).await, session.credentials.access_key_id);
    }
    // They are good for an hour, so nobody asks again.
    assert_eq!(stub.requests().len(), 1);
}

/// Keys that are about to end are replaced, those that have not are kept.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_end_soon_are_asked_for_again() {
    let stub = Stub::start().await;
    let scene = LoginScene::launch(|launch, _| {
        without_metadata(launch).env("AWS_CONTAINER_CREDENTIALS_FULL_URI", stub.url())
    })
    .await;
    let role = scene.aws.create_role("Machine");
    let sessions: Vec<Session> = [30, 40, 3600]
        .map(|seconds| {
            scene.aws.session_until(&role, "machine", scene.aws.now() + time::Duration::seconds(seconds))
        })
        .into();
    let documents: Vec<String> = sessions.iter().map(as_json).collect();
    let asked = AtomicUsize::new(0);
    stub.answer(move |_| {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        Reply::new(200, documents[number.min(documents.len() - 1)].clone())
    });
    without_keys(&scene).await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(signer_of_a_lookup(&scene).await);
    }
    let [first, second, third] = [0, 1, 2].map(|number: usize| &sessions[number].credentials.access_key_id);
    assert_eq!(keys.iter().collect::<Vec<_>>().last(), Some(&third));
    assert!(keys.iter().all(|key| [first, second, third].contains(&key)));
    assert_eq!(stub.requests().len(), sessions.len(), "{keys:?}");
}

/// The instance metadata service, version 2: nothing is told without its token.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_instance() {
    const PATH: &str = "/latest/meta-data/iam/security-credentials/";
    let stub = Stub::start().await;
    let scene =
        LoginScene::launch(|launch, _| launch.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", stub.url())).await;
    let session = session(&scene.aws);
    let document = as_json(&session);
    stub.answer(move |request| {
        let token = request.header("X-aws-ec2-metadata-token");
        match (request.method.as_str(), request.target.as_str()) {
            ("PUT", "/latest/api/token") => {
                let name = "X-aws-ec2-metadata-token-ttl-seconds".to_owned();
                let life = request.header(&name).unwrap_or_default().to_owned();
                Reply { headers: vec![(name, life)], ..Reply::new(200, "metadata-token") }
            }
            _ if token != Some("metadata-token") => Reply::new(401, ""),
            ("GET", PATH) => Reply::new(200, "Machine"),
            ("GET", target) if target == format!("{PATH}Machine") => Reply::new(200, &document),
            _ => Reply::new(404, ""),
        }
    });
    without_keys(&scene).await;
    for _ in 0..2 {
        assert_eq!(signer_of_a_lookup(&scene).await, session.credentials.access_key_id);
    }
    let asked: Vec<String> = stub.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(asked.iter().filter(|target| target.starts_with(PATH)).count(), 2, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_keys_the_refusal_says_so() {
    let scene = LoginScene::launch(|launch, _| without_metadata(launch)).await;
    without_keys(&scene).await;
    let text = refusal_of_a_lookup(&scene).await;
    let expected = "could not compile valid credential providers from static config, environment, shared, or \
                    instance metadata";
    assert!(text.starts_with(expected), "{text}");
    // A login that needs no look-up needs no keys.
    scene.admitted(&scene.alice_login()).await;
}
