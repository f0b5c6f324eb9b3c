//! Stored certificates as they are read: brought to the current form, which is written back.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Mount;
use crate::entry::Entry;
use crate::framework::Failure;

/// What a certificate verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateType {
    /// PKCS#7 and RSA-2048 signatures.
    Pkcs7,
    /// Detached signatures of identity documents.
    Identity,
}

impl CertificateType {
    /// As it stands in requests and storage.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pkcs7 => "pkcs7",
            Self::Identity => "identity",
        }
    }

    /// The type of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Pkcs7, Self::Identity].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The stored entry `config/certificate/<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredCertificate {
    /// The certificate, PEM.
    pub(crate) aws_public_cert: String,
    /// `pkcs7` or `identity`; empty in entries older than the field.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Members of other versions.
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

impl Entry for StoredCertificate {}

impl StoredCertificate {
    /// Prefix of the storage keys.
    pub(crate) const PREFIX: &'static str = "config/certificate/";

    /// Storage key of a certificate; upper and lower case differ.
    pub(crate) fn key(name: &str) -> String {
        format!("{}{name}", Self::PREFIX)
    }

    /// Brings an entry of before the types to the current form; tells whether it changed.
    pub(crate) fn upgrade(&mut self) -> bool {
        let is_old = self.kind.is_empty();
        if is_old {
            CertificateType::Pkcs7.as_str().clone_into(&mut self.kind);
        }
        is_old
    }
}

impl Mount {
    /// A stored certificate.
    pub(crate) async fn certificate(&self, name: &str) -> Result<Option<StoredCertificate>, Failure> {
        let key = StoredCertificate::key(name);
        loop {
            let mut loaded = self.store().load::<StoredCertificate>(&key).await?;
            let Some(mut certificate) = loaded.entry.take() else {
                return Ok(None);
            };
            if !certificate.upgrade() {
                return Ok(Some(certificate));
            }
            // On a node that cannot write, the host sends the request to one that can.
            if self.store().replace(&key, &loaded, &certificate).await?.is_ok() {
                return Ok(Some(certificate));
            }
        }
    }
}
