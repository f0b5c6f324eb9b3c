//! TLS towards one server whose operator says whom to trust and who is calling.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, WantsVerifier,
};
use rustls_native_certs::load_certs_from_paths;
use zeroize::Zeroizing;

use super::environment::Environment;
use super::own_root::OwnRootVerifier;
use super::roots::roots as system_roots;
use super::trust::TlsSettings;

/// What is special about the connections to one server. The default is nothing: the certificates of
/// the system are trusted, and no client certificate is shown.
#[derive(Clone, Debug, Default)]
pub struct ServerTls {
    /// The certificates to trust. None: those of the system.
    pub authorities: Authorities,
    /// The certificate to show.
    pub client_certificate: Option<ClientCertificate>,
    /// The name the server's certificate is for, if it is not that of the URL.
    pub server_name: Option<String>,
    /// Trust everybody: whoever answers gets what is sent.
    pub skip_verify: bool,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authorities {
    /// Those of the system, `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    #[default]
    System,
    /// Those of a PEM text.
    Pem(Vec<u8>),
    /// Those of a file in PEM.
    File(PathBuf),
    /// Those of the files of a directory.
    Directory(PathBuf),
}

/// A certificate with its chain and key, both in PEM.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate, then its chain.
    pub certificates: Vec<u8>,
    /// Its private key: PKCS#8, PKCS#1 or SEC1.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

/// The settings for one server, in an environment.
#[derive(Debug)]
pub(super) struct ServerSettings {
    pub(super) tls: ServerTls,
    pub(super) environment: Environment,
}

impl TlsSettings for ServerSettings {
    fn config(&self, builder: ConfigBuilder<ClientConfig, WantsVerifier>) -> Result<ClientConfig, String> {
        let builder = self.tls.verified(builder, &self.environment)?;
        let Some(own) = &self.tls.client_certificate else { return Ok(builder.with_no_client_auth()) };
        let certificates = certificates_of_pem(&own.certificates)
            .map_err(|error| format!("the client certificate cannot be read: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(&own.key)
            .map_err(|error| format!("the key of the client certificate cannot be read: {error}"))?;
        builder
            .with_client_auth_cert(certificates, key)
            .map_err(|error| format!("the client certificate and its key cannot be used: {error}"))
    }
}

impl ServerTls {
    fn verified(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsVerifier>,
        environment: &Environment,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
        let provider = Arc::clone(builder.crypto_provider());
        if self.skip_verify {
            let verifier = Arc::new(TrustsEverybody(provider));
            return Ok(builder.dangerous().with_custom_certificate_verifier(verifier));
        }
        let trusted = match &self.authorities {
            Authorities::System => {
                return Ok(builder.with_root_certificates(system_roots(environment)?));
            }
            Authorities::Pem(pem) => certificates_of_pem(pem)
                .map_err(|error| format!("the CA certificate cannot be read: {error}"))?,
            Authorities::File(file) => {
                let pem = std::fs::read(file).map_err(|error| {
                    format!("the CA certificate {} cannot be read: {error}", file.display())
                })?;
                certificates_of_pem(&pem).map_err(|error| {
                    format!("the CA certificate {} cannot be read: {error}", file.display())
                })?
            }
            Authorities::Directory(directory) => load_certs_from_paths(None, Some(directory)).certs,
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        if roots.is_empty() {
            return Err("the CA certificates that were named hold none that can be trusted".to_owned());
        }
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| format!("the CA certificates cannot be used: {error}"))?;
        let verifier = Arc::new(OwnRootVerifier::new(usual, trusted));
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
    }
}

fn certificates_of_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("it holds no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(error.to_string()),
    }
}

/// Asks nobody for a certificate; the handshake itself is still checked.
#[derive(Debug)]
struct TrustsEverybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustsEverybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
