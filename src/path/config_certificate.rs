//! `config/certificate`: certificates by which the signatures of instance identity documents are
//! verified, beside the ones that come with the plugin.

use serde_json::json;
use thiserror::Error;

use super::shape::{display, endpoint, list_response, name_pattern, object, verb};
use crate::entry::{CertificateKind, StoredCertificate};
use crate::framework::{
    DisplayAttributes, Endpoint, Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route,
};
use crate::go::text::{decode_base64, quote};
use crate::mount::Mount;
use crate::proof::identity_document::{CertificateError, TrustedCertificate};
use crate::refusal::{Code, Coded};

const FIELDS: &[Field] = &[
    Field::new("cert_name", FieldKind::Name, "Name of the certificate."),
    Field::new("aws_public_cert", FieldKind::String, "The certificate in PEM form, as it is or encoded in base64."),
    Field::new("type", FieldKind::String, "What the certificate verifies: `pkcs7` the PKCS#7 and RSA-2048 signatures, `identity` the detached signatures of identity documents.")
        .default_json("\"pkcs7\"")
        .allowed(&[CertificateKind::Pkcs7.as_str(), CertificateKind::Identity.as_str()]),
];

pub(super) fn route() -> Route<Mount> {
    let write = |operation| Endpoint {
        display: verb("configure", "certificate"),
        ..endpoint(operation, |mount, _, fields| Box::pin(write(mount, fields)))
    };
    let with_suffix = |endpoint| Endpoint {
        display: DisplayAttributes { operation_suffix: "certificate-configuration", ..display("") },
        ..endpoint
    };
    Route {
        pattern: concat!("config/certificate/", name_pattern!("cert_name")),
        fields: FIELDS,
        endpoints: vec![
            write(Operation::Create),
            write(Operation::Update),
            with_suffix(endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields)))),
            with_suffix(endpoint(Operation::Delete, |mount, _, fields| Box::pin(delete(mount, fields)))),
        ],
        // It brings nothing to the current form: on a node that cannot write, the question must be
        // answered before the host forwards the request.
        existence_check: Some(|mount, _, fields| {
            Box::pin(async move {
                let key = StoredCertificate::key(name(&fields));
                Ok(mount.store().read::<StoredCertificate>(&key).await?.is_some())
            })
        }),
        synopsis: "Registers a certificate for instance identity documents.",
        description: "
