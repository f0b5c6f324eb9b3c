//! Mutual TLS with exactly one known peer.
//!
//! Host and plugin exchange self-signed certificates out of band (environment and handshake line),
//! and each trusts the other's alone. The host's is a CA certificate, which webpki refuses as an
//! end entity, so the certificate is compared here and only the handshake signature, the proof of
//! the key, is left to the library.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::certificate::{OwnCertificate, SERVER_NAME};
use super::peer_stream::PeerStream;
use crate::plugin::process::start_error::StartError;

/// How long a handshake may take; both sides run on one machine.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Go's gRPC refuses peers that do not negotiate it.
const ALPN: &[u8] = b"h2";

/// Why a handshake failed.
#[derive(Debug, Error)]
pub(crate) enum HandshakeError {
    /// One side refused the other, or the connection broke.
    #[error("{0}")]
    Failed(io::Error),
    /// The other side was too slow.
    #[error("TLS handshake timed out")]
    TimedOut,
}

/// Both roles the plugin plays in TLS.
pub(crate) struct PeerTls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    server_name: ServerName<'static>,
}

impl PeerTls {
    /// TLS as `own`, trusting `host` alone.
    pub(crate) fn new(own: &OwnCertificate, host: CertificateDer<'static>) -> Result<Self, StartError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let peer = Arc::new(PinnedPeer::new(host, &provider)?);
        let chain = vec![own.certificate.clone()];

        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(peer.clone())
            .with_single_cert(chain.clone(), own.key.clone_key())?;
        server.alpn_protocols = vec![ALPN.to_vec()];
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;

        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(peer)
            .with_client_auth_cert(chain, own.key.clone_key())?;
        client.alpn_protocols = vec![ALPN.to_vec()];
        client.resumption = Resumption::disabled();

        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
            server_name: localhost()?,
        })
    }

    /// The server's side of a handshake.
    pub(crate) async fn accept<S>(&self, io: S) -> Result<PeerStream, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(io)).await {
            Ok(Ok(stream)) => Ok(PeerStream::new(stream)),
            Ok(Err(error)) => Err(HandshakeError::Failed(error)),
            Err(_) => Err(HandshakeError::TimedOut),
        }
    }

    /// The client's side of a handshake.
    pub(crate) async fn connect<S>(&self, io: S) -> Result<PeerStream, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match timeout(HANDSHAKE_TIMEOUT, self.connector.connect(self.server_name.clone(), io)).await {
            Ok(Ok(stream)) => Ok(PeerStream::new(stream)),
            Ok(Err(error)) => Err(HandshakeError::Failed(error)),
            Err(_) => Err(HandshakeError::TimedOut),
        }
    }
}

fn localhost() -> Result<ServerName<'static>, rustls::Error> {
    ServerName::try_from(SERVER_NAME).map_err(|error| rustls::Error::General(error.to_string()))
}

