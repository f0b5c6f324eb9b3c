//! A server certificate that is itself among the listed ones.
//!
//! Small installations let a server show a certificate that is its own authority. The usual verifier
//! refuses a certificate of an authority at the end of a chain; Go takes it when it is listed itself.
//! Taken here is that case alone: the very certificate that is listed, for the right
//! name, while it is valid, and if it may be a server's.

use std::sync::Arc;

use der::Decode as _;
use der::asn1::ObjectIdentifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

/// `id-kp-serverAuth`.
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

/// What the usual verifier says of a certificate of an authority that is shown as a server's. Its
/// type is not one that the TLS library hands out.
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";

/// Whether an error is the one that has the exception.
pub(super) fn is_authority_as_server(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(cause)) => {
            cause.0.to_string() == AUTHORITY_AS_SERVER
        }
        _ => false,
    }
}

/// The usual verifier, and the exception.
#[derive(Debug)]
pub(super) struct OwnRootVerifier {
    usual: Arc<WebPkiServerVerifier>,
    listed: Vec<CertificateDer<'static>>,
}

impl OwnRootVerifier {
    /// Believes what `usual` believes, and the certificates `listed`.
    pub(super) fn new(usual: Arc<WebPkiServerVerifier>, listed: Vec<CertificateDer<'static>>) -> Self {
        Self { usual, listed }
    }
}

/// What else the usual verifier asks of a server's certificate.
pub(super) fn check(shown: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
    let certificate = Certificate::from_der(shown).map_err(|_| CertificateError::BadEncoding)?;
    let signed = certificate.tbs_certificate();
    let validity = signed.validity();
    let not_before = UnixTime::since_unix_epoch(validity.not_before.to_unix_duration());
    let not_after = UnixTime::since_unix_epoch(validity.not_after.to_unix_duration());
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    let purposes = signed.get_extension::<ExtendedKeyUsage>().map_err(|_| CertificateError::BadEncoding)?;
    match purposes {
        Some((_, ExtendedKeyUsage(purposes))) if !purposes.contains(&SERVER_AUTH) => {
            Err(CertificateError::InvalidPurpose.into())
        }
        _ => Ok(()),
    }
}

impl ServerCertVerifier for OwnRootVerifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let usual = self.usual.verify_server_cert(shown, intermediates, name, ocsp_response, now);
        match usual {
            Err(error) if is_authority_as_server(&error) && self.listed.iter().any(|one| one == shown) => {
                check(shown, name, now).map(|()| ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
