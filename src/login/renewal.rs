//! Renewal: whether a token that was issued may live on.

use crate::framework::{Auth, Failure, HandlerResult, Request};
use crate::go::text::quote;
use crate::login::iam::internal;
use crate::login::{ec2, iam};
use crate::mount::Mount;

/// Renews the token of a login, or says why it ends.
///
/// # Errors
/// Shown to the client by the host, with a prefix.
pub async fn renew(mount: &Mount, request: &Request) -> HandlerResult {
    let auth = request.auth.clone().ok_or_else(|| ended("request auth was nil"))?;
    match auth.metadata.get("auth_type").map(String::as_str) {
        Some("iam") => iam::renewal::renew(mount, auth).await,
        Some("ec2") => ec2::renewal::renew(mount, auth).await,
        Some(other) => Err(Failure::Internal(format!("unrecognized auth_type: {}", quote(other)))),
        // The operator may leave `auth_type` out of the metadata; the data for renewal tells too.
        None if auth.internal_data.contains_key(internal::ROLE_NAME) => {
            iam::renewal::renew(mount, auth).await
        }
        None => ec2::renewal::renew(mount, auth).await,
    }
}

pub(crate) fn ended(text: &str) -> Failure {
    Failure::Internal(text.to_owned())
}

/// A value that a login left behind: in the data for renewal, or in the metadata of older tokens.
pub(crate) fn left_behind<'a>(auth: &'a Auth, key: &str) -> Result<&'a str, Failure> {
    match auth.internal_data.get(key) {
        Some(serde_json::Value::String(text)) => Ok(text),
        Some(_) => Err(Failure::Internal(format!(
            "unable to fetch {} from auth metadata due to its type",
            quote(key)
        ))),
        None => auth
            .metadata
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| Failure::Internal(format!("{} not found in auth metadata", quote(key)))),
    }
}
