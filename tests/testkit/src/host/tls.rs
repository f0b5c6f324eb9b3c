//! TLS between host and plugin: certificates as go-plugin makes them, pinned on both sides, and the
//! checks of Go's verifier on top.

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P521_SHA512, SerialNumber,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName as SubjectName, Error,
    ServerConfig, SignatureScheme,
};
use time::{Duration, OffsetDateTime};

/// The name in every certificate of the protocol.
pub(super) const SERVER_NAME: &str = "localhost";

/// Extended key usages in DER: `id-kp-serverAuth` and `id-kp-clientAuth`.
const SERVER_AUTH: [u8; 10] = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: [u8; 10] = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// A key with its self-signed certificate.
pub struct Identity {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Identity {
    /// A new identity like go-plugin's: P-521, CA, both extended key usages, 30 years.
    #[must_use]
    pub fn generate() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).expect("P-521 is supported");
        let mut params = CertificateParams::new([SERVER_NAME.to_owned()]).expect("a valid name");
        let now = OffsetDateTime::now_utc();
        params.not_before = now - Duration::seconds(30);
        params.not_after = now + Duration::hours(262_980);
        let mut serial = [0; 16];
        rand::fill(&mut serial).expect("randomness");
        serial[0] &= 0x7f;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, "HashiCorp");
        name.push(DnType::CommonName, SERVER_NAME);
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyAgreement,
            KeyUsagePurpose::KeyCertSign,
        ];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key).expect("signing with an own key");
        Self { certificate: certificate.der().clone(), key: PrivatePkcs8KeyDer::from(key.serialize_der()) }
    }

    /// Somebody who shows this certificate without having its key.
    #[must_use]
    pub fn impostor(&self) -> Self {
        Self { certificate: self.certificate.clone(), key: Self::generate().key }
    }

    /// The certificate in PEM, as the environment carries it.
    #[must_use]
    pub fn pem(&self) -> String {
        let body = STANDARD.encode(&self.certificate);
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
            .collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// Certificate and key for rustls, which do not have to fit.
    fn resolver(&self, provider: &CryptoProvider) -> Arc<SingleCertAndKey> {
        let key = PrivateKeyDer::from(self.key.clone_key());
        let key = provider.key_provider.load_private_key(key).expect("P-521 is supported");
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![self.certificate.clone()], key)))
    }

    /// TLS client for the plugin's socket; without an identity no client certificate is sent.
    #[must_use]
    pub fn client_config(identity: Option<&Self>, plugin: &CertificateDer<'static>) -> ClientConfig {
        let verifier = Arc::new(Pinned::new(plugin));
        let provider = Arc::clone(&verifier.provider);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(identity.resolver(&provider)),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// TLS server for the sockets the plugin dials.
    #[must_use]
    pub fn server_config(&self, plugin: &CertificateDer<'static>) -> ServerConfig {
        let verifier = Arc::new(Pinned::new(plugin));
        let resolver = self.resolver(&verifier.provider);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&verifier.provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

/// The server name the host asks for.
#[must_use]
pub(super) fn server_name() -> ServerName<'static> {
    ServerName::try_from(SERVER_NAME).expect("a valid name")
}

/// Accepts one certificate, if Go would accept it too. The plugin has a verifier of its own, which shares
/// nothing with this one on purpose: a mistake in one of them must not hide in the other.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn new(certificate: &CertificateDer<'static>) -> Self {
        Self { certificate: certificate.clone(), provider: Arc::new(provider::default_provider()) }
    }

    fn check(&self, presented: &CertificateDer<'_>, usage: &[u8], now: UnixTime) -> Result<(), Error> {
        if presented != &self.certificate {
            return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        }
        if !presented.windows(usage.len()).any(|window| window == usage) {
            return Err(Error::InvalidCertificate(CertificateError::InvalidPurpose));
        }
        let (not_before, not_after) =
            validity(presented).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < not_before {
            return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
        }
        if now > not_after {
            return Err(Error::InvalidCertificate(CertificateError::Expired));
        }
        Ok(())
    }
}

/// How signatures are checked does not depend on the side that makes them.
macro_rules! checks_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, &SERVER_AUTH, now)?;
        rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    checks_signatures!();
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[SubjectName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, &CLIENT_AUTH, now)?;
        Ok(ClientCertVerified::assertion())
    }

    checks_signatures!();
}

/// First and last second of a certificate's validity, in Unix time.
fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let (certificate, _) = element(certificate)?;
    let (mut fields, _) = element(certificate.content)?;
    // Version (tagged, optional), serial number, signature algorithm and issuer come first.
    let mut rest = fields.content;
    (fields, rest) = element(rest)?;
    let before = if fields.tag == 0xa0 { 3 } else { 2 };
    for _ in 0..before {
        (_, rest) = element(rest)?;
    }
    let (validity, _) = element(rest)?;
    let (not_before, rest) = element(validity.content)?;
    let (not_after, _) = element(rest)?;
    Some((unix_time(&not_before)?, unix_time(&not_after)?))
}

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// The first DER element, and what follows it.
fn element(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, content }, rest))
}

/// UTCTime or GeneralizedTime in Unix time.
fn unix_time(element: &Element<'_>) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    let text = std::str::from_utf8(element.content).ok()?;
    let text = if element.tag == UTC_TIME {
        // RFC 5280 §4.1.2.5.1: two digits from 50 on are of the 20th century.
        let century = if text < "50" { "20" } else { "19" };
        format!("{century}{text}")
    } else {
        text.to_owned()
    };
    let format = time::macros::format_description!("[year][month][day][hour][minute][second]Z");
    Some(time::PrimitiveDateTime::parse(&text, format).ok()?.assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_of_an_own_certificate_is_read() {
        let identity = Identity::generate();
        let (not_before, not_after) = validity(&identity.certificate).unwrap();
        let now = OffsetDateTime::now_utc().unix_timestamp();
        assert!((now - 60..=now).contains(&not_before), "{not_before}");
        assert_eq!(not_after - not_before, 262_980 * 3600 + 30);
    }

    #[test]
    fn another_certificate_is_refused() {
        let pinned = Pinned::new(&Identity::generate().certificate);
        let other = Identity::generate().certificate;
        assert!(pinned.check(&other, &SERVER_AUTH, UnixTime::now()).is_err());
        assert!(pinned.check(&pinned.certificate, &SERVER_AUTH, UnixTime::now()).is_ok());
        let past = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        assert!(pinned.check(&pinned.certificate, &SERVER_AUTH, past).is_err());
    }
}
