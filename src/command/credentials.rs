//! With whose AWS credentials a request is signed: those given, else what the maintained chain finds.

use std::sync::Arc;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use vault_plugin_auth_aws::accounts::chain_http::ChainHttp;
use vault_plugin_auth_aws::ports::Transport;
use zeroize::Zeroizing;

use super::exit::Failure;

/// Keys that were given.
#[derive(Clone)]
pub(crate) struct GivenKeys {
    /// Access key id.
    pub(crate) access_key_id: String,
    /// Secret access key.
    pub(crate) secret_access_key: Zeroizing<String>,
    /// Session token, of temporary credentials.
    pub(crate) session_token: Option<Zeroizing<String>>,
}

/// Gives credentials, as often as asked.
pub(crate) enum CredentialSource {
    /// Those that were given.
    Given(Credentials),
    /// What a provider finds. It reads files and asks the network when it is asked.
    Found(SharedCredentialsProvider),
    /// What stands in a profile.
    Profile(String, SharedCredentialsProvider),
}

impl CredentialSource {
    /// Given keys are taken as they are. A named profile is the only place looked at; without one the
    /// order is: environment, profile (with SSO, processes and roles of roles), web identity,
    /// container, instance.
    pub(crate) async fn new(
        given: Option<GivenKeys>,
        profile: Option<&str>,
        transport: &Arc<dyn Transport>,
        region: &str,
    ) -> Self {
        if let Some(keys) = given {
            return Self::Given(Credentials::new(
                keys.access_key_id,
                keys.secret_access_key.as_str(),
                keys.session_token.map(|token| token.as_str().to_owned()),
                None,
                "arguments",
            ));
        }
        let region = aws_config::Region::new(region.to_owned());
        let config = provider_config(transport).with_region(Some(region.clone()));
        match profile {
            Some(name) => {
                let profile = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&config);
                Self::Profile(name.to_owned(), SharedCredentialsProvider::new(profile.build()))
            }
            None => {
                let chain = DefaultCredentialsChain::builder().region(region).configure(config);
                Self::Found(SharedCredentialsProvider::new(chain.build().await))
            }
        }
    }

    /// Credentials that are valid now.
    ///
    /// # Errors
    /// There are none; the text says what was looked at.
    pub(crate) async fn get(&self) -> Result<Credentials, Failure> {
        match self {
            Self::Given(credentials) => Ok(credentials.clone()),
            Self::Found(provider) => {
                let found = provider.provide_credentials().await;
                found.map_err(|error| none_found("there are no AWS credentials to sign with", &error))
            }
            Self::Profile(name, provider) => {
                let found = provider.provide_credentials().await;
                found.map_err(|error| {
                    none_found(&format!("the profile {name:?} gives no credentials"), &error)
                })
            }
        }
    }
}

/// How the AWS libraries reach the world.
pub(crate) fn provider_config(transport: &Arc<dyn Transport>) -> ProviderConfig {
    ProviderConfig::default().with_http_client(ChainHttp(Arc::clone(transport)))
}

fn none_found(what: &str, error: &CredentialsError) -> Failure {
    Failure::NoCredentials(format!("{what}: {}", causes(error)))
}

/// An error and its causes, each once.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

/// Where credentials come from, in words.
pub(crate) fn origin(source: &CredentialSource, credentials: &Credentials) -> String {
    if matches!(source, CredentialSource::Given(_)) {
        return "the arguments".to_owned();
    }
    let features = credentials.get_property::<Vec<AwsCredentialFeature>>();
    let mut words = features.into_iter().flatten().filter_map(|feature| match feature {
        AwsCredentialFeature::CredentialsEnvVars => Some("the environment variables"),
        AwsCredentialFeature::CredentialsProfile => Some("a profile"),
        AwsCredentialFeature::CredentialsProfileStsWebIdToken => Some("a web identity named in a profile"),
        AwsCredentialFeature::CredentialsProcess => Some("a process named in a profile"),
        AwsCredentialFeature::CredentialsSso => Some("an SSO session"),
        AwsCredentialFeature::CredentialsStsAssumeRole => Some("an assumed role"),
        AwsCredentialFeature::CredentialsStsAssumeRoleWebId => Some("a web identity"),
        AwsCredentialFeature::CredentialsHttp => Some("the container's credential service"),
        AwsCredentialFeature::CredentialsImds => Some("the instance's metadata service"),
        _ => None,
    });
    // The innermost is named first; a profile around it adds nothing.
    words.next().unwrap_or("the AWS credential chain").to_owned()
}
