//! The server's own credentials.
//!
//! Configured keys come first, then workload identity through the host, then the maintained chain:
//! environment, shared profile, web-identity token file, container, instance metadata.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;

use super::chain_http::ChainHttp;
use crate::aws::arn::{AccountId, Arn};
use crate::aws::calls::Calls;
use crate::aws::context::{CallContext, attempts};
use crate::aws::deadline::Deadline;
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::region::Region;
use crate::aws::sts::StsCaller;
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::ClientConfig;
use crate::go::text::quote;
use crate::ports::{SystemView, World};

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
/// A sentence for the operator.
pub fn own_sts(config: &ClientConfig, fallback: &Region) -> Result<(Endpoint, Region), String> {
    let region = if config.sts_region.is_empty() {
        fallback.clone()
    } else {
        Region::parse(&config.sts_region).ok_or_else(|| {
            format!("the configured sts_region {} is not a region", quote(&config.sts_region))
        })?
    };
    let endpoint = Endpoint::of(&config.sts_endpoint, Service::Sts, &region)?;
    Ok((endpoint, region))
}

/// The credentials of one mount under one configuration.
pub struct ServerCredentials {
    world: Arc<World>,
    system_view: Arc<dyn SystemView>,
    config: Arc<ClientConfig>,
    calls: Arc<Calls>,
    current: Arc<Mutex<Option<Credentials>>>,
    flights: SingleFlight<(), Result<Credentials, String>>,
}

impl ServerCredentials {
    /// Credentials as the configuration says.
    #[must_use]
    pub fn new(
        world: Arc<World>,
        system_view: Arc<dyn SystemView>,
        config: Arc<ClientConfig>,
        calls: Arc<Calls>,
    ) -> Self {
        let (current, flights) = (Arc::default(), SingleFlight::default());
        Self { world, system_view, config, calls, current, flights }
    }

    /// Credentials that are valid now.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn get(&self, region: &Region) -> Result<Credentials, String> {
        let config = &self.config;
        match (config.access_key.is_empty(), config.secret_key.is_empty()) {
            (false, false) => {
                return Ok(Credentials::new(
                    &config.access_key,
                    config.secret_key.as_str(),
                    None,
                    None,
                    "config",
                ));
            }
            (true, true) => {}
            _ => {
                return Err("static AWS client credentials haven't been properly configured (the access key or secret key were provided but not both)".to_owned());
            }
        }
        let now = self.world.clock.now();
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(credentials) = current.filter(|credentials| are_fresh(credentials, now)) {
            return Ok(credentials);
        }
        let world = Arc::clone(&self.world);
        let system_view = Arc::clone(&self.system_view);
        let (config, region) = (Arc::clone(config), region.clone());
        let (calls, current) = (Arc::clone(&self.calls), Arc::clone(&self.current));
        self.flights
            .run((), async move {
                let credentials = if config.identity_token_audience.is_empty() {
                    from_chain(&world, &region).await?
                } else {
                    // With an audience set nothing else is tried: a fallback would hide its failure.
                    from_identity_token(&world, system_view.as_ref(), &config, &region, &calls).await?
                };
                *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials.clone());
                Ok(credentials)
            })
            .await
    }
}

async fn from_identity_token(
    world: &World,
    system_view: &dyn SystemView,
    config: &ClientConfig,
    region: &Region,
    calls: &Calls,
) -> Result<Credentials, String> {
    let seconds = u64::try_from(config.identity_token_ttl.as_secs()).unwrap_or(0);
    let token = system_view
        .generate_identity_token(&config.identity_token_audience, Duration::from_secs(seconds))
        .await
        .map_err(|error| format!("failed to generate plugin identity token: {error}"))?;
    let (endpoint, region) = own_sts(config, region)?;
    let account =
        Arn::parse(&config.role_arn).map_or_else(|_| AccountId::default(), |arn| arn.account().clone());
    let caller = StsCaller { account: &account, endpoint: &endpoint, region: &region, credentials: None };
    let context = CallContext::new(world, calls, attempts(config.max_retries), Deadline::start());
    caller
        .assume_role_with_web_identity(&config.role_arn, &token.token, context)
        .await
        .map_err(|error| error.to_string())
}

async fn from_chain(world: &World, region: &Region) -> Result<Credentials, String> {
    let region = aws_config::Region::new(region.name().to_owned());
    let provider_config = ProviderConfig::default()
        .with_http_client(ChainHttp(Arc::clone(&world.transport)))
        .with_region(Some(region.clone()));
    let chain = DefaultCredentialsChain::builder().region(region).configure(provider_config).build().await;
    chain.provide_credentials().await.map_err(|error| {
        let mut text =
            "could not compile valid credential providers from static config, environment, shared, or instance metadata"
                .to_owned();
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    })
}
