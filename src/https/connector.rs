//! From a URL to a connection: directly or through a proxy, with TLS for https.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, MaybeHttpsStream, ResolveServerName,
};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tower_service::Service;

use super::chosen_names::ChosenNames;
use super::error::{BoxError, ConnectError};
use super::peer::Peer;
use super::proxy::{Protocol, Proxies};
use super::quick_ack::acknowledge_now;
use super::resolver::Resolver;
use super::socks;
use super::trust::{Trust, TrustError};
use crate::ports::Way;

/// Longest time for a connection to stand: name resolution, TCP, proxy and TLS together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Makes the connections of the pool.
#[derive(Clone)]
pub(super) struct Connector {
    dialer: Dialer,
    /// Towards targets.
    trust: Arc<Trust>,
    /// Says whose certificate a target must have.
    names: Arc<dyn ResolveServerName + Send + Sync>,
    chosen_names: Arc<ChosenNames>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    pub(super) fn new(proxies: Arc<Proxies>, trust: Arc<Trust>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::default());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let names = Arc::new(DefaultServerNameResolver::default());
        let dialer = Dialer { tcp, proxies, trust: Arc::clone(&trust) };
        Self { dialer, trust, names, chosen_names: Arc::default() }
    }

    /// Towards targets this trust, and a certificate for this name if there is one, instead of one for
    /// the host of the URL. Towards proxies nothing changes.
    pub(super) fn towards_targets(mut self, trust: Arc<Trust>, name: Option<ServerName<'static>>) -> Self {
        self.trust = trust;
        if let Some(name) = name {
            self.names = Arc::new(FixedServerNameResolver::new(name));
        }
        self
    }

    /// Checks a host that a client of a mount chose, in the time that connecting to it would have.
    ///
    /// # Errors
    /// As connecting to it would have ended.
    pub(super) async fn check_chosen(&self, target: &Uri, mount: &str) -> Result<(), ConnectError> {
        if self.dialer.proxies.for_target(target).ok().flatten().is_some() {
            // The proxy resolves it.
            return Ok(());
        }
        let peer = self.dialer.describe(target);
        let check = self.chosen_names.check(target.host().unwrap_or_default(), mount);
        match tokio::time::timeout(CONNECT_TIMEOUT, check).await {
            Ok(checked) => checked.map_err(|error| ConnectError::new(&peer, &error)),
            Err(_) => Err(ConnectError::too_late(&peer, CONNECT_TIMEOUT.as_secs())),
        }
    }

    /// The way to a target: its proxy, or the addresses of its host as the system tells them now.
    ///
    /// # Errors
    /// What connecting to it would have ended with.
    pub(super) async fn way(&self, target: &Uri) -> Result<Way, ConnectError> {
        let peer = self.dialer.describe(target);
        if peer.is_behind_proxy() {
            return Ok(Way { proxy: peer.proxy, addresses: Vec::new() });
        }
        let host = target.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let addresses = Resolver::default().resolve(host.to_owned()).await;
        let addresses = addresses.map_err(|error| ConnectError::new(&peer, &error))?;
        Ok(Way { proxy: None, addresses: addresses.map(|address| address.ip()).collect() })
    }

    pub(super) async fn connect(self, target: Uri) -> Result<MaybeHttpsStream<Dialed>, ConnectError> {
        let is_https = target.scheme_str() == Some("https");
        // Local files do not count against the time to connect.
        let no_tls = |error: TrustError| ConnectError::Tls(error.to_string());
        if self.dialer.speaks_tls_to_proxy(&target) {
            self.dialer.trust.config().await.map_err(no_tls)?;
        }
        let tls = if is_https { Some(self.trust.config().await.map_err(no_tls)?) } else { None };
        let peer = self.dialer.describe(&target);
        let attempt = async {
            match tls {
                Some(config) => {
                    HttpsConnector::new(self.dialer, config, false, self.names).call(target).await
                }
                None => self.dialer.dial(target).await.map(MaybeHttpsStream::Http),
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
            Ok(connected) => connected.map_err(|error| ConnectError::new(&peer, &*error)),
            Err(_) => Err(ConnectError::too_late(&peer, CONNECT_TIMEOUT.as_secs())),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Dialed>;
    type Error = ConnectError;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        Box::pin(self.clone().connect(target))
    }
}

/// Makes connections to the target or its proxy; for https a tunnel through the proxy.
#[derive(Clone, Debug)]
struct Dialer {
    tcp: HttpConnector<Resolver>,
    proxies: Arc<Proxies>,
    /// Towards proxies.
    trust: Arc<Trust>,
}

impl Dialer {
    async fn dial(mut self, target: Uri) -> Result<Dialed, BoxError> {
        let Some(proxy) = self.proxies.for_target(&target)? else {
            return Ok(Dialed::at_target(self.tcp.call(target).await?));
        };
        match Protocol::of(&proxy) {
            Protocol::Http { tls: false } => through_http(self.tcp, &proxy, target).await,
            Protocol::Http { tls: true } => {
                let config = self.trust.config().await?;
                through_http(HttpsConnector::from((self.tcp, config)), &proxy, target).await
            }
            Protocol::Socks => {
                let stream = self.tcp.call(proxy.uri().clone()).await?;
                Ok(Dialed::at_target(socks::through(stream, &proxy, &target).await?))
            }
        }
    }

    fn speaks_tls_to_proxy(&self, target: &Uri) -> bool {
        let proxy = self.proxies.for_target(target).ok().flatten();
        proxy.is_some_and(|proxy| Protocol::of(&proxy) == Protocol::Http { tls: true })
    }

    /// Who is connected to, for error texts. Credentials of the proxy are not part of it.
    fn describe(&self, target: &Uri) -> Peer {
        let host = target.host().unwrap_or_default();
        let default_port = if target.scheme_str() == Some("http") { 80 } else { 443 };
        let port = target.port_u16().unwrap_or(default_port);
        let proxy = match self.proxies.for_target(target) {
            Ok(Some(proxy)) => {
                // Credentials of the proxy are no part of it.
                let uri = proxy.uri();
                let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
                Some(format!("{}{port}", uri.host().unwrap_or_default()))
            }
            _ => None,
        };
        Peer { address: format!("{host}:{port}"), proxy }
    }
}

/// Through a proxy that speaks HTTP and is reached by `connector`.
async fn through_http<C>(mut connector: C, proxy: &Intercept, target: Uri) -> Result<Dialed, BoxError>
where
    C: Service<Uri, Error: Into<BoxError>, Future: Send + 'static>,
    C::Response: Into<Link> + Read + Write + Unpin + Send + 'static,
{
    if target.scheme_str() == Some("http") {
        let link = connector.call(proxy.uri().clone()).await.map_err(Into::into)?;
        return Ok(Dialed { link: link.into(), speaks_to_proxy: true });
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
    if let Some(authorization) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    Ok(Dialed::at_target(tunnel.call(target).await?))
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = BoxError;
    type Future = BoxFuture<Dialed, BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        Box::pin(self.clone().dial(target))
    }
}

/// What leads to a target or its proxy; the proxy may want TLS.
type Link = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection to a target, or to a proxy that is told the target in each request.
#[derive(Debug)]
pub(super) struct Dialed {
    link: Link,
    speaks_to_proxy: bool,
}

impl Dialed {
    fn at_target(link: impl Into<Link>) -> Self {
        Self { link: link.into(), speaks_to_proxy: false }
    }
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        self.link.connected().proxy(self.speaks_to_proxy)
    }
}

impl Read for Dialed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let link = &mut self.get_mut().link;
        let read = Pin::new(&mut *link).poll_read(context, buffer);
        if let (true, MaybeHttpsStream::Http(stream)) = (read.is_ready(), link) {
            acknowledge_now(stream.inner());
        }
        read
    }
}

impl Write for Dialed {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().link).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().link).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().link).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.link.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().link).poll_write_vectored(context, buffers)
    }
}
