//! The token by which the mount says who it is.

use serde_json::{Value, json};

use super::signing_key::{sign, url};
use super::{IssuerError, schedule};
use crate::entry::Issuer;
use crate::ports::Secret;

/// How long before it was made a token is valid, in seconds: clocks differ.
const BEFORE: i64 = 60;

/// Makes a token for an audience, of a life in seconds that the issuer bounds.
pub(super) fn made(
    issuer: &Issuer,
    audience: &str,
    ttl: i64,
    id: &str,
    now: i64,
) -> Result<Secret, IssuerError> {
    let key = schedule::signer(&issuer.keys, now).ok_or(IssuerError::KeyUnusable)?;
    let header = json!({"alg": key.algorithm.name(), "kid": key.id, "typ": "JWT"});
    let claims = json!({
        "iss": issuer.issuer,
        "sub": issuer.subject,
        "aud": audience,
        "iat": now,
        "nbf": now.saturating_sub(BEFORE),
        "exp": now.saturating_add(ttl),
        "jti": id,
    });
    let part = |value: &Value| url(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = sign(key, signed.as_bytes())?;
    Ok(format!("{signed}.{}", url(&signature)).into())
}
