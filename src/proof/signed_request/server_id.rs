//! The header by which a client binds its signature to one server.

use super::authorization::Authorization;
use super::headers::ClientHeaders;
use super::server_id_error::ServerIdError;
use super::shape::Shape;

/// Its canonical name.
pub(super) const CANONICAL: &str = "X-Vault-Aws-Iam-Server-Id";
/// Its name among signed headers.
const SIGNED: &str = "x-vault-aws-iam-server-id";

/// Checks that a request carries the server's id, signed.
///
/// # Errors
/// Why not.
pub(super) fn check(headers: &ClientHeaders, shape: &Shape, required: &str) -> Result<(), ServerIdError> {
    let got = headers.values(CANONICAL).join(",");
    if got.is_empty() {
        return Err(ServerIdError::Missing);
    }
    if got != required {
        return Err(ServerIdError::Mismatch { required: required.to_owned(), got });
    }
    let signed_headers = match shape.presigned() {
        Some(query) => query.signed_headers.as_str(),
        None => {
            let authorization = headers.authorization().ok_or(ServerIdError::NoAuthorization)?;
            Authorization::parse(authorization).ok_or(ServerIdError::NotSigned)?.signed_headers
        }
    };
    if signed_headers.split(';').any(|name| name == SIGNED) { Ok(()) } else { Err(ServerIdError::NotSigned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::signed_request::SignedRequestError;
    use crate::refusal::{Code, Coded};

    #[test]
    fn each_fault_is_told_apart() {
        let told = |id: &str, authorization: &str| {
            let header = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
            let mut sent = vec![header(CANONICAL, id)];
            if !authorization.is_empty() {
                sent.push(header("Authorization", authorization));
            }
            let error = check(&ClientHeaders::collect(&sent), &Shape::Get, "vault").unwrap_err();
            (error.code(), SignedRequestError::ServerId(error).to_string())
        };
        const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sts/aws4_request, SignedHeaders=host;x-vault-aws-iam-server-id, Signature=00";
        for (id, authorization, code, text) in [
            (
                "",
                SIGNED,
                Code::ServerIdMissing,
                "error validating X-Vault-AWS-IAM-Server-ID header: missing header \"X-Vault-AWS-IAM-Server-ID\"",
            ),
            (
                "other",
                SIGNED,
                Code::ServerIdMismatch,
                "error validating X-Vault-AWS-IAM-Server-ID header: expected \"vault\" but got \"other\"",
            ),
            (
                "vault",
                "",
                Code::ServerIdNotSigned,
                "error validating X-Vault-AWS-IAM-Server-ID header: missing Authorization header",
            ),
            (
                "vault",
                "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00",
                Code::ServerIdNotSigned,
                "error validating X-Vault-AWS-IAM-Server-ID header: vault header wasn't signed",
            ),
        ] {
            assert_eq!(told(id, authorization), (code, text.to_owned()), "{id} {authorization}");
        }
    }

    /// Five writings that were once believed, each with a list that AWS may not go by.
    #[test]
    fn a_second_list_of_signed_headers_is_none_at_all() {
        const CREDENTIAL: &str = "Credential=AKID/20260101/us-east-1/sts/aws4_request";
        const LIST: &str = "SignedHeaders=host;x-vault-aws-iam-server-id";
        for authorization in [
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {LIST}, signedheaders=host, Signature=00"),
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {LIST}, X=SignedHeaders=host, Signature=00"),
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {LIST}, SignedHeaders =host, Signature=00"),
            format!("AWS4-HMAC-SHA256 {CREDENTIAL} SignedHeaders=host, {LIST}, Signature=00"),
            format!("AWS4-HMAC-SHA256 {LIST}, Signature=00;SignedHeaders=host, {CREDENTIAL}"),
        ] {
            let header = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
            let sent = [header(CANONICAL, "vault"), header("Authorization", &authorization)];
            let checked = check(&ClientHeaders::collect(&sent), &Shape::Get, "vault");
            assert_eq!(checked, Err(ServerIdError::NotSigned), "{authorization}");
        }
    }
}
