//! Small servers on the loopback interface, for the tests of this module.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// Number of the connection, from zero.
    pub(super) connection: usize,
    /// Request line and headers, one a line.
    pub(super) head: String,
    /// Body.
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// What a server does with a request.
#[derive(Clone)]
pub(super) enum Script {
    /// Sends these bytes and keeps the connection.
    Answer(Vec<u8>),
    /// Sends these bytes and closes the connection.
    AnswerAndClose(Vec<u8>),
    /// Takes the request for CONNECT and connects to this address.
    Tunnel(SocketAddr),
}

pub(super) fn ok(body: &str) -> Script {
    Script::Answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// A running server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    received: mpsc::UnboundedReceiver<Received>,
    connections: Arc<AtomicUsize>,
    closed: Arc<Semaphore>,
}

impl Server {
    /// A server that treats every request alike.
    pub(super) async fn plain(script: Script) -> Self {
        Self::start(script, None).await
    }

    pub(super) async fn tls(script: Script, authority: &Authority, name: &str) -> Self {
        Self::start(script, Some(authority.acceptor(name))).await
    }

    /// Shows the certificate of the authority itself.
    pub(super) async fn own_root(script: Script, authority: &Authority) -> Self {
        Self::start(script, Some(acceptor(authority.certificate(), authority.issuer.key(), None))).await
    }

    /// Shows the certificate of the authority itself, and wants one of `of_clients`.
    pub(super) async fn asking(script: Script, authority: &Authority, of_clients: &Authority) -> Self {
        let acceptor = acceptor(authority.certificate(), authority.issuer.key(), Some(of_clients));
        Self::start(script, Some(acceptor)).await
    }

    async fn start(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let closed = Arc::new(Semaphore::new(0));
        let (counter, ended) = (Arc::clone(&connections), Arc::clone(&closed));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let (script, tls, sender) = (script.clone(), tls.clone(), sender.clone());
                let ended = Arc::clone(&ended);
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, number, script, sender).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, number, script, sender).await;
                            }
                        }
                    }
                    ended.add_permits(1);
                });
            }
        });
        Self { address, received, connections, closed }
    }

    /// Waits until a connection has ended on both sides.
    pub(super) async fn connection_ended(&self) {
        self.closed.acquire().await.unwrap().forget();
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) async fn next(&mut self) -> Received {
        self.received.recv().await.unwrap()
    }

    pub(super) fn requests_so_far(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

async fn serve<S>(mut stream: S, connection: usize, script: Script, sender: mpsc::UnboundedSender<Received>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(received) = read_request(&mut stream, connection).await {
        // The test may have ended.
        let _ = sender.send(received);
        match &script {
            Script::Answer(bytes) => {
                if stream.write_all(bytes).await.is_err() {
                    return;
                }
            }
            Script::AnswerAndClose(bytes) => {
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
            Script::Tunnel(target) => {
                let mut onward = TcpStream::connect(target).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                return;
            }
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S, connection: usize) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().trim_end().to_owned();
    let mut received = Received { connection, head, body: Vec::new() };
    let length = received.header("content-length").map_or(0, |value| value.parse().unwrap());
    received.body = vec![0; length];
    stream.read_exact(&mut received.body).await.ok()?;
    Some(received)
}

/// A certificate authority with its certificate in a file.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    _directory: tempfile::TempDir,
    file: PathBuf,
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::with(CertificateParams::default())
    }

    /// One whose certificate has these names, purposes and times.
    pub(super) fn with(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self::keep(CertifiedIssuer::self_signed(of_authority(params), key).unwrap())
    }

    /// One whose certificate this one signs.
    pub(super) fn signing(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self::keep(CertifiedIssuer::signed_by(of_authority(params), key, &self.issuer).unwrap())
    }

    fn keep(issuer: CertifiedIssuer<'static, KeyPair>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, pem("CERTIFICATE", issuer.der())).unwrap();
        Self { issuer, _directory: directory, file }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    /// TLS with a certificate for this name.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let (certificate, key) = self.issued(name);
        acceptor(&certificate, &key, None)
    }

    /// A certificate for this name and its key, both in PEM.
    pub(super) fn issue(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let (certificate, key) = self.issued(name);
        (pem("CERTIFICATE", &certificate), pem("PRIVATE KEY", &key.serialize_der()))
    }

    fn issued(&self, name: &str) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }
}

fn of_authority(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn pem(kind: &str, der: &[u8]) -> Vec<u8> {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der)).into_bytes()
}

/// TLS that shows this certificate, and wants one of `of_clients` if there is such.
fn acceptor(
    certificate: &CertificateDer<'static>,
    key: &KeyPair,
    of_clients: Option<&Authority>,
) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match of_clients {
        None => builder.with_no_client_auth(),
        Some(of_clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(of_clients.certificate().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = builder.with_single_cert(vec![certificate.clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}
