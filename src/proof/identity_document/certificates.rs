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

    /// Whether signatures are checked with its key: those of messages, or detached ones.
    #[must_use]
    pub fn verifies(&self, detached: bool) -> bool {
        match self.key {
            PublicKey::Rsa(_) => true,
            PublicKey::Ec(..) | PublicKey::Dsa(_) => !detached,
            PublicKey::Other => false,
        }
    }

    /// Whether its validity is over at a time since the Unix epoch.
    #[must_use]
    pub fn is_expired(&self, now: Duration) -> bool {
        now > self.validity.1
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

/// A certificate that AWS publishes.
pub(super) struct BuiltIn {
    pub(super) certificate: TrustedCertificate,
    /// Whether AWS publishes it for detached signatures.
    signs_detached: bool,
    /// Regions known to use it; empty where that is not known.
    regions: Vec<String>,
}

impl BuiltIn {
    fn names(&self, region: &str) -> bool {
        self.regions.iter().any(|known| known == region)
    }
}

/// The certificates of AWS. Parsed at the first use, because most mounts never see an identity document.
pub(super) fn built_in() -> &'static [BuiltIn] {
    static PARSED: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
        // A test proves that every entry parses; one that did not would not be trusted.
        let entries: Vec<Published> = serde_json::from_str(BUILT_IN).unwrap_or_default();
        let parsed = |entry: Published| {
            let certificate = TrustedCertificate::from_pem(&entry.pem).ok()?;
            let signs_detached = entry.kind == "signature";
            Some(BuiltIn { certificate, signs_detached, regions: entry.regions })
        };
        entries.into_iter().filter_map(parsed).collect()
    });
    &PARSED
}

/// An entry of the published list, as far as it is needed here.
#[derive(Deserialize)]
struct Published {
    kind: String,
    regions: Vec<String>,
    pem: String,
}

/// Most keys that a detached signature is tried with.
pub(super) const MAX_KEYS: usize = 128;

/// The certificates that may vouch for one document: those that an operator stored, then those of AWS for its
/// region and those of which the region is not known. Where none of AWS's is known to be that of the region, all
/// of them: AWS may have published one that the list knows under another name.
pub(super) struct Pool<'a>(Vec<&'a TrustedCertificate>);

impl<'a> Pool<'a> {
    /// For the signer of a message, who is found by name.
    pub(super) fn of_messages(region: &str, stored: &'a [TrustedCertificate]) -> Self {
        Self::of(region, stored, |certificate| !certificate.signs_detached)
    }

    /// For a detached signature, which names nobody: its keys are tried in turn.
    pub(super) fn of_detached_signatures(region: &str, stored: &'a [TrustedCertificate]) -> Self {
        let Self(mut certificates) = Self::of(region, stored, |certificate| certificate.signs_detached);
        certificates.retain(|certificate| matches!(certificate.key, PublicKey::Rsa(_)));
        certificates.truncate(MAX_KEYS);
        Self(certificates)
    }

    fn of(region: &str, stored: &'a [TrustedCertificate], is_of_form: impl Fn(&BuiltIn) -> bool) -> Self {
        let is_known = built_in().iter().any(|known| is_of_form(known) && known.names(region));
        let published = built_in()
            .iter()
            .filter(|known| !is_known || known.regions.is_empty() || known.names(region))
            .map(|known| &known.certificate);
        Self(stored.iter().chain(published).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a TrustedCertificate> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests;
