//! The header by which a client binds its signature to one server.

use super::SignedRequest;
use crate::text::quote;

/// Its name as documented.
const HEADER: &str = "X-Vault-AWS-IAM-Server-ID";
/// Its canonical name.
const CANONICAL: &str = "X-Vault-Aws-Iam-Server-Id";
/// Its name among signed headers.
const SIGNED: &str = "x-vault-aws-iam-server-id";
const NOT_SIGNED: &str = "vault header wasn't signed";

/// Checks that the request carries the server's id, signed.
///
/// # Errors
/// The reason, as the client is told.
pub(super) fn check(request: &SignedRequest, required: &str) -> Result<(), String> {
    let got = request.headers.values(CANONICAL).join(",");
    if got.is_empty() {
        return Err(format!("missing header {}", quote(HEADER)));
    }
    if got != required {
        return Err(format!("expected {} but got {}", quote(required), quote(&got)));
    }
    let signed_headers = match &request.presigned {
        Some(query) => query.signed_headers.as_str(),
        None => {
            let authorization = request.authorization().ok_or("missing Authorization header")?;
            signed_headers(authorization).ok_or(NOT_SIGNED)?
        }
    };
    if signed_headers.split(';').any(|name| name == SIGNED) { Ok(()) } else { Err(NOT_SIGNED.to_owned()) }
}

/// The list of signed headers out of an `Authorization` value: after the last `SignedHeaders=` of
/// the first line that has one, up to the next comma.
fn signed_headers(authorization: &str) -> Option<&str> {
    const NAME: &str = "SignedHeaders=";
    let mut rest = authorization;
    loop {
        let line = rest.split('\n').next().unwrap_or("");
        let last = line.rmatch_indices(NAME).find_map(|(position, _)| {
            let value = rest.get(position.saturating_add(NAME.len())..)?;
            value.split(',').next().filter(|value| !value.is_empty())
        });
        if last.is_some() {
            return last;
        }
        rest = rest.split_once('\n')?.1;
    }
}

#[cfg(test)]
mod tests {
    use super::signed_headers;

    #[test]
    fn the_last_list_of_the_first_line_counts() {
        for (authorization, list) in [
            ("AWS4-HMAC-SHA256 Credential=x, SignedHeaders=a;b, Signature=y", Some("a;b")),
            ("SignedHeaders=a, SignedHeaders=b", Some("b")),
            ("SignedHeaders=a, SignedHeaders=,", Some("a")),
            ("x\nSignedHeaders=a b\nc,", Some("a b\nc")),
            ("SignedHeaders=", None),
            ("Bearer x", None),
        ] {
            assert_eq!(signed_headers(authorization), list, "{authorization}");
        }
    }
}
