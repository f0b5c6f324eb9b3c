//! Connections between host and plugin, whatever carries them.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::handshake::Address;
use super::multiplexer::Multiplexer;
use super::tls::server_name;

/// Any byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A byte stream of either transport.
pub(super) type BoxedStream = Box<dyn Stream>;

/// The sockets a host has open towards its plugin, so that all can be cut at once.
#[derive(Default)]
pub struct Links {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    sockets: HashMap<u64, std::os::unix::net::UnixStream>,
    next: u64,
    cut: bool,
}

impl Links {
    /// Connects to a Unix socket.
    ///
    /// # Errors
    /// What the operating system says; not connected once the links were cut.
    pub fn connect(self: &Arc<Self>, path: &Path) -> io::Result<Socket> {
        self.adopt(std::os::unix::net::UnixStream::connect(path)?)
    }

    /// Takes an accepted socket into the set.
    ///
    /// # Errors
    /// As [`Links::connect`].
    pub fn accepted(self: &Arc<Self>, socket: UnixStream) -> io::Result<Socket> {
        self.adopt(socket.into_std()?)
    }

    fn adopt(self: &Arc<Self>, socket: std::os::unix::net::UnixStream) -> io::Result<Socket> {
        let mut open = self.open.lock().unwrap();
        if open.cut {
            return Err(io::ErrorKind::NotConnected.into());
        }
        socket.set_nonblocking(true)?;
        let id = open.next;
        open.next += 1;
        open.sockets.insert(id, socket.try_clone()?);
        let guard = Link { id, links: Arc::clone(self) };
        Ok(Guarded { stream: UnixStream::from_std(socket)?, _guard: guard })
    }

    /// Ends every connection, as the death of the host does, and refuses new ones.
    pub fn cut(&self) {
        let mut open = self.open.lock().unwrap();
        open.cut = true;
        for socket in open.sockets.values() {
            // Fails only if the peer has closed it already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// A socket of the set; the set's handle to it is closed with it.
pub(super) type Socket = Guarded<UnixStream, Link>;

/// Membership in [`Links`].
pub struct Link {
    id: u64,
    links: Arc<Links>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.links.open.lock().unwrap().sockets.remove(&self.id);
    }
}

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

/// A connection to one of the host's servers, counted while it is open.
pub(super) type ServerStream = Guarded<BoxedStream, Counted>;

impl ServerStream {
    /// Counts a connection until it is dropped.
    #[must_use]
    pub fn new(stream: BoxedStream, open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self { stream, _guard: Counted(open) }
    }
}

/// One in a count of open connections.
pub struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connected for ServerStream {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

/// A byte stream with something that is dropped after it.
pub struct Guarded<S, G> {
    stream: S,
    _guard: G,
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Guarded<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Guarded<S, G> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
