//! Signed identity documents, made as AWS makes them, with keys of the tests.

pub mod asn1;
mod encoding;
pub mod message;
pub mod signer;

pub use encoding::base64;
pub use message::{Form, Message, SignerInfo};
pub use signer::{Digest, Signer};

use vault_plugin_auth_aws::entry::{CertificateKind, StoredCertificate};
use vault_plugin_auth_aws::proof::identity_document::TrustedCertificate;

/// The document of an instance.
pub fn document(instance: &str, account: &str) -> Vec<u8> {
    format!(
        "{{\n  \"accountId\" : \"{account}\",\n  \"imageId\" : \"ami-0123456789abcdef0\",\n  \
         \"instanceId\" : \"{instance}\",\n  \"pendingTime\" : \"2026-01-02T03:04:05Z\",\n  \
         \"region\" : \"us-east-1\"\n}}"
    )
    .into_bytes()
}

/// A document as the metadata service gives its `pkcs7` and `rsa2048` forms: with attributes, without
/// certificates, BER, base64.
pub fn pkcs7(signer: &Signer, document: &[u8]) -> String {
    Message::signed_by(signer, document).base64(Form::Indefinite)
}

/// A stored certificate of a kind.
pub fn stored(pem: &str, kind: CertificateKind) -> StoredCertificate {
    let mut entry = StoredCertificate::default();
    entry.set_kind(kind);
    TrustedCertificate::from_pem(pem).expect("a certificate that a mount accepts");
    pem.clone_into(&mut entry.aws_public_cert);
    entry
}
