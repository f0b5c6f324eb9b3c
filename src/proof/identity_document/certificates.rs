//! Certificates whose signatures on identity documents are believed.

use std::sync::LazyLock;
use std::time::Duration;

use der::{Decode, Encode};
use serde::Deserialize;
use thiserror::Error;
use x509_cert::Certificate;

use super::pem;
use super::signature::PublicKey;

/// The list that AWS publishes; see `README.md` beside it.
const BUILT_IN: &str = include_str!("../../../data/aws-certificates/certificates.json");

/// A certificate cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CertificateError {
    /// The text is not one PEM block.
    #[error("invalid certificate; should be one PEM block only")]
    NotOneBlock,
    /// The block holds no X.509 certificate, or one with a malformed key.
    #[error("x509: malformed certificate: {0}")]
    Malformed(der::Error),
}

/// What a signer's certificate says. Neither its own signature nor the validity of now count: that
/// it is in the pool is what makes it trusted.
#[derive(Clone, Debug)]
pub struct TrustedCertificate {
    /// Name of the issuer, DER.
    pub(super) issuer: Box<[u8]>,
    /// Contents of the serial number.
    pub(super) serial: Box<[u8]>,
    /// Begin and end of the validity, since the Unix epoch; both included.
    pub(super) validity: (Duration, Duration),
    pub(super) key: PublicKey,
}

impl TrustedCertificate {
    /// Reads a certificate: one PEM block of any label, and nothing after it.
    ///
    /// # Errors
    /// There is not exactly one block, or what it holds does not parse.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let der = pem::single_block(text).ok_or(CertificateError::NotOneBlock)?;
        Self::from_der(&der).map_err(CertificateError::Malformed)
    }

    fn from_der(der: &[u8]) -> der::Result<Self> {
        let certificate = Certificate::from_der(der)?;
        let signed = certificate.tbs_certificate();
        let validity = signed.validity();
        Ok(Self {
            issuer: signed.issuer().to_der()?.into(),
            serial: signed.serial_number().as_bytes().into(),
            validity: (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration()),
            key: PublicKey::of(signed.subject_public_key_info())?,
        })
    }
}

/// The certificates of AWS, for every region and every kind of signature. Parsed at the first use,
/// because most mounts never see an identity document.
pub(super) fn built_in() -> &'static [TrustedCertificate] {
    static PARSED: LazyLock<Vec<TrustedCertificate>> = LazyLock::new(|| {
        // A test proves that every entry parses; one that did not would not be trusted.
        let entries: Vec<Published> = serde_json::from_str(BUILT_IN).unwrap_or_default();
        entries.iter().filter_map(|entry| TrustedCertificate::from_pem(&entry.pem).ok()).collect()
    });
    &PARSED
}

/// An entry of the published list, as far as it is needed here.
#[derive(Deserialize)]
struct Published {
    pem: String,
}

#[cfg(test)]
mod tests;
