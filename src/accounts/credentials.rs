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
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest as SmithyRequest, HttpResponse as SmithyResponse,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::aws::arn::{AccountId, Arn};
use crate::aws::attempts::{ATTEMPT_TIMEOUT, Deadline};
use crate::aws::calls::Calls;
use crate::aws::endpoints::{Endpoint, Region, Service};
use crate::aws::query::{CallContext, MAX_ANSWER, attempts};
use crate::aws::sts::StsCaller;
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::ClientConfig;
use crate::mount::Environment;
use crate::ports::{HttpRequest, SystemView, Transport, TransportError};

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
            format!(
                "the configured sts_region {} is not a region",
                crate::go::text::quote(&config.sts_region)
            )
        })?
    };
    let endpoint = if config.sts_endpoint.is_empty() {
        Endpoint::of_service(Service::Sts, &region)?
    } else {
        Endpoint::configured(&config.sts_endpoint)?
    };
    Ok((endpoint, region))
}

/// The credentials of one mount under one configuration.
pub struct ServerCredentials {
    environment: Arc<Environment>,
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
        environment: Arc<Environment>,
        system_view: Arc<dyn SystemView>,
        config: Arc<ClientConfig>,
        calls: Arc<Calls>,
    ) -> Self {
        let (current, flights) = (Arc::default(), SingleFlight::default());
        Self { environment, system_view, config, calls, current, flights }
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
        let now = self.environment.clock.now();
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(credentials) = current.filter(|credentials| are_fresh(credentials, now)) {
            return Ok(credentials);
        }
        let environment = Arc::clone(&self.environment);
        let system_view = Arc::clone(&self.system_view);
        let (config, region) = (Arc::clone(config), region.clone());
        let (calls, current) = (Arc::clone(&self.calls), Arc::clone(&self.current));
        self.flights
            .run((), async move {
                let credentials = if config.identity_token_audience.is_empty() {
                    from_chain(&environment, &region).await?
                } else {
                    // With an audience set nothing else is tried: a fallback would hide its failure.
                    from_identity_token(&environment, system_view.as_ref(), &config, &region, &calls).await?
                };
                *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials.clone());
                Ok(credentials)
            })
            .await
    }
}

async fn from_identity_token(
    environment: &Environment,
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
    let context = CallContext {
        transport: environment.transport.as_ref(),
        random: environment.random.as_ref(),
        now: environment.clock.now(),
        deadline: Deadline::start(),
        max_attempts: attempts(config.max_retries),
        calls,
    };
    caller
        .assume_role_with_web_identity(&config.role_arn, &token.token, context)
        .await
        .map_err(|error| error.to_string())
}

async fn from_chain(environment: &Environment, region: &Region) -> Result<Credentials, String> {
    let region = aws_config::Region::new(region.name().to_owned());
    let provider_config = ProviderConfig::default()
        .with_http_client(ChainHttp(Arc::clone(&environment.transport)))
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

/// The transport of this crate as the chain's HTTP client: one pool, one set of trust roots, one
/// proxy rule.
#[derive(Clone)]
pub struct ChainHttp(pub Arc<dyn Transport>);

impl ChainHttp {
    /// The chain gives each of its sources little time, so that one that does not answer leaves
    /// enough for the next.
    fn connector(&self, settings: &HttpConnectorSettings) -> ChainConnector {
        let connect = settings.connect_timeout().unwrap_or(ATTEMPT_TIMEOUT);
        let read = settings.read_timeout().unwrap_or(ATTEMPT_TIMEOUT);
        ChainConnector { transport: Arc::clone(&self.0), timeout: connect.saturating_add(read) }
    }
}

impl std::fmt::Debug for ChainHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainHttp")
    }
}

impl HttpClient for ChainHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.connector(settings))
    }
}

#[derive(Clone)]
struct ChainConnector {
    transport: Arc<dyn Transport>,
    /// For connecting and reading together.
    timeout: Duration,
}

impl std::fmt::Debug for ChainConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainConnector").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl HttpConnector for ChainConnector {
    fn call(&self, request: SmithyRequest) -> HttpConnectorFuture {
        let (transport, timeout) = (Arc::clone(&self.transport), self.timeout);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = body.bytes().map(Bytes::copy_from_slice).unwrap_or_default();
            let exchange = transport.send(HttpRequest {
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                body,
                response_limit: MAX_ANSWER,
            });
            let answer = tokio::time::timeout(timeout, exchange)
                .await
                .map_err(|error| ConnectorError::timeout(error.into()))?
                .map_err(|error| match error {
                    TransportError::Unsendable(_) => ConnectorError::user(error.into()),
                    _ => ConnectorError::io(error.into()),
                })?;
            let mut response = http::Response::new(SdkBody::from(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            SmithyResponse::try_from(response).map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::time::Instant;

    use super::*;
    use crate::ports::HttpResponse;

    struct Silent;

    #[async_trait]
    impl Transport for Silent {
        async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_does_not_answer_is_given_up_when_the_chain_says_so() {
        let second = Duration::from_secs(1);
        let settings = HttpConnectorSettings::builder().connect_timeout(second).read_timeout(second).build();
        let connector = ChainHttp(Arc::new(Silent)).connector(&settings);
        let start = Instant::now();
        let request = SmithyRequest::get("http://169.254.169.254/latest/api/token").unwrap();
        let error = connector.call(request).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(start.elapsed(), 2 * second);
    }
}
