//! The transport of this crate as the HTTP client of the credential chain.

use std::sync::Arc;
use std::time::Duration;

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

use crate::aws::attempts::ATTEMPT_TIMEOUT;
use crate::aws::query::MAX_ANSWER;
use crate::ports::{HttpRequest, Transport, TransportError};

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
                host_chosen_in: None,
            });
            let answer = tokio::time::timeout(timeout, exchange)
                .await
                .map_err(|error| ConnectorError::timeout(error.into()))?
                .map_err(|error| match error {
                    TransportError::Unsendable(_) | TransportError::Proxy(_) => {
                        ConnectorError::user(error.into())
                    }
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
