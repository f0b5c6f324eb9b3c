//! The common beginning of the tests that log in on the Rust host: AWS, the plugin, a mount, the role
//! `dev` and a user it admits.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{Aws, Credentials, Entity, LoginOptions, User, sign_login};
use testkit::host::{Answer, Launch, Mount, MountOptions};
use testkit::stage::{Setting, Stage, overlay};

/// How long [`Canary::touched`] waits.
const CANARY_LIMIT: Duration = Duration::from_secs(20);

/// Everything the identity of a caller is told by.
const IAM_METADATA: [&str; 5] = ["account_id", "auth_type", "canonical_arn", "client_arn", "client_user_id"];

/// A stage whose mount has the role `dev`.
pub(crate) struct LoginScene {
    stage: Stage,
    /// The user `/people/alice`, to whom the role `dev` is bound by unique id.
    pub alice: User,
}

impl Deref for LoginScene {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl LoginScene {
    /// Starts everything.
    pub(crate) async fn open() -> Self {
        Self::launch(|launch, _| launch).await
    }

    /// Starts everything, the plugin in another way.
    pub(crate) async fn launch(change: impl FnOnce(Launch, &Aws) -> Launch) -> Self {
        Self::on(Stage::set(under_test::open_bao()).await.launched(change)).await
    }

    /// Starts everything; the plugin reaches the internet through a proxy behind which every host is
    /// the stand-in, and trusts the stand-in's certificates.
    pub(crate) async fn behind_proxy() -> Self {
        Self::behind_proxy_with(|launch, _| launch).await
    }

    /// The same, the plugin started in another way.
    pub(crate) async fn behind_proxy_with(change: impl FnOnce(Launch, &Aws) -> Launch) -> Self {
        Self::on(Stage::set(under_test::open_bao()).await.launched(change).behind_proxy()).await
    }

    async fn on(setting: Setting) -> Self {
        let stage = setting.mount().await;
        let alice = stage.aws.create_user(Entity::named("alice").path("/people/"));
        let scene = Self { stage, alice };
        scene.prepare(&scene.mount, &json!({})).await;
        scene.aws.clear_calls();
        scene
    }

    /// A further mount, with differences in `config/client`.
    pub(crate) async fn further_mount(&self, name: &str, configuration: &Value) -> Mount {
        let mount = self.host.mount(name, MountOptions::default()).await;
        self.prepare(&mount, configuration).await;
        mount
    }

    async fn prepare(&self, mount: &Mount, changes: &Value) {
        self.configure(mount, &json!({})).await;
        let identity = json!({"iam_alias": "unique_id", "iam_metadata": IAM_METADATA});
        mount.write("config/identity", &identity).await.expect(204);
        mount.write("role/dev", &json!({"bound_iam_principal_arn": self.alice.arn})).await.expect(204);
        // Afterwards, because the role was resolved at the stand-in.
        mount.write("config/client", changes).await.expect(204);
    }

    /// Writes `config/client`: every service is the stand-in, with differences.
    pub(crate) async fn configure(&self, mount: &Mount, changes: &Value) {
        let url = self.aws.url();
        let mut configuration = self.keys();
        overlay(&mut configuration, &json!({"endpoint": url, "iam_endpoint": url, "sts_endpoint": url}));
        overlay(&mut configuration, changes);
        mount.write("config/client", &configuration).await.expect(204);
    }

    /// Writes a role of the mount `aws`.
    pub(crate) async fn write_role(&self, name: &str, role: &Value) {
        self.mount.write(&format!("role/{name}"), role).await.expect(204);
    }

    /// A login for the role `dev`, in the form of Vault's command line.
    pub(crate) fn alice_login(&self) -> Value {
        login_as(&self.alice.credentials, "dev")
    }

    /// A login that must be admitted.
    pub(crate) async fn admitted(&self, login: &Value) -> Admission {
        admitted(&self.mount.login_only(login).await)
    }

