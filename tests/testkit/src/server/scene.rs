//! The common beginning of the tests: AWS, a server, the plugin mounted, one role and one user.

use http::StatusCode;
use serde_json::{Value, json};

use super::client::ClientLogin;
use super::installation::{Flavor, Installation};
use super::vault::{Mounted, Server, errors};
use crate::aws::{Aws, Credentials, Entity, LoginOptions, User, sign_login};
use crate::stage::SERVER_ID;

/// A server with the plugin mounted as `aws`, which works with the strict stand-in for AWS.
pub struct Scene {
    /// The test's name, for what it may still look for.
    pub test: &'static str,
    /// Where the tools are.
    pub installation: Installation,
    /// Which server it is.
    pub flavor: Flavor,
    /// AWS.
    pub aws: Aws,
    /// The server.
    pub server: Server,
    /// The mount `aws`.
    pub mount: Mounted,
    /// The user the server works with.
    pub server_user: User,
    /// The user `/people/alice`, to whom the role `dev` is bound by unique id.
    pub alice: User,
}

impl Scene {
    /// Builds everything; `None` if there is no such server here and the test is skipped.
    pub async fn open(test: &'static str, flavor: Flavor, plugin: &str) -> Option<Self> {
        let installation = Installation::of_this_checkout();
        let server = Server::start(&installation.server(test, flavor)?, plugin).await;
        let aws = Aws::start().await;
        let server_user = aws.create_user("auth-server");
        let alice = aws.create_user(Entity::named("alice").path("/people/"));
        server.register("aws", "aws", b"").await;
        let mount = server.enable("aws", "aws").await;
        let scene = Self { test, installation, flavor, aws, server, mount, server_user, alice };
        scene.configure("aws").await;
        let role = json!({
            "auth_type": "iam",
            "bound_iam_principal_arn": scene.alice.arn,
            "token_policies": ["dev"],
            "token_ttl": "15m",
        });
        scene.write_role("aws", "dev", &role).await;
        scene.aws.clear_calls();
        Some(scene)
    }

    /// Writes `config/client` of a mount.
    pub async fn configure(&self, mount: &str) {
        configure(&self.server, mount, &self.aws.url(), &self.server_user.credentials).await;
    }

    /// Writes a role of a mount.
    pub async fn write_role(&self, mount: &str, name: &str, role: &Value) {
        self.server.root("POST", &format!("auth/{mount}/role/{name}"), role).await;
    }

    /// A login with these credentials to the mount `aws`, in the form of Vault's command line.
    pub async fn login(&self, credentials: &Credentials, role: &str) -> (StatusCode, Value) {
        self.server.login("aws", &vault_cli_login(credentials, role)).await
    }

    /// A login that must succeed; its answer.
    pub async fn admitted(&self, credentials: &Credentials, role: &str) -> Value {
        let (status, answer) = self.login(credentials, role).await;
        assert_eq!(status, StatusCode::OK, "{answer}\n{}", self.server.log());
        answer
    }

    /// A login that must be refused as the client's fault; the texts of the refusal.
    pub async fn refused(&self, credentials: &Credentials, role: &str) -> String {
        let (status, answer) = self.login(credentials, role).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert_eq!(answer.get("auth"), None);
        errors(&answer)
    }

    /// What a client program is told to log in as alice with the role `dev`.
    pub fn client(&self) -> ClientLogin<'_> {
        ClientLogin::new(&self.alice.credentials, "dev")
    }
}

/// The payload of Vault's command line for a mount that wants [`SERVER_ID`].
pub fn vault_cli_login(credentials: &Credentials, role: &str) -> Value {
    sign_login(credentials, &LoginOptions::vault_cli().server_id(SERVER_ID).role(role))
}

/// Lets a mount work with an AWS at this address and want [`SERVER_ID`].
pub async fn configure(server: &Server, mount: &str, url: &str, credentials: &Credentials) {
    let configuration = json!({
        "access_key": credentials.access_key_id,
        "secret_key": credentials.secret_access_key,
        "endpoint": url,
        "iam_endpoint": url,
        "sts_endpoint": url,
        "iam_server_id_header_value": SERVER_ID,
    });
    server.root("POST", &format!("auth/{mount}/config/client"), &configuration).await;
}
