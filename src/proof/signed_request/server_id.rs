//! The header by which a client binds its signature to one server.

use super::headers::ClientHeaders;
use super::presigned::PresignedQuery;
use crate::go::text::quote;

/// Its name as documented.
const HEADER: &str = "X-Vault-AWS-IAM-Server-ID";
/// Its canonical name.
const CANONICAL: &str = "X-Vault-Aws-Iam-Server-Id";
/// Its name among signed headers.
const SIGNED: &str = "x-vault-aws-iam-server-id";
const NOT_SIGNED: &str = "vault header wasn't signed";

/// Checks that a request carries the server's id, signed.
///
/// # Errors
/// The reason, as the client is told.
pub(super) fn check(
    headers: &ClientHeaders,
    presigned: Option<&PresignedQuery>,
    required: &str,
) -> Result<(), String> {
    let got = headers.values(CANONICAL).join(",");
    if got.is_empty() {
        return Err(format!("missing header {}", quote(HEADER)));
    }
    if got != required {
        return Err(format!("expected {} but got {}", quote(required), quote(&got)));
    }
    let signed_headers = match presigned {
        Some(query) => query.signed_headers.as_str(),
        None => {
            let authorization = headers.authorization().ok_or("missing Authorization header")?;
            signed_headers(authorization).ok_or(NOT_SIGNED)?
        }
    };
    if signed_headers.split(';').any(|name| name == SIGNED) { Ok(()) } else { Err(NOT_SIGNED.to_owned()) }
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
    use super::signed_headers;

    #[test]
    fn the_last_parameter_of_the_name_counts() {
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
