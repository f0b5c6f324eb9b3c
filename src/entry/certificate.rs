//! `config/certificate/<name>`: certificates of AWS that are not built in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Entry;

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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
    fn the_kind_is_stored_by_its_name() {
        let mut entry = StoredCertificate::default();
        entry.set_kind(CertificateKind::Identity);
        assert_eq!(
            (entry.certificate_type.as_str(), entry.kind()),
            ("identity", Some(CertificateKind::Identity))
        );
    }

    #[test]
    fn names_keep_their_case() {
        assert_eq!(StoredCertificate::key("Prod"), "config/certificate/Prod");
    }
}
