//! Verification of identity documents, from outside.

mod forms;
mod openssl;
mod properties;
mod tampering;
mod trust;

use vault_plugin_auth_aws::entry::{CertificateKind, StoredCertificate};
use vault_plugin_auth_aws::proof::identity_document::{ClaimedDocument, VerificationError, VerifiedDocument};

use testkit::identity::{Form, Message, Signer, stored};

/// The instance in the verified document, or the error's text.
fn instance(verified: Result<VerifiedDocument, VerificationError>) -> Result<String, String> {
    verified.map(|verified| verified.document().instance_id.clone()).map_err(|error| error.to_string())
}

fn verified_pkcs7(text: &str, stored: &[StoredCertificate]) -> Result<VerifiedDocument, VerificationError> {
    ClaimedDocument::pkcs7(text)?.verify(stored)
}

fn verified_detached(
    document: &[u8],
    signature: &[u8],
    stored: &[StoredCertificate],
) -> Result<VerifiedDocument, VerificationError> {
    ClaimedDocument::detached(document.to_vec(), signature.to_vec())?.verify(stored)
}

fn verify_pkcs7(text: &str, stored: &[StoredCertificate]) -> Result<String, String> {
    instance(verified_pkcs7(text, stored))
}

fn verify_detached(
    document: &[u8],
    signature: &[u8],
    stored: &[StoredCertificate],
) -> Result<String, String> {
    instance(verified_detached(document, signature, stored))
}

/// Verifies a message with these signers' certificates stored.
fn verify(message: &Message, trusted: &[&Signer]) -> Result<String, String> {
    let stored: Vec<_> = trusted.iter().map(|signer| stored(&signer.pem(), CertificateKind::Pkcs7)).collect();
    verify_pkcs7(&message.base64(Form::Definite), &stored)
}

/// The text of a refusal by the signers.
fn untrusted(detail: &str) -> Result<String, String> {
    Err(format!("failed to verify the signature: {detail}"))
}

const NO_CERTIFICATE: &str = "pkcs7: No certificate for signer";
const NO_SIGNERS: &str = "pkcs7: Message has no signers";
const TOO_MANY_SIGNERS: &str = "pkcs7: Message has more than one signer";
const WRONG: &str = "pkcs7: the signature does not fit the content";
const NOT_FOUND: &str = "instance identity document could not be found in the signature";
const UNSUCCESSFUL: &str = "instance identity verification using SHA256 RSA signature is unsuccessful";