AWS signs the identity documents of its instances with keys that differ by region. The certificates of
many regions come with the plugin; those of newer ones are registered here. Whoever holds the key of a
registered certificate can make identity documents for any account, so register only what AWS publishes.
",
        display: display("certificate"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

pub(super) fn list_route() -> Route<Mount> {
    Route {
        pattern: "config/certificates/?",
        fields: &[],
        endpoints: vec![endpoint(Operation::List, |mount, _, _| Box::pin(list(mount)))],
        existence_check: None,
        synopsis: "Lists the registered certificates.",
        description: "Lists the names of the certificates that were registered for this mount.",
        display: display("certificate-configurations"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

fn name(fields: &Fields) -> &str {
    fields.text("cert_name").unwrap_or("")
}

/// Why a certificate is not registered.
#[derive(Debug, Error)]
enum Refused {
    /// Not given.
    #[error("missing aws_public_cert")]
    Missing,
    /// Given as nothing.
    #[error("invalid aws_public_cert")]
    Empty,
    /// No kind of certificates has this name.
    #[error("invalid certificate type {}", quote(.0))]
    Kind(String),
    /// No certificate.
    #[error(transparent)]
    NoCertificate(#[from] CertificateError),
}

impl Coded for Refused {
    fn code(&self) -> Code {
        Code::ConfigCertificate
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        match error {
            // As clients know it, although the mistake is theirs.
            Refused::NoCertificate(_) => Self::internal(&error),
            _ => Self::refused(&error),
        }
    }
}

async fn write(mount: &Mount, fields: Fields) -> HandlerResult {
    mount
        .store()
        .update::<_, _, Failure>(
            &StoredCertificate::key(name(&fields)),
            async |stored: Option<StoredCertificate>| {
                let mut certificate = stored.unwrap_or_default();
                certificate.upgrade();
                let kind = fields.text("type").unwrap_or(&certificate.certificate_type);
                certificate.set_kind(kind_of(kind)?);
                let Some(supplied) = fields.text("aws_public_cert") else {
                    return Err(Refused::Missing.into());
                };
                certificate.aws_public_cert = pem_of(supplied)?;
                Ok((Some(certificate), ()))
            },
        )
        .await?;
    Ok(None)
}

/// The kind that a request names, in any case.
fn kind_of(given: &str) -> Result<CertificateKind, Refused> {
    let name = given.to_lowercase();
    CertificateKind::from_name(&name).ok_or(Refused::Kind(name))
}

/// The certificate that a request gives: PEM, or base64 of PEM.
///
/// # Errors
/// It is empty, or not exactly one PEM block with an X.509 certificate.
fn pem_of(given: &str) -> Result<String, Refused> {
    let pem = match decode_base64(given) {
        Some(decoded) => String::from_utf8(decoded).unwrap_or_else(|_| given.to_owned()),
        None => given.to_owned(),
    };
    if pem.is_empty() {
        return Err(Refused::Empty);
    }
    TrustedCertificate::from_pem(&pem)?;
    Ok(pem)
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    let Some(certificate) = mount.certificate(name(&fields)).await? else {
        return Ok(None);
    };
    Ok(Some(Response::with_data(object([
        ("aws_public_cert", json!(certificate.aws_public_cert)),
        ("type", json!(certificate.certificate_type)),
    ]))))
}

async fn delete(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.store().delete(&StoredCertificate::key(name(&fields))).await?;
    Ok(None)
}

async fn list(mount: &Mount) -> HandlerResult {
    Ok(Some(list_response(&mount.store().list(StoredCertificate::PREFIX).await?)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::framework::Status;

    fn answered(refused: Refused) -> (Status, String) {
        let failure = Failure::from(refused);
        (failure.status(), failure.into_text())
    }

    const PEM: &str = include_str!("config_certificate.pem");

    #[test]
    fn types_are_given_in_any_case() {
        assert_eq!(kind_of("Identity").unwrap(), CertificateKind::Identity);
        assert_eq!(kind_of("PKCS7").unwrap(), CertificateKind::Pkcs7);
        for (given, shown) in [("", ""), ("X509", "x509")] {
            let text = format!("invalid certificate type \"{shown}\"");
            assert_eq!(answered(kind_of(given).unwrap_err()), (Status::BadRequest, text));
        }
    }

    #[test]
    fn certificates_are_given_as_pem_or_base64_of_it() {
        let base64 = STANDARD.encode(PEM);
        let in_lines =
            base64.as_bytes().chunks(64).map(<[u8]>::to_vec).collect::<Vec<_>>().join(&b"\r\n"[..]);
        for given in [PEM.to_owned(), base64, String::from_utf8(in_lines).unwrap()] {
            assert_eq!(pem_of(&given).unwrap(), PEM);
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let empty = "invalid aws_public_cert".to_owned();
        assert_eq!(answered(pem_of("").unwrap_err()), (Status::BadRequest, empty));
        let one_block = "invalid certificate; should be one PEM block only";
        for given in ["AQID", "/w==", "no certificate", &PEM.repeat(2), &STANDARD.encode(format!("{PEM}\n"))]
        {
            let refused = answered(pem_of(given).unwrap_err());
            assert_eq!(refused, (Status::Internal, one_block.to_owned()), "{given}");
        }
        let text = pem_of("-----BEGIN X-----\nAQID\n-----END X-----\n").unwrap_err().to_string();
        assert!(text.starts_with("x509: "), "{text}");
    }
}
