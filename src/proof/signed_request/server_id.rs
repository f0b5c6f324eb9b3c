//! The header by which a client binds its signature to one server.

use super::headers::ClientHeaders;
use super::server_id_error::ServerIdError;
use super::shape::Shape;

/// Its canonical name.
const CANONICAL: &str = "X-Vault-Aws-Iam-Server-Id";
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
            signed_headers(authorization).ok_or(ServerIdError::NotSigned)?
        }
    };
    if signed_headers.split(';').any(|name| name == SIGNED) { Ok(()) } else { Err(ServerIdError::NotSigned) }
}

/// The list of signed headers out of an `Authorization` value. The value is read as AWS reads it: the
/// algorithm, then names and values between commas. A list that stands under another name, or inside
/// another value, is not the one AWS goes by; and which of two it would go by nobody knows, so two
/// are none.
fn signed_headers(authorization: &str) -> Option<&str> {
    let (_algorithm, parameters) = authorization.trim_ascii_start().split_once(' ')?;
    let mut lists = parameters
        .split(',')
        .filter_map(|parameter| parameter.trim_ascii().split_once('='))
        .filter(|(name, _)| *name == "SignedHeaders")
        .map(|(_, list)| list);
    let list = lists.next().filter(|list| !list.is_empty())?;
    lists.next().is_none().then_some(list)
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
        const SIGNED: &str = "AWS4-HMAC-SHA256 SignedHeaders=host;x-vault-aws-iam-server-id";
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
                "AWS4-HMAC-SHA256 SignedHeaders=host",
                Code::ServerIdNotSigned,
                "error validating X-Vault-AWS-IAM-Server-ID header: vault header wasn't signed",
            ),
        ] {
            assert_eq!(told(id, authorization), (code, text.to_owned()), "{id} {authorization}");
        }
    }

    #[test]
    fn one_list_of_signed_headers_counts() {
        for (authorization, list) in [
            ("AWS4-HMAC-SHA256 Credential=x, SignedHeaders=a;b, Signature=y", Some("a;b")),
            ("AWS4-HMAC-SHA256 Credential=x,SignedHeaders=a;b,Signature=y", Some("a;b")),
            ("AWS4-HMAC-SHA256  SignedHeaders=a;b,Signature=y,Credential=x", Some("a;b")),
            ("AWS4-HMAC-SHA256 SignedHeaders=a, SignedHeaders=b", None),
            ("AWS4-HMAC-SHA256 SignedHeaders=a, SignedHeaders=,", None),
            ("AWS4-HMAC-SHA256 SignedHeaders=, SignedHeaders=a", None),
            ("AWS4-HMAC-SHA256 SignedHeaders=a b", Some("a b")),
            ("AWS4-HMAC-SHA256 SignedHeaders=a, X=SignedHeaders=b", Some("a")),
            ("AWS4-HMAC-SHA256 SignedHeaders=a, X= SignedHeaders=b", Some("a")),
            ("AWS4-HMAC-SHA256 SignedHeaders=a, X-SignedHeaders=b", Some("a")),
            ("AWS4-HMAC-SHA256 signedheaders=a", None),
            ("SignedHeaders=a", None),
            ("AWS4-HMAC-SHA256 SignedHeaders=", None),
            ("Bearer x", None),
            ("", None),
        ] {
            assert_eq!(signed_headers(authorization), list, "{authorization}");
        }
    }
}
