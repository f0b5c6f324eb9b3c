//! `config/certificate/<name>`: certificates of AWS that are not built in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Entry;
use crate::framework::Failure;
use crate::go::text::{decode_base64, quote};
use crate::proof::identity_document::TrustedCertificate;

/// Which form of a signed identity document a stored certificate verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// PKCS#7 messages, of DSA and of RSA: `pkcs7`.
    Pkcs7,
    /// Detached signatures: `identity`.
    Identity,
}

impl CertificateKind {
    /// The kind of new entries that do not say one.
    pub const DEFAULT: Self = Self::Pkcs7;

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pkcs7, Self::Identity].into_iter().find(|kind| kind.as_str() == name)
    }

    /// The kind that a request names, in any case.
    ///
    /// # Errors
    /// There is no such kind.
    pub fn from_input(given: &str) -> Result<Self, Failure> {
        let name = given.to_lowercase();
        Self::from_name(&name)
            .ok_or_else(|| Failure::Refused(format!("invalid certificate type {}", quote(&name))))
    }

    /// Its name in the API and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pkcs7 => "pkcs7",
            Self::Identity => "identity",
        }
    }
}

/// The stored entry `config/certificate/<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredCertificate {
    /// The certificate, PEM.
    pub aws_public_cert: String,
    /// Name of its kind.
    #[serde(rename = "type")]
    pub certificate_type: String,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for StoredCertificate {}

impl StoredCertificate {
    /// Prefix of the storage keys.
    pub const PREFIX: &'static str = "config/certificate/";

    /// Storage key of a certificate; names keep their case.
    #[must_use]
    pub fn key(name: &str) -> String {
        format!("{}{name}", Self::PREFIX)
    }

    /// The kind; `None` for a stored value nobody knows, which verifies nothing.
    #[must_use]
    pub fn kind(&self) -> Option<CertificateKind> {
        if self.certificate_type.is_empty() {
            return Some(CertificateKind::DEFAULT);
        }
        CertificateKind::from_name(&self.certificate_type)
    }

    /// Gives entries older than the types theirs.
    ///
    /// Returns whether the entry changed and should be written back.
    pub fn upgrade(&mut self) -> bool {
        let is_old = self.certificate_type.is_empty();
        if is_old {
            CertificateKind::DEFAULT.as_str().clone_into(&mut self.certificate_type);
        }
        is_old
    }

    /// Sets the kind.
    pub fn set_kind(&mut self, kind: CertificateKind) {
        kind.as_str().clone_into(&mut self.certificate_type);
    }

    /// Sets the certificate as a request gives it: PEM, or base64 of PEM.
    ///
    /// # Errors
    /// It is empty (the client's error), or not exactly one PEM block with an X.509 certificate
    /// (an internal error, as the API has it).
    pub fn set_certificate(&mut self, given: &str) -> Result<(), Failure> {
        let pem = match decode_base64(given) {
            Some(decoded) => String::from_utf8(decoded).unwrap_or_else(|_| given.to_owned()),
            None => given.to_owned(),
        };
        if pem.is_empty() {
            return Err(Failure::Refused("invalid aws_public_cert".to_owned()));
        }
        TrustedCertificate::from_pem(&pem).map_err(|error| Failure::Internal(error.to_string()))?;
        self.aws_public_cert = pem;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    const PEM: &str = include_str!("certificate.pem");

    #[test]
    fn an_entry_older_than_the_types_is_of_pkcs7() {
        let mut entry = StoredCertificate::decode(br#"{"aws_public_cert":"x","type":"","later":1}"#).unwrap();
        assert_eq!(entry.kind(), Some(CertificateKind::Pkcs7));
        assert!(entry.upgrade());
        assert!(!entry.upgrade());
        let written: Value = serde_json::from_slice(&entry.encode().unwrap()).unwrap();
        assert_eq!(written, json!({"aws_public_cert": "x", "type": "pkcs7", "later": 1}));
    }

    #[test]
    fn a_stored_type_nobody_knows_is_kept_and_verifies_nothing() {
        let mut entry = StoredCertificate::decode(br#"{"aws_public_cert":"x","type":"later"}"#).unwrap();
        assert_eq!((entry.kind(), entry.upgrade()), (None, false));
        assert_eq!(entry.certificate_type, "later");
    }

    #[test]
    fn types_are_given_in_any_case() {
        assert_eq!(CertificateKind::from_input("Identity"), Ok(CertificateKind::Identity));
        assert_eq!(CertificateKind::from_input("PKCS7"), Ok(CertificateKind::Pkcs7));
        for (given, shown) in [("", ""), ("X509", "x509")] {
            let text = format!("invalid certificate type \"{shown}\"");
            assert_eq!(CertificateKind::from_input(given), Err(Failure::Refused(text)));
        }
        let mut entry = StoredCertificate::default();
        entry.set_kind(CertificateKind::Identity);
        assert_eq!(
            (entry.certificate_type.as_str(), entry.kind()),
            ("identity", Some(CertificateKind::Identity))
        );
    }

    #[test]
    fn certificates_are_given_as_pem_or_base64_of_it() {
        let base64 = STANDARD.encode(PEM);
        let in_lines =
            base64.as_bytes().chunks(64).map(<[u8]>::to_vec).collect::<Vec<_>>().join(&b"\r\n"[..]);
        for given in [PEM.to_owned(), base64, String::from_utf8(in_lines).unwrap()] {
            let mut entry = StoredCertificate::default();
            entry.set_certificate(&given).unwrap();
            assert_eq!(entry.aws_public_cert, PEM);
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused_and_changes_nothing() {
        let mut entry = StoredCertificate { aws_public_cert: "before".to_owned(), ..Default::default() };
        assert_eq!(entry.set_certificate(""), Err(Failure::Refused("invalid aws_public_cert".to_owned())));
        let one_block = "invalid certificate; should be one PEM block only";
        for given in ["AQID", "/w==", "no certificate", &PEM.repeat(2), &STANDARD.encode(format!("{PEM}\n"))]
        {
            assert_eq!(entry.set_certificate(given), Err(Failure::Internal(one_block.to_owned())), "{given}");
        }
        let Err(Failure::Internal(text)) =
            entry.set_certificate("-----BEGIN X-----\nAQID\n-----END X-----\n")
        else {
            panic!("three bytes are no certificate");
        };
        assert!(text.starts_with("x509: "), "{text}");
        assert_eq!(entry.aws_public_cert, "before");
    }

    #[test]
    fn names_keep_their_case() {
        assert_eq!(StoredCertificate::key("Prod"), "config/certificate/Prod");
    }
}
