//! Connections between host and plugin, whatever carries them.

use std::io;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::handshake::Address;
use super::links::Links;
use super::multiplexer::Multiplexer;
use super::tls::server_name;

/// Any byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A byte stream of either transport.
pub(super) type BoxedStream = Box<dyn Stream>;

/// How the plugin is reached.
#[derive(Clone)]
pub enum Route {
    /// A new socket for each connection.
    Socket {
        /// Where.
        address: Address,
        /// The host's sockets.
        links: Arc<Links>,
    },
    /// Streams of one connection.
    Multiplexed(Arc<Multiplexer>),
}

impl Route {
    /// Opens a byte stream without TLS.
    ///
    /// # Errors
    /// What the transport says.
    pub async fn open(&self) -> io::Result<BoxedStream> {
        Ok(match self {
            Self::Socket { address: Address::Unix(path), links } => Box::new(links.connect(path)?),
            Self::Socket { address: Address::Tcp(address), .. } => {
                Box::new(TcpStream::connect(address).await?)
            }
            Self::Multiplexed(multiplexer) => Box::new(multiplexer.open().await?),
        })
    }

    /// Opens a connection: a byte stream, with TLS over it if there is a configuration.
    ///
    /// # Errors
    /// What transport or TLS say, or that the plugin has not chosen `h2`, which Go insists on.
    pub async fn connect(&self, tls: Option<Arc<ClientConfig>>) -> io::Result<BoxedStream> {
        let stream = self.open().await?;
        let Some(config) = tls else { return Ok(stream) };
        let stream = TlsConnector::from(config).connect(server_name(), stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("missing selected ALPN property"));
        }
        Ok(Box::new(stream))
    }

    /// A gRPC channel over such a connection.
    ///
    /// # Errors
    /// What transport, TLS or HTTP/2 say.
    pub async fn channel(&self, tls: Option<Arc<ClientConfig>>) -> Result<Channel, tonic::transport::Error> {
        let route = self.clone();
        // The scheme is only for tonic, which would want TLS of its own for https.
        Endpoint::from_static("http://localhost")
            .connect_with_connector(service_fn(move |_| {
                let (route, tls) = (route.clone(), tls.clone());
                async move { route.connect(tls).await.map(TokioIo::new) }
            }))
            .await
    }
}
