//! A test CA that certifies every name it is asked for, and the loopback address.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// Names of the certificate for clients that ask for none, as they do for an address.
const LOOPBACK_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// What TLS needs.
pub(super) struct TestTls {
    acceptor: TlsAcceptor,
    ca_pem: String,
}

impl TestTls {
    /// New keys and certificates.
    pub(super) fn new() -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect("a key")).expect("a CA");
        let ca_pem = pem(ca.der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certifier = Certifier { ca, provider: Arc::clone(&provider) };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the protocol versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certifier));
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem }
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    pub(super) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

#[derive(Debug)]
struct Certifier {
    ca: CertifiedIssuer<'static, KeyPair>,
    provider: Arc<CryptoProvider>,
}

impl ResolvesServerCert for Certifier {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let names = match hello.server_name() {
            Some(name) => vec![name.to_owned()],
            None => LOOPBACK_NAMES.map(str::to_owned).to_vec(),
        };
        let key = KeyPair::generate().ok()?;
        let certificate = CertificateParams::new(names).ok()?.signed_by(&key, &self.ca).ok()?;
        let private = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        CertifiedKey::from_der(vec![certificate.der().clone()], private, &self.provider).ok().map(Arc::new)
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
