//! With what a request is signed, and what its signature covers.

use aws_lc_rs::digest::{SHA256, digest};

use super::super::authorization::Authorization;
use super::super::headers::ClientHeaders;

/// Access key id and session token of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signer<'a> {
    access_key_id: &'a str,
    session_token: Option<&'a str>,
}

impl<'a> Signer<'a> {
    /// Those of a request that is signed in a header; `None` if it has more than one token.
    pub(super) fn of(headers: &'a ClientHeaders, authorization: &Authorization<'a>) -> Option<Self> {
        let session_token = match headers.values("X-Amz-Security-Token") {
            [] => None,
            [token] => Some(token.as_str()),
            _ => return None,
        };
        let access_key_id = authorization.credential.split('/').next()?;
        Some(Self { access_key_id, session_token })
    }
}

/// The signature in the header, if it can be read in one way alone.
pub(super) fn authorization(headers: &ClientHeaders) -> Option<Authorization<'_>> {
    headers.authorization().and_then(Authorization::parse)
}

/// Whether a signature covers the header of this name, in lower case.
pub(super) fn is_signed(authorization: &Authorization<'_>, name: &str) -> bool {
    authorization.signed_headers.split(';').any(|signed| signed == name)
}

/// The hash, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
