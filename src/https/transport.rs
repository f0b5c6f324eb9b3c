//! The transport of the process: a pool of connections, and what leaves and comes back on them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, HeaderName, PROXY_AUTHORIZATION, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connector::Connector;
use super::environment::Environment;
use super::error;
use super::proxy::{Protocol, Proxies};
use super::server_tls::ServerTls;
use super::trust::{Trust, TrustError};
use crate::concurrency::shares::Shares;
use crate::ports::{HttpRequest, HttpResponse, Transport, TransportError, Way};

/// How long an unused connection is kept. Shorter than what address translators keep.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Most unused connections kept for one endpoint.
pub const MAX_IDLE_PER_ENDPOINT: usize = 32;

/// Most requests that are under way to one endpoint, and so most connections in use. Further ones wait.
pub const MAX_PER_ENDPOINT: usize = 1024;

/// Longest head of an answer: status line and headers, in bytes. An answer whose head has not ended
/// by then is given up.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Most headers of an answer.
pub const MAX_HEADERS: usize = 100;

/// The transport of the process. It starts no thread and reads no file before it is used.
#[derive(Debug)]
pub struct HttpsTransport {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
    under_way: Shares,
    proxies: Arc<Proxies>,
}

impl HttpsTransport {
    /// A transport as the environment of the process wants it: `HTTPS_PROXY`, `HTTP_PROXY`,
    /// `NO_PROXY` (or in lower case), `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    ///
    /// # Errors
    /// The crypto provider does not speak TLS as it should.
    pub fn new() -> Result<Self, TrustError> {
        Self::with_environment(Environment::of_process())
    }

    /// A transport as an environment wants it.
    ///
    /// # Errors
    /// The crypto provider does not speak TLS as it should.
    pub fn with_environment(environment: Environment) -> Result<Self, TrustError> {
        let proxies = Arc::new(Proxies::new(&environment));
        let connector = Connector::new(Arc::clone(&proxies), Arc::new(Trust::new(environment)?));
        Ok(Self::with_connector(connector, proxies))
    }

    /// A transport to one server, with TLS as it wants it. The proxies are those of the environment of
    /// the process, unless one is named for this server, by its URL.
    ///
    /// # Errors
    /// The crypto provider does not speak TLS as it should, or the name of the server is none.
    pub fn to_server(tls: ServerTls, proxy: Option<String>) -> Result<Self, TrustError> {
        let mut environment = Environment::of_process();
        if let Some(proxy) = proxy {
            environment.https_proxy.clone_from(&proxy);
            environment.http_proxy = proxy;
            environment.no_proxy.clear();
        }
        let name = tls.expected_name()?;
        let proxies = Arc::new(Proxies::new(&environment));
        let to_proxies = Arc::new(Trust::new(environment.clone())?);
        let to_server = Arc::new(Trust::of_server(tls, environment)?);
        let connector = Connector::new(Arc::clone(&proxies), to_proxies).towards_targets(to_server, name);
        Ok(Self::with_connector(connector, proxies))
    }

