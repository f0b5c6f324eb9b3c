//! Renewal: whether a token that was issued may live on.

use serde_json::Value;

use crate::framework::{Auth, Failure, HandlerResult, Request, Response};
use crate::login::ended::Ended;
use crate::login::token_data::iam_keys;
use crate::login::{ec2, iam, jwt};
use crate::mount::Mount;

/// Renews the token of a login, or says why it ends.
///
/// # Errors
/// Shown to the client by the host, with a prefix.
pub async fn renew(mount: &Mount, request: &Request) -> HandlerResult {
    match renewed(mount, request).await {
        Ok(auth) => Ok(Some(Response::with_auth(auth))),
        Err(ended) => Err(answer(ended).in_strict_mode(mount.is_strict_role(role_of(request)))),
    }
}

/// The role of an iam login, as its token names it; empty if it names none.
fn role_of(request: &Request) -> &str {
    let data = request.auth.as_ref().map(|auth| &auth.internal_data);
    data.and_then(|data| data.get(iam_keys::ROLE_NAME)).and_then(Value::as_str).unwrap_or("")
}

/// A renewal has no error responses: whatever ends a token, the host sees an error.
fn answer(ended: Ended) -> Failure {
    match ended {
        Ended::Mount(failure) => failure,
        ended => Failure::internal(&ended),
    }
}

async fn renewed(mount: &Mount, request: &Request) -> Result<Auth, Ended> {
    let auth = request.auth.clone().ok_or(Ended::NoAuth)?;
    match auth.metadata.get("auth_type").map(String::as_str) {
        Some("iam") | None if jwt::renewal::is_of_jwt(&auth) => jwt::renewal::renew(mount, auth).await,
        Some("iam") => iam::renewal::renew(mount, auth).await,
        Some("ec2") => ec2::renewal::renew(mount, auth).await,
        Some(other) => Err(Ended::AuthType(other.to_owned())),
        // The operator may leave `auth_type` out of the metadata; the data for renewal tells too.
        None if auth.internal_data.contains_key(iam_keys::ROLE_NAME) => {
            iam::renewal::renew(mount, auth).await
        }
        None => ec2::renewal::renew(mount, auth).await,
    }
}
