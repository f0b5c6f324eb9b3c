//! Instance identity documents: what an EC2 instance shows to prove which one it is.
//!
//! AWS signs the document, a short JSON text, in three forms: a PKCS#7 message with a DSA signature
//! (`pkcs7`), one with an RSA signature (`rsa2048`), and a detached RSA signature (`signature`). The
//! first two carry the document inside, the last one stands beside it. Read, it is a [`ClaimedDocument`],
//! which can only make a caller be refused early; [`ClaimedDocument::verify`] alone makes a
//! [`VerifiedDocument`], out of exactly the bytes that the checked signature covers.
//!
//! What makes a signature count is a certificate in the pool: those that AWS publishes for the region of the
//! document, built in, and those that an operator stored for that form. No chain is built, certificates that
//! come with a message are never looked at, and a signer is matched by issuer and serial number, so the
//! certificate that was selected is the one whose key verifies. A message has exactly one signer.
//!
//! Everything here reads what an unauthenticated caller sent. Bounds are named constants, and no
//! input makes it panic.

mod ber;
mod certificates;
mod document;
mod pem;
mod pkcs7;
mod signature;

use thiserror::Error;

pub use certificates::{CertificateError, TrustedCertificate};
pub use document::{DocumentError, IdentityDocument};

use crate::entry::{CertificateKind, StoredCertificate};
use crate::refusal::{Code, Coded};
use certificates::Pool;
use pem::base64_of_lines;
use pkcs7::Message;
use signature::SignatureAlgorithm;

/// Longest base64 text of a PKCS#7 message, line breaks included.
pub const MAX_PKCS7_TEXT: usize = 2 * ber::MAX_LENGTH;
/// Longest identity document with a detached signature, in bytes. Real ones have about 500.
pub const MAX_DOCUMENT: usize = ber::MAX_LENGTH;

/// A document that a trusted certificate signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDocument {
    document: IdentityDocument,
}

impl VerifiedDocument {
    /// What the signed bytes say.
    #[must_use]
    pub fn document(&self) -> &IdentityDocument {
        &self.document
    }

    fn of_signed_bytes(bytes: &[u8]) -> Result<Self, VerificationError> {
        Ok(Self { document: IdentityDocument::parse(bytes)? })
    }
}

