//! What a login proves an identity with, made anew for each login.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgMatches;
use serde_json::{Map, Value, json};
use vault_plugin_auth_aws::ports::Transport;

use super::aws_settings::AwsSettings;
use super::environment::Environment;
use super::exit::Failure;
use super::host_address::HostAddress;
use super::host_client::{HostClient, HostRequest};
use super::instance_nonce;
use super::metadata::{DocumentSignature, InstanceIdentity};
use super::output::Answer;
use super::signer::{Signer, aws_transport};
use super::signing::Form;

/// What proves an identity.
pub(crate) enum Proof {
    /// A signed request.
    Signed(Box<Signer>),
    /// The identity document of the instance.
    Instance(Box<InstanceProof>),
}

/// The identity document, and what is said with it.
pub(crate) struct InstanceProof {
    signature: DocumentSignature,
    transport: Arc<dyn Transport>,
    nonce_file: Option<PathBuf>,
    settings: AwsSettings,
    environment: Environment,
}

impl Proof {
    /// As the options say.
    ///
    /// # Errors
    /// The settings cannot be.
    pub(crate) async fn of(
        matches: &ArgMatches,
        settings: AwsSettings,
        environment: Environment,
    ) -> Result<Self, Failure> {
        let word = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
        if word("type") == "iam" {
            return Ok(Self::Signed(Box::new(Signer::new(settings, environment).await?)));
        }
        let signature = match word("signature") {
            "rsa2048" => DocumentSignature::Rsa2048,
            "identity" => DocumentSignature::Identity,
            _ => DocumentSignature::Pkcs7,
        };
        Ok(Self::Instance(Box::new(InstanceProof {
            signature,
            transport: aws_transport()?,
            nonce_file: matches.get_one::<PathBuf>("nonce-file").cloned(),
            settings,
            environment,
        })))
    }

    /// The fields of one login. Each call makes new ones: a signed request may be good for one use.
    async fn fields(&self, server: &HostAddress) -> Result<Map<String, Value>, Failure> {
        match self {
            Self::Signed(signer) => Ok(signer.sign(Form::Post).await?.payload),
            Self::Instance(instance) => instance.fields(server).await,
        }
    }

    /// Logs in to the mount. The answer may be wrapped.
    ///
    /// # Errors
    /// There is no proof, the server refuses, or it is not reached.
    pub(crate) async fn log_in(&self, client: &HostClient, mount: &str) -> Result<Answer, Failure> {
        let answer = client
            .put(async || {
                Ok(HostRequest {
                    path: format!("auth/{mount}/login"),
                    body: Value::Object(self.fields(client.address()).await?),
                    token: None,
                    wrapped: true,
                })
            })
            .await?;
        Answer::parse(answer)
    }
}

impl InstanceProof {
    async fn fields(&self, server: &HostAddress) -> Result<Map<String, Value>, Failure> {
        let identity = InstanceIdentity::ask(self.signature, &self.transport).await?;
        let file = match &self.nonce_file {
            Some(file) => file.clone(),
            None => instance_nonce::default_file(
                self.environment,
                &server.url,
                &server.namespace,
                &self.settings.mount,
                &identity.instance_id,
            )?,
        };
        let mut fields = identity.fields;
        fields.insert("nonce".to_owned(), json!(instance_nonce::of_file(&file)?.as_str()));
        if !self.settings.role.is_empty() {
            fields.insert("role".to_owned(), json!(self.settings.role));
        }
        Ok(fields)
    }
}
