//! One HTTP exchange with a bounded answer.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use thiserror::Error;

/// A request to send. The connection goes to `uri`; a `Host` header may name another host.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Where to connect, and the request target.
    pub uri: Uri,
    /// Headers as sent. `Content-Length` is added from the body.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Largest answer body that is read, in bytes.
    pub response_limit: usize,
    /// The id of the mount whose clients chose the host; `None` where the configuration says which it is.
    pub host_chosen_in: Option<Arc<str>>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, at most as long as the request allowed.
    pub body: Bytes,
}

/// Why there was no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TransportError {
    /// The host name has no address. Worth another attempt.
    #[error("{0}")]
    Resolve(String),
    /// No connection: refused, or not in time. Worth another attempt.
    #[error("{0}")]
    Connect(String),
    /// No connection through the proxy. Worth another attempt.
    #[error("{0}")]
    Tunnel(String),
    /// The TLS peer is not who it should be. Another attempt would not help.
    #[error("{0}")]
    Tls(String),
    /// The exchange broke after the connection stood. Worth another attempt.
    #[error("{0}")]
    Exchange(String),
    /// The answer is longer than allowed.
    #[error("answer is longer than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// What the process is told about proxies does not let it be sent. Another attempt would not help.
    #[error("{0}")]
    Proxy(String),
    /// The request cannot be sent as it is (bad URL or header).
    #[error("{0}")]
    Unsendable(String),
}

impl TransportError {
    /// Whether another attempt may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Resolve(_) | Self::Connect(_) | Self::Tunnel(_) | Self::Exchange(_))
    }
}

/// What leads to a target before anything is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Host and port of the proxy, without its credentials; `None` where the target is reached directly.
    pub proxy: Option<String>,
    /// The addresses of the target's host; empty where the proxy resolves it.
    pub addresses: Vec<IpAddr>,
}

/// Sends one request and reads its answer. It never follows redirects and never retries; timeouts
/// for connecting are its own, all others the caller's.
#[async_trait]
pub trait Transport: Send + Sync {
    /// One exchange.
    ///
    /// # Errors
    /// See [`TransportError`].
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;

    /// The way to a target, looked up anew. What has no network behind it has no way either.
    ///
    /// # Errors
    /// See [`TransportError`].
    async fn way(&self, _target: &Uri) -> Result<Way, TransportError> {
        Ok(Way::default())
    }

    /// A connection to a target as a request would have it, TLS included, made anew and closed at once. What has no
    /// network behind it is always there.
    ///
    /// # Errors
    /// See [`TransportError`].
    async fn connect(&self, _target: &Uri) -> Result<(), TransportError> {
        Ok(())
    }
}