/// Why a document does not count. The texts are those of the API, which answers all of them with
/// HTTP 500.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VerificationError {
    /// The PKCS#7 text is not plain base64.
    #[error("failed to decode the PEM encoded PKCS#7 signature")]
    NotBase64,
    /// What the base64 holds is no PKCS#7 message.
    #[error("failed to parse the BER encoded PKCS#7 signature: {0}")]
    NotPkcs7(String),
    /// A signer is missing, unknown, or did not sign this.
    #[error("failed to verify the signature: {0}")]
    Untrusted(String),
    /// The message has signers and no content.
    #[error("instance identity document could not be found in the signature")]
    NoContent,
    /// A signature came without a document.
    #[error("missing instance identity document")]
    MissingDocument,
    /// A document came without a signature.
    #[error("missing SHA256 RSA signature of the instance identity document")]
    MissingSignature,
    /// No trusted certificate made the detached signature.
    #[error("instance identity verification using SHA256 RSA signature is unsuccessful")]
    Unsuccessful,
    /// The signed bytes are no JSON object, or a member is no text.
    #[error(transparent)]
    NotADocument(#[from] DocumentError),
    /// A certificate in the mount's storage does not parse.
    #[error(transparent)]
    StoredCertificate(#[from] CertificateError),
}

impl Coded for VerificationError {
    fn code(&self) -> Code {
        match self {
            Self::NotBase64 => Code::Ec2FormBase64,
            Self::NotPkcs7(_) | Self::NoContent => Code::Ec2Pkcs7Unreadable,
            Self::Untrusted(_) | Self::Unsuccessful => Code::Ec2SignatureUntrusted,
            Self::MissingDocument | Self::MissingSignature => Code::Ec2FormMissing,
            Self::NotADocument(_) => Code::Ec2DocumentUnreadable,
            Self::StoredCertificate(_) => Code::Ec2StoredCertificate,
        }
    }
}

/// What a request holds, read and not verified: nobody has vouched for it. Who sent it may be refused by it;
/// only [`ClaimedDocument::verify`] makes it count for anybody.
#[derive(Clone, Debug)]
pub struct ClaimedDocument {
    document: IdentityDocument,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// The message, DER.
    Pkcs7(Vec<u8>),
    /// The bytes of the document and the signature beside it.
    Detached { document: Vec<u8>, signature: Vec<u8> },
}

impl ClaimedDocument {
    /// Reads a PKCS#7 message as instances get it from the metadata service, in base64 and without PEM armour:
    /// the forms `pkcs7` and `rsa2048`.
    ///
    /// # Errors
    /// The text is malformed, has not exactly one signer, or its content is missing or no identity document.
    pub fn pkcs7(base64_text: &str) -> Result<Self, VerificationError> {
        let not_pkcs7 = |error: &dyn std::error::Error| VerificationError::NotPkcs7(error.to_string());
        if base64_text.len() > MAX_PKCS7_TEXT {
            return Err(not_pkcs7(&ber::BerError::TooLong));
        }
        let ber = base64_of_lines(base64_text).ok_or(VerificationError::NotBase64)?;
        let der = ber::to_der(&ber).map_err(|error| not_pkcs7(&error))?;
        let message = Message::parse(&der).map_err(|error| not_pkcs7(&error))?;
        let content = message.content().map_err(untrusted)?.ok_or(VerificationError::NoContent)?;
        let document = match IdentityDocument::parse(content) {
            Ok(document) => document,
            // Content that was exchanged is told as that, whatever it is.
            Err(error) => {
                message.check_digest().map_err(untrusted)?;
                return Err(error.into());
            }
        };
        Ok(Self { document, form: Form::Pkcs7(der) })
    }

    /// Takes a document and its detached signature.
    ///
    /// # Errors
    /// One of the two is missing, or the bytes are no identity document: AWS signs no such bytes.
    pub fn detached(document: Vec<u8>, signature: Vec<u8>) -> Result<Self, VerificationError> {
        if document.is_empty() {
            return Err(VerificationError::MissingDocument);
        }
        if signature.is_empty() {
            return Err(VerificationError::MissingSignature);
        }
        if document.len() > MAX_DOCUMENT {
            return Err(VerificationError::Unsuccessful);
        }
        let parsed = IdentityDocument::parse(&document).map_err(|_| VerificationError::Unsuccessful)?;
        Ok(Self { document: parsed, form: Form::Detached { document, signature } })
    }

    /// What it says, which may be anything.
    #[must_use]
    pub fn document(&self) -> &IdentityDocument {
        &self.document
    }

    /// Verifies the signature, with the built-in certificates of the region that the document names and the
    /// stored ones of the form: type `pkcs7` for messages, `identity` for a detached signature, which is RSA,
    /// PKCS#1 v1.5, over the SHA-256 of exactly these bytes.
    ///
    /// # Errors
    /// The signer is not trusted or did not sign this, or a stored certificate does not parse.
    pub fn verify<'a>(
        &self,
        stored: impl IntoIterator<Item = &'a StoredCertificate>,
    ) -> Result<VerifiedDocument, VerificationError> {
        let region = self.document.region.as_str();
        match &self.form {
            Form::Pkcs7(der) => {
                let message =
                    Message::parse(der).map_err(|error| VerificationError::NotPkcs7(error.to_string()))?;
                let stored = parsed(stored, CertificateKind::Pkcs7)?;
                let content = message
                    .verify(&Pool::of_messages(region, &stored))
                    .map_err(untrusted)?
                    .ok_or(VerificationError::NoContent)?;
                VerifiedDocument::of_signed_bytes(content)
            }
            Form::Detached { document, signature } => {
                let stored = parsed(stored, CertificateKind::Identity)?;
                let algorithm = SignatureAlgorithm::RSA_SHA256;
                let digest = algorithm.digest.of(document);
                let signed = |trusted: &&TrustedCertificate| {
                    trusted.key.verify_digest(algorithm, &digest, signature).is_ok()
                };
                match Pool::of_detached_signatures(region, &stored).iter().find(signed) {
                    Some(_) => VerifiedDocument::of_signed_bytes(document),
                    None => Err(VerificationError::Unsuccessful),
                }
            }
        }
    }
}

fn untrusted(error: pkcs7::SignerError) -> VerificationError {
    VerificationError::Untrusted(error.to_string())
}

/// The stored certificates of one type.
fn parsed<'a>(
    stored: impl IntoIterator<Item = &'a StoredCertificate>,
    kind: CertificateKind,
) -> Result<Vec<TrustedCertificate>, CertificateError> {
    stored
        .into_iter()
        .filter(|stored| stored.kind() == Some(kind))
        .map(|stored| TrustedCertificate::from_pem(&stored.aws_public_cert))
        .collect()
}

#[cfg(test)]
mod tests;
