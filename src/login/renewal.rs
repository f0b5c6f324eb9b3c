//! Renewal: whether a token that was issued may live on.

use crate::framework::{Failure, HandlerResult, Request};
use crate::go::text::quote;
use crate::login::token_data::{ended, iam_keys};
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
        None if auth.internal_data.contains_key(iam_keys::ROLE_NAME) => {
            iam::renewal::renew(mount, auth).await
        }
        None => ec2::renewal::renew(mount, auth).await,
    }
}
