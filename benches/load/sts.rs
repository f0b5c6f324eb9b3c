//! The cheapest STS there can be: it says the same to everyone but those with a [numbered key](numbered_key), and
//! counts.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Who everyone is.
pub(crate) const PRINCIPAL: &str = "arn:aws:iam::111122223333:user/load";

/// The answer.
const ANSWER: &str = concat!(
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n",
    "  <GetCallerIdentityResult>\n",
    "    <Arn>arn:aws:iam::111122223333:user/load</Arn>\n",
    "    <UserId>AIDAQWERTYUIOPASDFGHJ</UserId>\n",
    "    <Account>111122223333</Account>\n",
    "  </GetCallerIdentityResult>\n",
    "  <ResponseMetadata>\n",
    "    <RequestId>00000000-0000-4000-8000-000000000000</RequestId>\n",
    "  </ResponseMetadata>\n",
    "</GetCallerIdentityResponse>\n",
);

/// Accounts of those with numbered keys.
pub(crate) const ACCOUNTS: usize = 200;
/// What numbered keys begin with.
const NUMBERED: &str = "AKIANUMBER";

/// The access key of one of many principals.
#[must_use]
pub(crate) fn numbered_key(number: usize) -> String {
    format!("{NUMBERED}{number:010}")
}

/// Who the key is of: the account and the ARN.
#[must_use]
pub(crate) fn numbered_principal(number: usize) -> (String, String) {
    let account = format!("{:012}", 300_000_000_000 + number % ACCOUNTS);
    let arn = format!("arn:aws:iam::{account}:user/load-{number}");
    (account, arn)
}

/// The answer to a request that is signed with a numbered key.
fn numbered(headers: &hyper::HeaderMap) -> Option<String> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, key) = authorization.split_once(NUMBERED)?;
    let number = key.get(..10)?.parse().ok()?;
    let (account, arn) = numbered_principal(number);
    let answer = ANSWER.replace(PRINCIPAL, &arn).replace("111122223333", &account);
    Some(answer.replace("AIDAQWERTYUIOPASDFGHJ", &format!("AIDA{number:017}")))
}

/// Certificates of the system, which a plugin reads too when it is in use.
const SYSTEM_CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A running stand-in, on a thread and a runtime of its own, as long as the benchmark lives.
pub struct Sts {
    address: SocketAddr,
    scheme: &'static str,
    certificates: NamedTempFile,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    delay: Duration,
    calls: AtomicUsize,
    connections: AtomicUsize,
    /// Milliseconds from a request's head to its answer.
    times: Mutex<Vec<f64>>,
}

impl Sts {
    /// Starts on a free loopback port, with or without TLS; connections stay open.
    #[must_use]
    pub fn start(delay: Duration, with_tls: bool) -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a bound address");
        let (acceptor, authority) = tls();
        let mut certificates = NamedTempFile::new().expect("a temporary file");
        let system = SYSTEM_CERTIFICATES.iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default();
        certificates.write_all(&system).expect("a file that can be written");
        certificates.write_all(authority.as_bytes()).expect("a file that can be written");
        let shared = Arc::new(Shared { delay, ..Shared::default() });
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(accept(listener, with_tls.then_some(acceptor), state));
        });
        Self { address, scheme: if with_tls { "https" } else { "http" }, certificates, shared }
    }

    /// `https://127.0.0.1:port`, or `http`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// A file with the certificates of the system and that of the stand-in.
    #[must_use]
    pub fn certificates(&self) -> &Path {
        self.certificates.path()
    }

    /// Calls answered so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Milliseconds that each answer took since the last time this was asked.
    #[must_use]
    pub fn take_times(&self) -> Vec<f64> {
        std::mem::take(&mut self.shared.times.lock().unwrap())
    }
}

async fn accept(listener: StdListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener of this runtime");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            // A connection that breaks shows in the login that used it.
            let _ = stream.set_nodelay(true);
            let answer = service_fn(|request| answer(request, &shared));
            let server = hyper::server::conn::http1::Builder::new();
            let Some(acceptor) = acceptor else {
                let _ = server.serve_connection(TokioIo::new(stream), answer).await;
                return;
            };
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Full<Bytes>>, Infallible> {
    let begun = Instant::now();
    let body = numbered(request.headers()).map_or_else(|| Bytes::from_static(ANSWER.as_bytes()), Bytes::from);
    // What was asked does not matter, but the connection is free only behind it.
    let _ = request.into_body().collect().await;
    if !shared.delay.is_zero() {
        tokio::time::sleep(shared.delay).await;
    }
    shared.calls.fetch_add(1, Ordering::SeqCst);
    let response = Response::builder().header(CONTENT_TYPE, "text/xml");
    let response = response.body(Full::new(body)).expect("a response");
    shared.times.lock().unwrap().push(testkit::statistics::milliseconds(begun.elapsed()));
    Ok(response)
}

/// A certificate for the loopback address, and the authority that signed it, PEM.
fn tls() -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate =
        CertificateParams::new(names).expect("names").signed_by(&key, &authority).expect("a certificate");
    let private = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("a certificate with its key");
    (TlsAcceptor::from(Arc::new(config)), pem(authority.der()))
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("\n-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
