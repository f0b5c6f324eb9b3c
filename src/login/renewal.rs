//! Renewal: whether a token that was issued may live on.

use crate::framework::{Auth, Failure, HandlerResult, Request, Response};
use crate::login::ended::Ended;
use crate::login::token_data::iam_keys;
use crate::login::{ec2, iam};
use crate::mount::Mount;

/// Renews the token of a login, or says why it ends.
///
/// # Errors
/// Shown to the client by the host, with a prefix.
pub async fn renew(mount: &Mount, request: &Request) -> HandlerResult {
    let auth = renewed(mount, request).await.map_err(answer)?;
    Ok(Some(Response::with_auth(auth)))
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
