//! `config/certificate`: certificates by which the signatures of instance identity documents are
//! verified, beside the ones that come with the plugin.

use serde_json::json;

use super::shape::{display, endpoint, list_response, name_pattern, object, verb};
use crate::entry::{CertificateKind, StoredCertificate};
use crate::framework::{
    DisplayAttributes, Endpoint, Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route,
};
use crate::mount::Mount;

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
    }
}

fn name(fields: &Fields) -> &str {
    fields.text("cert_name").unwrap_or("")
}

async fn write(mount: &Mount, fields: Fields) -> HandlerResult {
    mount
        .store()
        .update(&StoredCertificate::key(name(&fields)), async |stored: Option<StoredCertificate>| {
            let mut certificate = stored.unwrap_or_default();
            certificate.upgrade();
            let kind = fields.text("type").unwrap_or(&certificate.certificate_type);
            certificate.set_kind(CertificateKind::from_input(kind)?);
            let Some(supplied) = fields.text("aws_public_cert") else {
                return Err(Failure::Refused("missing aws_public_cert".to_owned()));
            };
            certificate.set_certificate(supplied)?;
            Ok((Some(certificate), ()))
        })
        .await?;
    Ok(None)
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