/// Accepts one certificate, byte for byte, in either role. The host of the tests has a verifier of its own,
/// which shares nothing with this one on purpose: a mistake in one of them must not hide in the other.
#[derive(Debug)]
struct PinnedPeer {
    certificate: CertificateDer<'static>,
    server_name: ServerName<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedPeer {
    fn new(certificate: CertificateDer<'static>, provider: &CryptoProvider) -> Result<Self, rustls::Error> {
        Ok(Self {
            certificate,
            server_name: localhost()?,
            algorithms: provider.signature_verification_algorithms,
        })
    }

    fn check(&self, presented: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if *presented == self.certificate {
            Ok(())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }
}

/// The proof of the key, which both roles check alike.
macro_rules! signature_checks {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls12_signature(message, certificate, signature, &self.algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls13_signature(message, certificate, signature, &self.algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}

impl ClientCertVerifier for PinnedPeer {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    signature_checks!();
}

impl ServerCertVerifier for PinnedPeer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *server_name != self.server_name {
            return Err(CertificateError::NotValidForName.into());
        }
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    signature_checks!();
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const BUFFER: usize = 64 * 1024;

    fn plugin_certificate() -> OwnCertificate {
        OwnCertificate::generate(SystemTime::now()).unwrap()
    }

    /// As Go hosts make it: a CA with a P-521 key.
    fn host_certificate() -> OwnCertificate {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut parameters = CertificateParams::new([SERVER_NAME.to_owned()]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        OwnCertificate {
            certificate: parameters.self_signed(&key).unwrap().der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }

    async fn exchange(server: &PeerTls, client: &PeerTls) -> Result<(), Box<dyn std::error::Error>> {
        let (near, far) = duplex(BUFFER);
        let serve = async {
            let mut stream = server.accept(near).await?;
            Ok::<_, Box<dyn std::error::Error>>(stream.write_all(b"hello").await?)
        };
        let call = async {
            let mut stream = client.connect(far).await?;
            let mut text = [0; 5];
            Ok::<_, Box<dyn std::error::Error>>(stream.read_exact(&mut text).await?)
        };
        let (served, called) = tokio::join!(serve, call);
        served?;
        called?;
        Ok(())
    }

    #[tokio::test]
    async fn plugin_and_host_trust_each_other_in_both_roles() {
        let (plugin, host) = (plugin_certificate(), host_certificate());
        let plugin_tls = PeerTls::new(&plugin, host.certificate.clone()).unwrap();
        let host_tls = PeerTls::new(&host, plugin.certificate.clone()).unwrap();
        exchange(&plugin_tls, &host_tls).await.unwrap();
        exchange(&host_tls, &plugin_tls).await.unwrap();
    }

    #[tokio::test]
    async fn any_other_certificate_is_refused_in_both_roles() {
        let (plugin, host, stranger) = (plugin_certificate(), host_certificate(), host_certificate());
        let plugin_tls = PeerTls::new(&plugin, host.certificate).unwrap();
        let stranger_tls = PeerTls::new(&stranger, plugin.certificate.clone()).unwrap();
        assert!(exchange(&plugin_tls, &stranger_tls).await.is_err());
        assert!(exchange(&stranger_tls, &plugin_tls).await.is_err());
    }

    fn client_of(
        certificate: Option<CertifiedKey>,
        server: CertificateDer<'static>,
        alpn: &[u8],
    ) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let peer = Arc::new(PinnedPeer::new(server, &provider).unwrap());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(peer);
        let mut config = match certificate {
            Some(certificate) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    fn signing_key(key: &OwnCertificate) -> Arc<dyn rustls::sign::SigningKey> {
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&key.key).unwrap()
    }

    async fn refusal(server: &PeerTls, client: TlsConnector) -> String {
        let (near, far) = duplex(BUFFER);
        let (served, _) = tokio::join!(server.accept(near), client.connect(localhost().unwrap(), far));
        served.err().expect("the handshake must fail").to_string()
    }

    #[tokio::test]
    async fn the_known_certificate_proves_nothing_without_its_key() {
        let (plugin, host, thief) = (plugin_certificate(), host_certificate(), host_certificate());
        let tls = PeerTls::new(&plugin, host.certificate.clone()).unwrap();
        let stolen = CertifiedKey::new(vec![host.certificate.clone()], signing_key(&thief));
        let error = refusal(&tls, client_of(Some(stolen), plugin.certificate.clone(), ALPN)).await;
        assert!(error.contains("BadSignature"), "{error}");

        let real = CertifiedKey::new(vec![host.certificate.clone()], signing_key(&host));
        let client = client_of(Some(real), plugin.certificate, ALPN);
        let (near, far) = duplex(BUFFER);
        let (served, _) = tokio::join!(tls.accept(near), client.connect(localhost().unwrap(), far));
        assert!(served.is_ok(), "the same with the key is admitted");
    }

    #[tokio::test]
    async fn a_client_without_certificate_is_refused() {
        let (plugin, host) = (plugin_certificate(), host_certificate());
        let tls = PeerTls::new(&plugin, host.certificate).unwrap();
        let error = refusal(&tls, client_of(None, plugin.certificate, ALPN)).await;
        assert!(error.contains("no certificates"), "{error}");
    }

    #[tokio::test]
    async fn the_protocol_must_be_http2() {
        let (plugin, host) = (plugin_certificate(), host_certificate());
        let tls = PeerTls::new(&plugin, host.certificate.clone()).unwrap();
        let known = CertifiedKey::new(vec![host.certificate.clone()], signing_key(&host));
        let error = refusal(&tls, client_of(Some(known), plugin.certificate, b"http/1.1")).await;
        assert!(error.contains("known protocol"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let (plugin, host) = (plugin_certificate(), host_certificate());
        let tls = PeerTls::new(&plugin, host.certificate).unwrap();
        let (near, _far) = duplex(BUFFER);
        let error = tls.accept(near).await.err().unwrap();
        assert_eq!(error.to_string(), "TLS handshake timed out");
    }
}
