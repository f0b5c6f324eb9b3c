//! The common beginning of the tests of one mount: the plugin on the test host, and the stand-in for
//! AWS it works with.

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use crate::aws::{Aws, Credentials, Entity, Instance, LoginOptions, User, sign_login};
use crate::host::{Answer, Host, Launch, Mount, MountOptions};
use crate::proto::pb::Auth;

/// The value the mount wants in `X-Vault-AWS-IAM-Server-ID`.
pub const SERVER_ID: &str = "vault.example.com";

/// One mount, `auth/aws/`, and its AWS.
pub struct Stage {
    /// AWS.
    pub aws: Aws,
    /// The host.
    pub host: Host,
    /// The mount.
    pub mount: Mount,
    /// The user whose keys the server has.
    pub server_user: User,
    /// Certificate of the stand-in, as long as the plugin may read it.
    _certificate: Option<NamedTempFile>,
}

/// A stage that is still being set up.
pub struct Setting {
    aws: Aws,
    launch: Launch,
    server_user: Entity,
    certificate: Option<NamedTempFile>,
}

impl Setting {
    /// Who the user is whose keys the server has: by default `auth-server`.
    #[must_use]
    pub fn server_user(mut self, user: impl Into<Entity>) -> Self {
        self.server_user = user.into();
        self
    }

    /// Every connection of the plugin to a host of AWS ends at the stand-in, whose certificates it
    /// trusts.
    ///
    /// # Panics
    /// If there can be no temporary file.
    #[must_use]
    pub fn behind_proxy(mut self) -> Self {
        let certificate = NamedTempFile::new().expect("a temporary file");
        std::fs::write(certificate.path(), self.aws.ca_pem()).expect("a certificate is written");
        self.launch =
            self.launch.env("HTTPS_PROXY", self.aws.proxy_url()).env("SSL_CERT_FILE", certificate.path());
        self.certificate = Some(certificate);
        self
    }

    /// The plugin is started in another way, which may depend on AWS.
    #[must_use]
    pub fn launched(mut self, change: impl FnOnce(Launch, &Aws) -> Launch) -> Self {
        self.launch = change(self.launch, &self.aws);
        self
    }

    /// Starts the plugin and mounts it, without `config/client`.
    pub async fn mount(self) -> Stage {
        let server_user = self.aws.create_user(self.server_user);
        let host = Host::launch(self.launch).await;
        let mount = host.mount("aws", MountOptions::default()).await;
        Stage { aws: self.aws, host, mount, server_user, _certificate: self.certificate }
    }

    /// Starts the plugin, mounts it, and writes `config/client` with changes; see [`Stage::configure`].
    pub async fn configured(self, changes: Value) -> Stage {
        let stage = self.mount().await;
        stage.configure(changes).await;
        stage
    }
}

impl Stage {
    /// What a stage is made of, with an AWS of its own.
    pub async fn set(launch: Launch) -> Setting {
        Self::set_with(Aws::start().await, launch)
    }

    /// What a stage is made of, with this AWS.
    #[must_use]
    pub fn set_with(aws: Aws, launch: Launch) -> Setting {
        Setting { aws, launch, server_user: Entity::named("auth-server"), certificate: None }
    }

    /// A configured mount.
    pub async fn on(launch: Launch) -> Self {
        Self::set(launch).await.configured(json!({})).await
    }

    /// A mount without `config/client`, from which every connection to a host of AWS ends at the
    /// stand-in.
    pub async fn behind_proxy(launch: Launch) -> Self {
        let launch = launch.env("AWS_EC2_METADATA_DISABLED", "true");
        Self::set(launch).await.behind_proxy().mount().await
    }

    /// Writes `config/client` anew: the keys, the stand-in as endpoint of every service and
    /// [`SERVER_ID`], with changes over that. A null leaves a field out.
    pub async fn configure(&self, changes: Value) {
        self.mount.delete("config/client").await.expect(204);
        let mut configuration = self.keys();
        for name in ["endpoint", "iam_endpoint", "sts_endpoint"] {
            configuration[name] = json!(self.aws.url());
        }
        configuration["iam_server_id_header_value"] = json!(SERVER_ID);
        overlay(&mut configuration, &changes);
        self.mount.write("config/client", &configuration).await.expect_written();
    }

    /// Writes fields of `config/client` and leaves the others as they are.
    pub async fn write_config(&self, fields: &Value) {
        self.mount.write("config/client", fields).await.expect_written();
    }

    /// `config/client` as stored.
    pub fn stored_config(&self) -> Value {
        self.mount.storage().json("config/client").expect("a configuration")
    }

    /// The server's keys as fields of `config/client`.
    pub fn keys(&self) -> Value {
        let Credentials { access_key_id, secret_access_key, .. } = &self.server_user.credentials;
        json!({"access_key": access_key_id, "secret_key": secret_access_key})
    }

    /// Writes a role and forgets the calls to AWS that this took.
    pub async fn role(&self, name: &str, fields: Value) {
        let answer = self.mount.write(&format!("role/{name}"), &fields).await;
        assert!(answer.succeeded(), "{name}: {answer:#?}");
        self.aws.clear_calls();
    }

    /// A role that admits whom an ARN names, without unique ids.
    pub async fn role_for(&self, name: &str, arn: &str) {
        self.role(name, json!({"bound_iam_principal_arn": arn, "resolve_aws_unique_ids": false})).await;
    }

    /// The data of a login by Vault's command line.
    pub fn login_data(&self, credentials: &Credentials, role: &str) -> Value {
        sign_login(credentials, &LoginOptions::vault_cli().server_id(SERVER_ID).role(role))
    }

    /// A login by Vault's command line.
    pub async fn login(&self, credentials: &Credentials, role: &str) -> Answer {
        self.mount.login_only(&self.login_data(credentials, role)).await
    }

    /// A login that must succeed; its identity.
    pub async fn admitted(&self, credentials: &Credentials, role: &str) -> Auth {
        self.login(credentials, role).await.expect(200).auth.expect("an identity")
    }

    /// A login that must be refused as the client's fault; the text.
    pub async fn refused(&self, credentials: &Credentials, role: &str) -> String {
        let answer = self.login(credentials, role).await.expect(400);
        assert_eq!(answer.auth, None);
        answer.error().to_owned()
    }

    /// A running instance with that id.
    pub fn instance(&self, id: &str) -> Instance {
        self.aws.run_instance(Instance::with_id(id))
    }
}

/// Puts the members of an object over those of another one; null removes.
pub fn overlay(base: &mut Value, changes: &Value) {
    let base: &mut Map<String, Value> = base.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            base.remove(name);
        } else {
            base.insert(name.clone(), value.clone());
        }
    }
}

/// The object with changes over it; null removes.
#[must_use]
pub fn with(base: &Value, changes: Value) -> Value {
    let mut result = base.clone();
    overlay(&mut result, &changes);
    result
}