    fn with_connector(connector: Connector, proxies: Arc<Proxies>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_ENDPOINT)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .http1_max_headers(MAX_HEADERS)
            .build(connector.clone());
        Self { client, connector, under_way: Shares::new(MAX_PER_ENDPOINT), proxies }
    }

    /// The request as it leaves: framed, and with what its proxy is told.
    ///
    /// # Errors
    /// It cannot be sent, or the setting of its proxy is none.
    pub fn prepare(&self, request: HttpRequest) -> Result<Request<Full<Bytes>>, TransportError> {
        let unsendable = |why: &str| TransportError::Unsendable(why.to_owned());
        check_target(&request.uri).map_err(unsendable)?;
        let mut headers = request.headers;
        if headers.get_all(HOST).iter().count() > 1 {
            return Err(unsendable("more than one Host header"));
        }
        // How the message is framed, and what is said to the proxy, is not the caller's.
        let counted = headers.contains_key(CONTENT_LENGTH)
            || !request.body.is_empty()
            || matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, PROXY_AUTHORIZATION, PROXY_CONNECTION] {
            headers.remove(name);
        }
        if counted {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
        }
        let proxy = self.proxies.for_target(&request.uri);
        let proxy = proxy.map_err(|defect| TransportError::Proxy(defect.to_string()))?;
        let reads_requests = |proxy: &Intercept| {
            request.uri.scheme_str() == Some("http") && Protocol::of(proxy) != Protocol::Socks
        };
        if let Some(proxy) = proxy.filter(reads_requests) {
            // This proxy reads the request. Told two hosts, it would choose where the request goes.
            if headers.get(HOST).is_some_and(|host| !names_host_of(&request.uri, host)) {
                return Err(unsendable("a proxy for http cannot be told another host than that of the URL"));
            }
            if let Some(authorization) = proxy.basic_auth() {
                headers.insert(PROXY_AUTHORIZATION, authorization.clone());
            }
        }
        let mut outgoing = Request::new(Full::new(request.body));
        *outgoing.method_mut() = request.method;
        *outgoing.uri_mut() = request.uri;
        *outgoing.headers_mut() = headers;
        Ok(outgoing)
    }
}

const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Whether a `Host` header names the host and port of an http URL.
fn names_host_of(uri: &Uri, host: &HeaderValue) -> bool {
    let Some((named, authority)) = host.to_str().ok().zip(uri.authority()) else { return false };
    let named = named.strip_suffix(":80").unwrap_or(named);
    let meant = authority.as_str();
    named.eq_ignore_ascii_case(meant.strip_suffix(":80").unwrap_or(meant))
}

fn check_target(uri: &Uri) -> Result<(), &'static str> {
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("URL scheme is neither http nor https");
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err("URL has no host");
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("URL has a user name");
    }
    Ok(())
}

#[async_trait]
impl Transport for HttpsTransport {
    /// A request that was handed to an idle connection the peer had already closed, and of which
    /// nothing was sent, goes to another connection.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let limit = request.response_limit;
        let chosen_in = request.host_chosen_in.clone();
        let outgoing = self.prepare(request)?;
        if let Some(mount) = chosen_in {
            let checked = self.connector.check_chosen(outgoing.uri(), &mount).await;
            checked.map_err(|error| error::of_connection(&error))?;
        }
        let endpoint = outgoing.uri().authority().map_or("", Authority::as_str);
        let share = self.under_way.take(endpoint).await;
        let _share = share.map_err(|error| TransportError::Exchange(error.to_string()))?;
        let answer = self.client.request(outgoing).await.map_err(|error| error::of_request(&error))?;
        let (head, body) = answer.into_parts();
        let body = read_body(body, limit).await?;
        Ok(HttpResponse { status: head.status, headers: head.headers, body })
    }

    async fn way(&self, target: &Uri) -> Result<Way, TransportError> {
        let defect = self.proxies.for_target(target).map(drop);
        defect.map_err(|defect| TransportError::Proxy(defect.to_string()))?;
        self.connector.way(target).await.map_err(|error| error::of_connection(&error))
    }

    async fn connect(&self, target: &Uri) -> Result<(), TransportError> {
        let defect = self.proxies.for_target(target).map(drop);
        defect.map_err(|defect| TransportError::Proxy(defect.to_string()))?;
        let connected = self.connector.clone().connect(target.clone()).await;
        connected.map(drop).map_err(|error| error::of_connection(&error))
    }
}

/// Reads a body of at most `limit` bytes. Dropping a longer one closes its connection.
async fn read_body(mut body: Incoming, limit: usize) -> Result<Bytes, TransportError> {
    let too_large = TransportError::TooLarge { limit };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large);
    }
    let mut read = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error::of_body(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit.saturating_sub(read.len()) {
            return Err(too_large);
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}