    /// A login that must be refused as the client's fault; the text.
    pub(crate) async fn refused(&self, login: &Value) -> String {
        let answer = self.mount.login_only(login).await;
        assert_eq!(outcome(&answer), None, "{login}");
        answer.error().to_owned()
    }

    /// Panics unless the process is the one that was started and still answers.
    pub(crate) async fn assert_alive(&self, pid: u32) {
        assert_eq!(self.host.pid(), pid);
        assert!(self.host.plugin().process.is_running(), "{:#?}", self.host.plugin().process.stderr());
        self.aws.clear_faults();
        self.admitted(&self.alice_login()).await;
    }
}

/// A login for a role, in the form of Vault's command line.
pub(crate) fn login_as(credentials: &Credentials, role: &str) -> Value {
    sign_login(credentials, &LoginOptions::vault_cli().role(role))
}

/// Who was admitted, by everything that tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    /// Name of the entity alias.
    pub alias: String,
    /// Metadata of the entity alias.
    pub alias_metadata: BTreeMap<String, String>,
    /// Metadata of the token, without the role's id.
    pub metadata: BTreeMap<String, String>,
    /// Display name.
    pub display_name: String,
    /// What a renewal goes by, without the role.
    pub internal_data: BTreeMap<String, Value>,
}

/// The admission in an answer; `None` if it is a refusal.
///
/// # Panics
/// If the answer is neither an admission nor a clean refusal.
pub(crate) fn outcome(answer: &Answer) -> Option<Admission> {
    let reply = answer.raw.as_ref().unwrap_or_else(|status| panic!("the call failed: {status}"));
    let response = reply.response.clone().unwrap_or_default();
    let Some(auth) = response.auth else {
        assert!(matches!(answer.status, 400 | 403), "neither admitted nor refused: {answer:#?}");
        assert!(!answer.errors.is_empty(), "{answer:#?}");
        return None;
    };
    assert_eq!(answer.status, 200, "an identity with an error: {answer:#?}");
    assert_eq!(reply.err, None, "an identity with an error");
    let alias = auth.alias.expect("an alias");
    let without = |mut map: BTreeMap<String, String>, key: &str| {
        map.remove(key);
        map
    };
    let mut internal_data: BTreeMap<String, Value> = serde_json::from_str(&auth.internal_data).expect("JSON");
    internal_data.retain(|key, _| !key.starts_with("role_"));
    Some(Admission {
        alias: alias.name,
        alias_metadata: alias.metadata,
        metadata: without(auth.metadata, "role_id"),
        display_name: auth.display_name,
        internal_data,
    })
}

/// The admission in an answer.
#[track_caller]
pub(crate) fn admitted(answer: &Answer) -> Admission {
    outcome(answer).unwrap_or_else(|| panic!("refused: {:?}", answer.errors))
}

/// The text of a refusal.
#[track_caller]
pub(crate) fn refused(answer: &Answer) -> String {
    assert_eq!(outcome(answer), None);
    answer.error().to_owned()
}

/// A port that nobody may connect to.
pub(crate) struct Canary(TcpListener);

impl Canary {
    /// On a free loopback port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        Self(listener)
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        self.0.local_addr().expect("a bound address").to_string()
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Waits for a connection.
    pub(crate) async fn touched(&self) {
        let deadline = Instant::now() + CANARY_LIMIT;
        while self.0.accept().is_err() {
            assert!(Instant::now() < deadline, "nobody has connected");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Panics if anybody has connected since the last time.
    #[track_caller]
    pub(crate) fn assert_untouched(&self) {
        if let Ok((_, peer)) = self.0.accept() {
            panic!("{peer} has connected to a host nobody chose");
        }
    }
}

/// A plugin that would reach every host but loopback through a proxy, and the proxy is the canary: so
/// nothing leaves unseen, whatever name it is for.
pub(crate) fn watched_by(launch: Launch, canary: &Canary) -> Launch {
    launch.env("HTTPS_PROXY", canary.url()).env("HTTP_PROXY", canary.url())
}
