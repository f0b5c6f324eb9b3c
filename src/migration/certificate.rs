//! What is said of one entry of `config/certificate`.

use std::time::Duration;

use super::finding::Finding;
use super::own_members::unknown_members;
use super::rows::{CERTIFICATE_EXPIRED, CERTIFICATE_KEY, CERTIFICATE_UNREADABLE, ENTRY_UNREADABLE};
use crate::entry::{CertificateKind, Entry as _, StoredCertificate};
use crate::go::text::quote;
use crate::proof::identity_document::TrustedCertificate;

/// The findings about an entry at a time since the Unix epoch.
pub(super) fn findings(name: &str, stored: &[u8], now: Duration) -> Vec<Finding> {
    let path = StoredCertificate::key(name);
    let entry = match StoredCertificate::decode(stored) {
        Ok(entry) => entry,
        Err(error) => return vec![Finding::new(&path, &ENTRY_UNREADABLE, error.to_string())],
    };
    let mut found = Vec::new();
    let kind = entry.kind();
    match (kind, TrustedCertificate::from_pem(&entry.aws_public_cert)) {
        (_, Err(error)) => found.push(Finding::new(&path, &CERTIFICATE_UNREADABLE, error.to_string())),
        (None, Ok(_)) => {
            let seen = format!("type {}", quote(&entry.certificate_type));
            found.push(Finding::new(&path, &CERTIFICATE_UNREADABLE, seen));
        }
        (Some(kind), Ok(certificate)) => {
            if !certificate.verifies(kind == CertificateKind::Identity) {
                found.push(Finding::new(&path, &CERTIFICATE_KEY, format!("type {}", kind.as_str())));
            }
            if certificate.is_expired(now) {
                found.push(Finding::new(&path, &CERTIFICATE_EXPIRED, ""));
            }
        }
    }
    found.extend(unknown_members(&path, entry.unknown.keys()));
    found
}
