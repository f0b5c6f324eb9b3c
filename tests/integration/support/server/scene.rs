//! The common beginning of the tests: AWS, a server, the plugin mounted, one role and one user.

use http::StatusCode;
use serde_json::{Value, json};

use super::client::ClientLogin;
use super::installation::{Flavor, Installation};
use super::moto::{Moto, Principal};
use super::vault::{Mounted, Server};

/// The value the mounts want in `X-Vault-AWS-IAM-Server-ID`.
pub const SERVER_ID: &str = "vault.example.com";

/// A server with the plugin mounted as `aws`, which works with moto; moto verifies signatures.
pub struct Scene {
    /// The test's name, for what it may still look for.
    pub test: &'static str,
    /// Where the tools are.
    pub installation: Installation,
    /// AWS.
    pub moto: Moto,
    /// The server.
    pub server: Server,
    /// The mount `aws`.
    pub mount: Mounted,
    /// The user the server works with.
    pub server_user: Principal,
    /// The user `/people/alice`, to whom the role `dev` is bound by unique id.
    pub alice: Principal,
}

impl Scene {
    /// Builds everything; `None` if something is missing here and the test is skipped.
    pub async fn open(test: &'static str, flavor: Flavor) -> Option<Self> {
        let installation = Installation::of_this_checkout();
        let binary = installation.server(test, flavor)?;
        let moto_server = installation.python_tool(test, "moto_server")?;
        let (moto, server) = tokio::join!(Moto::start(&moto_server), Server::start(&binary));
        let server_user = moto.create_server_user().await;
        let alice = moto.create_user("alice", "/people/").await;
        moto.verify_signatures().await;

        server.register("aws", "aws", b"").await;
        let mount = server.enable("aws", "aws").await;
        let scene = Self { test, installation, moto, server, mount, server_user, alice };
        scene.configure("aws").await;
        let role = json!({
            "auth_type": "iam",
            "bound_iam_principal_arn": scene.alice.arn,
            "token_policies": ["dev"],
            "token_ttl": "15m",
        });
        scene.write_role("aws", "dev", &role).await;
        Some(scene)
    }

    /// Writes `config/client` of a mount.
    pub async fn configure(&self, mount: &str) {
        let configuration = json!({
            "access_key": self.server_user.credentials.access_key_id,
            "secret_key": self.server_user.credentials.secret_access_key,
            "endpoint": self.moto.url(),
            "iam_endpoint": self.moto.url(),
            "sts_endpoint": self.moto.url(),
            "iam_server_id_header_value": SERVER_ID,
        });
        self.server.root("POST", &format!("auth/{mount}/config/client"), &configuration).await;
    }

    /// Writes a role of a mount.
    pub async fn write_role(&self, mount: &str, name: &str, role: &Value) {
        self.server.root("POST", &format!("auth/{mount}/role/{name}"), role).await;
    }

    /// What a client of this principal is told, for the mount `aws`.
    pub fn client<'a>(&self, principal: &'a Principal, role: &'a str) -> ClientLogin<'a> {
        ClientLogin {
            mount: "aws",
            role: Some(role),
            server_id: Some(SERVER_ID),
            region: "us-east-1",
            credentials: &principal.credentials,
        }
    }

    /// A login of this principal to the mount `aws`, in the form of Vault's command line.
    pub async fn login(&self, principal: &Principal, role: &str) -> (StatusCode, Value) {
        self.server.login("aws", &self.client(principal, role).vault_cli_payload()).await
    }

    /// A login that must succeed; its answer.
    pub async fn admitted(&self, principal: &Principal, role: &str) -> Value {
        let (status, answer) = self.login(principal, role).await;
        assert_eq!(status, StatusCode::OK, "{answer}\n{}", self.server.log());
        answer
    }

    /// A login that must be refused as the client's fault; the texts of the refusal.
    pub async fn refused(&self, principal: &Principal, role: &str) -> String {
        let (status, answer) = self.login(principal, role).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert_eq!(answer.get("auth"), None);
        super::errors(&answer)
    }
}
