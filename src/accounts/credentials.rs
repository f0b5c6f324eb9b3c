//! The server's own credentials.
//!
//! Configured keys come first, then workload identity through the host or the mount itself, then the maintained chain:
//! environment, shared profile, web-identity token file, container, instance metadata.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use futures_util::FutureExt;

use super::chain_http::ChainHttp;
use super::look_up_error::LookUpError;
use crate::aws::arn::{AccountId, Arn};
use crate::aws::calls::Calls;
use crate::aws::context::{CallContext, attempts};
use crate::aws::credentials_source::{CredentialsSource, UnsendableCredentials};
use crate::aws::deadline::Deadline;
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::region::Region;
use crate::aws::sts::StsCaller;
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::ClientConfig;
use crate::issuer::identity_tokens::{IdentityTokenError, IdentityTokens};
use crate::ports::World;

/// Credentials are renewed this long before they end.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// Whether credentials can still be used for a while.
#[must_use]
pub fn are_fresh(credentials: &Credentials, now: SystemTime) -> bool {
    credentials
        .expiry()
        .is_none_or(|expiry| expiry.duration_since(now).is_ok_and(|left| left > RENEWAL_MARGIN))
}

/// Where the server calls STS for itself.
///
/// # Errors
/// See [`LookUpError`].
pub fn own_sts(config: &ClientConfig, fallback: &Region) -> Result<(Endpoint, Region), LookUpError> {
    let region = if config.sts_region.is_empty() {
        fallback.clone()
    } else {
        Region::parse(&config.sts_region)
            .ok_or_else(|| LookUpError::Region { field: "sts_region", name: config.sts_region.clone() })?
    };
    let endpoint = Endpoint::of(&config.sts_endpoint, Service::Sts, &region)?;
    Ok((endpoint, region))
}

/// The credentials of one mount under one configuration.
pub struct ServerCredentials {
    world: Arc<World>,
    identity_tokens: Arc<IdentityTokens>,
    config: Arc<ClientConfig>,
    calls: Arc<Calls>,
    current: Arc<Mutex<Option<Credentials>>>,
    flights: SingleFlight<(), Result<Credentials, LookUpError>>,
}

impl ServerCredentials {
    /// Credentials as the configuration says.
    #[must_use]
    pub fn new(
        world: Arc<World>,
        identity_tokens: Arc<IdentityTokens>,
        config: Arc<ClientConfig>,
        calls: Arc<Calls>,
    ) -> Self {
        let (current, flights) = (Arc::default(), SingleFlight::default());
        Self { world, identity_tokens, config, calls, current, flights }
    }

    /// Credentials that are valid now.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn get(&self, region: &Region) -> Result<Credentials, LookUpError> {
        let config = &self.config;
        match (config.access_key.is_empty(), config.secret_key.is_empty()) {
            (false, false) => {
                return Ok(configured(config)?);
            }
            (true, true) => {}
            _ => {
                return Err(LookUpError::CredentialsIncomplete);
            }
        }
        let now = self.world.clock.now();
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(credentials) = current.filter(|credentials| are_fresh(credentials, now)) {
            return Ok(credentials);
        }
        let world = Arc::clone(&self.world);
        let identity_tokens = Arc::clone(&self.identity_tokens);
        let (config, region) = (Arc::clone(config), region.clone());
        let (calls, current) = (Arc::clone(&self.calls), Arc::clone(&self.current));
        self.flights
            .run((), async move {
                let credentials = if config.identity_token_audience.is_empty() {
                    from_chain(&world, &region).await?
                } else {
                    // With an audience set nothing else is tried: a fallback would hide its failure.
                    from_identity_token(&world, &identity_tokens, &config, &region, &calls).await?
                };
                *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials.clone());
                Ok(credentials)
            })
            .await
    }
}

/// The keys of the configuration.
///
/// # Errors
/// No request can carry them.
pub fn configured(config: &ClientConfig) -> Result<Credentials, UnsendableCredentials> {
    let (key, secret) = (&config.access_key, config.secret_key.as_str());
    CredentialsSource::Config.checked(Credentials::new(key, secret, None, None, "config"))
}

async fn from_identity_token(
    world: &World,
    identity_tokens: &IdentityTokens,
    config: &ClientConfig,
    region: &Region,
    calls: &Calls,
) -> Result<Credentials, LookUpError> {
    let seconds = u64::try_from(config.identity_token_ttl.as_secs()).unwrap_or(0);
    let token = identity_tokens
        .token(&config.identity_token_audience, Duration::from_secs(seconds))
        .await
        .map_err(|error| match error {
            IdentityTokenError::NoIssuer(error) | IdentityTokenError::Host(error) => {
                LookUpError::IdentityToken(error)
            }
            IdentityTokenError::Own(error) => LookUpError::OwnToken(error),
        })?;
    let (endpoint, region) = own_sts(config, region)?;
    let account =
        Arn::parse(&config.role_arn).map_or_else(|_| AccountId::default(), |arn| arn.account().clone());
    let caller = StsCaller { account: &account, endpoint: &endpoint, region: &region, credentials: None };
    let context = CallContext::new(world, calls, attempts(config.max_retries), Deadline::start());
    Ok(caller.assume_role_with_web_identity(&config.role_arn, token.token.as_str(), context).await?)
}

async fn from_chain(world: &World, region: &Region) -> Result<Credentials, LookUpError> {
    let region = aws_config::Region::new(region.name().to_owned());
    let provider_config = ProviderConfig::default()
        .with_http_client(ChainHttp(Arc::clone(&world.transport)))
        .with_region(Some(region.clone()));
    let found = async {
        let chain =
            DefaultCredentialsChain::builder().region(region).configure(provider_config).build().await;
        chain.provide_credentials().await
    };
    let credentials = of_chain(found).await?;
    Ok(source_in_chain(&credentials).checked(credentials)?)
}

/// What the chain found. It signs requests of its own, with whatever stands in a profile, and panics if
/// that cannot be sent.
async fn of_chain(
    found: impl Future<Output = Result<Credentials, CredentialsError>>,
) -> Result<Credentials, LookUpError> {
    let found = AssertUnwindSafe(found).catch_unwind().await.map_err(|_| LookUpError::ChainFailed)?;
    found.map_err(|error| {
        let mut text = String::new();
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        LookUpError::NoCredentials(text)
    })
}

fn source_in_chain(credentials: &Credentials) -> CredentialsSource {
    let features = credentials.get_property::<Vec<AwsCredentialFeature>>();
    let is_of = |feature| features.is_some_and(|features| features.contains(&feature));
    if is_of(AwsCredentialFeature::CredentialsEnvVars) {
        CredentialsSource::Environment
    } else {
        CredentialsSource::Chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_chain_is_an_error_of_the_look_up() {
        let panics = async { Err(CredentialsError::not_loaded(format!("{}", [0][std::hint::black_box(1)]))) };
        assert_eq!(of_chain(panics).await, Err(LookUpError::ChainFailed));
    }
}
