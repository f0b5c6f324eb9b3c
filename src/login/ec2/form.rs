//! The proof of an ec2 login: which of its two forms a request carries.

use std::sync::Arc;

use super::form_error::FormError;
use super::refused::Refused;
use crate::entry::StoredCertificate;
use crate::framework::Fields;
use crate::go::text::decode_base64;
use crate::mount::Mount;
use crate::proof::identity_document::ClaimedDocument;
use crate::store::StoreError;

/// An identity document and what signs it.
enum Proof<'a> {
    /// A PKCS#7 message with the document in it.
    Pkcs7(&'a str),
    /// The document, and a signature beside it. One of them may be empty; then it verifies nothing.
    Detached { document: Vec<u8>, signature: Vec<u8> },
}

impl<'a> Proof<'a> {
    fn of(fields: &'a Fields) -> Result<Self, FormError> {
        let text = |name| fields.text(name).unwrap_or("");
        let decoded = |name, failed| match text(name) {
            "" => Ok(Vec::new()),
            given => decode_base64(given).filter(|bytes| !bytes.is_empty()).ok_or(failed),
        };
        let document = decoded("identity", FormError::Document)?;
        let signature = decoded("signature", FormError::Signature)?;
        match (text("pkcs7"), document.is_empty(), signature.is_empty()) {
            ("", true, true) => Err(FormError::Neither),
            ("", _, _) => Ok(Self::Detached { document, signature }),
            (_, false, false) => Err(FormError::Both),
            (pkcs7, _, _) => Ok(Self::Pkcs7(pkcs7)),
        }
    }
}

/// The document that a request holds.
///
/// # Errors
/// The request is incomplete, or holds no document.
pub(super) fn claimed_document(fields: &Fields) -> Result<ClaimedDocument, Refused> {
    Ok(match Proof::of(fields)? {
        Proof::Pkcs7(text) => ClaimedDocument::pkcs7(text)?,
        Proof::Detached { document, signature } => ClaimedDocument::detached(document, signature)?,
    })
}

/// The certificates that operators have added. Where one of them cannot be read nothing is kept, so the
/// next login tries again.
pub(super) async fn stored_certificates(mount: &Mount) -> Result<Arc<Vec<StoredCertificate>>, Refused> {
    let store = mount.store();
    if let Some(kept) = store.cached_certificates() {
        return Ok(kept);
    }
    let start = store.start_certificates_read();
    let mut certificates = Vec::new();
    for name in store.list(StoredCertificate::PREFIX).await.map_err(StoreError::from)? {
        let certificate =
            store.read(&StoredCertificate::key(&name)).await?.ok_or(Refused::CertificateGone(name))?;
        certificates.push(certificate);
    }
    let certificates = Arc::new(certificates);
    store.keep_certificates(start, &certificates);
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::FieldValue;

    fn form(values: &[(&'static str, &str)]) -> Result<&'static str, String> {
        let mut fields = Fields::new();
        for (name, value) in values {
            fields.insert(name, FieldValue::Text((*value).to_owned()));
        }
        match Proof::of(&fields) {
            Ok(Proof::Pkcs7(_)) => Ok("pkcs7"),
            Ok(Proof::Detached { .. }) => Ok("detached"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn one_form_is_taken() {
        for (values, expected) in [
            (vec![("pkcs7", "x")], Ok("pkcs7")),
            (vec![("pkcs7", "x"), ("identity", "YQ==")], Ok("pkcs7")),
            (vec![("identity", "YQ=="), ("signature", "YQ==")], Ok("detached")),
            (vec![("identity", "Y\nQ=="), ("signature", "")], Ok("detached")),
            (
                vec![("pkcs7", "")],
                Err(
                    "either pkcs7 or a tuple containing the instance identity document and its SHA256 RSA signature needs to be provided",
                ),
            ),
            (
                vec![("pkcs7", "x"), ("identity", "YQ=="), ("signature", "YQ==")],
                Err(
                    "both pkcs7 and a tuple containing the instance identity document and its SHA256 RSA signature is supplied; provide only one",
                ),
            ),
            (
                vec![("identity", "***"), ("signature", "YQ==")],
                Err("failed to base64 decode the instance identity document"),
            ),
            (
                vec![("identity", "\n"), ("signature", "YQ==")],
                Err("failed to base64 decode the instance identity document"),
            ),
            (
                vec![("identity", "YQ=="), ("signature", "!!")],
                Err("failed to base64 decode the SHA256 RSA signature of the instance identity document"),
            ),
        ] {
            assert_eq!(form(&values), expected.map_err(str::to_owned), "{values:?}");
        }
    }
}
