//! The two certificates of a connection: the plugin's own, made at start, and the host's.

use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ParsedCertificate;

use crate::plugin::process::start_error::StartError;

/// The name either side asks the other for.
pub(crate) const SERVER_NAME: &str = "localhost";
/// How far clocks may differ; both sides run on one machine.
const BACKDATED_BY: Duration = Duration::from_secs(30);
/// As long as the process can possibly live: 30 years, as the host's own.
const VALID_FOR: Duration = Duration::from_secs(262_980 * 3600);

/// The plugin's certificate and key. The same certificate is server on the plugin's socket and
/// client on the connections back to the host.
pub(crate) struct OwnCertificate {
    /// The certificate.
    pub(crate) certificate: CertificateDer<'static>,
    /// Its key.
    pub(crate) key: PrivateKeyDer<'static>,
}

impl OwnCertificate {
    /// A new key with a self-signed certificate.
    pub(crate) fn generate(now: SystemTime) -> Result<Self, StartError> {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, SERVER_NAME);

        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = name;
        parameters.subject_alt_names =
            vec![SanType::DnsName(SERVER_NAME.try_into().map_err(StartError::OwnCertificate)?)];
        parameters.not_before = now.checked_sub(BACKDATED_BY).unwrap_or(now).into();
        parameters.not_after = now.checked_add(VALID_FOR).unwrap_or(now).into();
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
        parameters.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];

        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(StartError::OwnCertificate)?;
        let certificate = parameters.self_signed(&key).map_err(StartError::OwnCertificate)?;
        Ok(Self {
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }
}

/// The host's certificate from its PEM text; the first one counts.
pub(crate) fn host_certificate(pem: &str) -> Result<CertificateDer<'static>, StartError> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| StartError::HostCertificate(error.to_string()))?;
    ParsedCertificate::try_from(&certificate)
        .map_err(|error| StartError::HostCertificate(error.to_string()))?;
    Ok(certificate)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
    }

    #[test]
    fn the_host_certificate_is_the_first_of_the_text() {
        let first = OwnCertificate::generate(SystemTime::now()).unwrap().certificate;
        let second = OwnCertificate::generate(SystemTime::now()).unwrap().certificate;
        let text = format!("{}{}", pem(&first), pem(&second));
        assert_eq!(host_certificate(&text).unwrap(), first);
    }

    #[test]
    fn an_unreadable_host_certificate_is_refused() {
        for text in ["x", "-----BEGIN CERTIFICATE-----\n", &pem(b"no certificate")] {
            assert!(matches!(host_certificate(text), Err(StartError::HostCertificate(_))), "{text}");
        }
    }
}
