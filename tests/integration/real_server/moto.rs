//! A real server, AWS by moto with signatures verified, clients written by others: nothing but the plugin was
//! written here.

use http::StatusCode;
use serde_json::json;

use testkit::aws::edit_headers;
use testkit::server::{
    ADMINISTRATOR, ClientLogin, Flavor, Installation, Moto, Principal, Server, configure, errors,
    on_each_server, vault_cli_login,
};

on_each_server! {
    MotoScene:
    users_and_sessions_log_in_and_changed_requests_do_not,
    clients_log_in,
    other_accounts_need_configuration,
}

/// The account of everything that names no other.
const ACCOUNT: &str = "123456789012";

/// An account of which the server's configuration knows nothing at first.
const OTHER_ACCOUNT: &str = "210987654321";

/// A server with the plugin mounted as `aws`, and what moto knows.
struct MotoScene {
    test: &'static str,
    installation: Installation,
    server: Server,
    alice: Principal,
    worker: Principal,
    other_worker: Principal,
    other_lookup: Principal,
    /// Ends last.
    _moto: Moto,
}

impl MotoScene {
    async fn open(test: &'static str, flavor: Flavor, plugin: &str) -> Option<Self> {
        let installation = Installation::of_this_checkout();
        let binary = installation.server(test, flavor)?;
        let moto_server = installation.python_tool(test, "moto_server")?;
        let (moto, server) = tokio::join!(Moto::start(&moto_server), Server::start(&binary, plugin));
        let server_user = moto.create_server_user().await;
        let alice = moto.create_user("alice", "/people/").await;
        let worker = moto.create_role(ADMINISTRATOR, "worker", "/jobs/", "nightly").await;
        // A session in an account is what makes one exist.
        let there = moto.assume_role(&format!("arn:aws:iam::{OTHER_ACCOUNT}:role/setup"), "setup").await;
        let other_lookup = moto.create_role(&there.access_key_id, "lookup", "/", "unused").await;
        let other_worker = moto.create_role(&there.access_key_id, "worker", "/jobs/", "nightly").await;
        moto.allow_lookups(&there.access_key_id, "lookup").await;
        moto.verify_signatures().await;

        server.register("aws", "aws", b"").await;
        server.enable("aws", "aws").await;
        configure(&server, "aws", &moto.url(), &server_user.credentials).await;
        let scene =
            Self { test, installation, server, alice, worker, other_worker, other_lookup, _moto: moto };
        scene.write_role("people", &scene.alice.arn).await;
        scene.write_role("jobs", &format!("arn:aws:iam::{ACCOUNT}:role/jobs/*")).await;
        Some(scene)
    }

    async fn write_role(&self, name: &str, principal: &str) {
        let role = json!({"bound_iam_principal_arn": principal, "token_policies": [name]});
        self.server.root("POST", &format!("auth/aws/role/{name}"), &role).await;
    }

    /// Logs in in the form of Vault's command line; the policies, or the texts of the refusal.
    async fn login(&self, principal: &Principal, role: &str) -> Result<serde_json::Value, String> {
        let (status, answer) = self.server.login("aws", &vault_cli_login(&principal.credentials, role)).await;
        match status {
            StatusCode::OK => Ok(answer["auth"]["token_policies"].clone()),
            StatusCode::BAD_REQUEST => Err(errors(&answer)),
            _ => panic!("{status} {answer}\n{}", self.server.log()),
        }
    }
}

async fn users_and_sessions_log_in_and_changed_requests_do_not(scene: MotoScene) {
    assert_eq!(scene.login(&scene.alice, "people").await, Ok(json!(["default", "people"])));
    assert_eq!(scene.login(&scene.worker, "jobs").await, Ok(json!(["default", "jobs"])));
    scene.login(&scene.worker, "people").await.unwrap_err();
    scene.login(&scene.alice, "jobs").await.unwrap_err();

    let mut login = vault_cli_login(&scene.alice.credentials, "people");
    edit_headers(&mut login, |headers| {
        let (_, values) = headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
        let last = if values[0].ends_with('0') { '1' } else { '0' };
        values[0].pop();
        values[0].push(last);
    });
    let (status, answer) = scene.server.login("aws", &login).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
}

async fn clients_log_in(scene: MotoScene) {
    let Some(python) = scene.installation.python_tool(scene.test, "python") else { return };
    for (principal, role) in [(&scene.alice, "people"), (&scene.worker, "jobs")] {
        let client = ClientLogin::new(&principal.credentials, role);
        let answer = client.with_hvac(&python, &scene.server).unwrap();
        assert_eq!(answer["auth"]["token_policies"], json!(["default", role]));

        let payload = client.boto3_payload(&python, &scene.server);
        let (status, answer) = scene.server.login("aws", &payload).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let Some(vault) = scene.installation.server(scene.test, Flavor::Vault) else { return };
    let client = ClientLogin::new(&scene.alice.credentials, "people");
    client.with_vault_cli(&vault.path, &scene.server).unwrap();
}

async fn other_accounts_need_configuration(scene: MotoScene) {
    scene.login(&scene.worker, "jobs").await.unwrap();
    let refusal = scene.login(&scene.other_worker, "jobs").await.unwrap_err();
    let expected = format!("default client is for account \"{ACCOUNT}\"");
    assert!(refusal.contains(&expected), "{refusal}");

    let access = json!({"sts_role": scene.other_lookup.arn});
    scene.server.root("POST", &format!("auth/aws/config/sts/{OTHER_ACCOUNT}"), &access).await;
    scene.write_role("their-jobs", &scene.other_worker.arn).await;
    let policies = scene.login(&scene.other_worker, "their-jobs").await;
    assert_eq!(policies, Ok(json!(["default", "their-jobs"])));
    scene.login(&scene.worker, "their-jobs").await.unwrap_err();
}
