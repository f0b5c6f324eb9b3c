//! The identity of the instance, from its metadata service (IMDSv2).

use std::sync::Arc;

use aws_config::imds::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use vault_plugin_auth_aws::ports::Transport;

use super::credentials::{causes, provider_config};
use super::exit::Failure;

/// How the identity document is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentSignature {
    /// PKCS#7 with the region's DSA certificate.
    Pkcs7,
    /// PKCS#7 with the region's RSA-2048 certificate.
    Rsa2048,
    /// The document and its signature apart.
    Identity,
}

/// What the instance says of itself.
pub(crate) struct InstanceIdentity {
    /// Instance id.
    pub(crate) instance_id: String,
    /// The fields of a login that prove it.
    pub(crate) fields: Map<String, Value>,
}

impl InstanceIdentity {
    /// Asks the metadata service.
    ///
    /// # Errors
    /// It does not answer: this is no instance, or its metadata service is off.
    pub(crate) async fn ask(
        signature: DocumentSignature,
        transport: &Arc<dyn Transport>,
    ) -> Result<Self, Failure> {
        let client = Client::builder().configure(&provider_config(transport)).build();
        let get = async |path: &str| {
            let answer = client.get(path).await.map_err(|error| {
                Failure::NoCredentials(format!(
                    "the metadata service of the instance does not answer {path}: {}\n\nhint: is this an EC2 instance, \
                     and does its metadata service answer as many hops away as this is?",
                    causes(&error)
                ))
            })?;
            Ok::<_, Failure>(String::from(answer))
        };
        let without_lines = |text: String| -> String { text.split_ascii_whitespace().collect() };
        let field = |name: &str, value: String| (name.to_owned(), Value::String(value));
        let fields = match signature {
            DocumentSignature::Pkcs7 => {
                let message = get("/latest/dynamic/instance-identity/pkcs7").await?;
                Map::from_iter([field("pkcs7", without_lines(message))])
            }
            DocumentSignature::Rsa2048 => {
                let message = get("/latest/dynamic/instance-identity/rsa2048").await?;
                Map::from_iter([field("pkcs7", without_lines(message))])
            }
            DocumentSignature::Identity => {
                let document = get("/latest/dynamic/instance-identity/document").await?;
                let signature = get("/latest/dynamic/instance-identity/signature").await?;
                Map::from_iter([
                    field("identity", STANDARD.encode(document)),
                    field("signature", without_lines(signature)),
                ])
            }
        };
        Ok(Self { instance_id: get("/latest/meta-data/instance-id").await?.trim().to_owned(), fields })
    }
}
