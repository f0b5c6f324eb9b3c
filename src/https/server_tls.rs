//! TLS towards one server whose operator says whom to trust and who is calling.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, SignatureScheme};
use rustls_native_certs::load_certs_from_paths;
use thiserror::Error;
use zeroize::Zeroizing;

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

/// What is said of one server and cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ServerTlsError {
    /// The certificates to trust cannot be read.
    #[error("the CA certificate{place} cannot be read: {cause}")]
    Authorities {
        /// The file they are in, as the text goes on.
        place: String,
        /// Why.
        cause: String,
    },
    /// There is none among the certificates to trust.
    #[error("the CA certificates that were named hold none that can be trusted")]
    NobodyTrusted,
    /// The certificate to show cannot be read.
    #[error("the client certificate cannot be read: {0}")]
    Certificate(String),
    /// Its key cannot be read.
    #[error("the key of the client certificate cannot be read: {0}")]
    Key(String),
    /// The certificate and the key do not fit.
    #[error("the client certificate and its key cannot be used: {0}")]
    Pair(rustls::Error),
    /// What shall be the name of the server is none.
    #[error("{0:?} is not a name of a TLS server")]
    Name(String),
}

impl ServerTls {
    /// The certificates to trust, if they are not those of the system; reads files.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn listed(&self) -> Result<Option<Vec<CertificateDer<'static>>>, ServerTlsError> {
        let unreadable = |place: String| move |cause| ServerTlsError::Authorities { place, cause };
        let listed = match &self.authorities {
            Authorities::System => return Ok(None),
            Authorities::Pem(pem) => certificates_of_pem(pem).map_err(unreadable(String::new()))?,
            Authorities::File(file) => {
                let read = std::fs::read(file).map_err(|error| error.to_string());
                read.and_then(|pem| certificates_of_pem(&pem))
                    .map_err(unreadable(format!(" {}", file.display())))?
            }
            Authorities::Directory(directory) => load_certs_from_paths(None, Some(directory)).certs,
        };
        Ok(Some(listed))
    }

    /// Shows the certificate, if there is one to show.
    ///
    /// # Errors
    /// It cannot be used.
    pub(super) fn show(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, ServerTlsError> {
        let Some(own) = &self.client_certificate else { return Ok(builder.with_no_client_auth()) };
        let certificates = certificates_of_pem(&own.certificates).map_err(ServerTlsError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&own.key)
            .map_err(|error| ServerTlsError::Key(error.to_string()))?;
        builder.with_client_auth_cert(certificates, key).map_err(ServerTlsError::Pair)
    }

    /// The name the server's certificate must have, if it is not that of the URL.
    ///
    /// # Errors
    /// It is no name.
    pub(super) fn expected_name(&self) -> Result<Option<ServerName<'static>>, ServerTlsError> {
        let Some(name) = &self.server_name else { return Ok(None) };
        let parsed = ServerName::try_from(name.clone()).map_err(|_| ServerTlsError::Name(name.clone()))?;
        Ok(Some(parsed))
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
pub(super) struct TrustsEverybody(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for TrustsEverybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
