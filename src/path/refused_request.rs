//! What is told of a request that is refused: to the operator always, to the client in strict mode.

use super::logged_text;
use crate::framework::{Failure, Request};
use crate::mount::Mount;
use crate::ports::short_id;

/// The failure under an id, of which the client is told in strict mode. What the host sends on to another node is
/// none.
pub(super) async fn named(mount: &Mount, failure: Failure) -> Failure {
    if failure.is_read_only() {
        return failure;
    }
    let is_strict = failure.is_told_id() || mount.is_strict().await;
    failure.in_strict_mode(is_strict).with_id(short_id(mount.world().random.as_ref()))
}

/// Logs a refusal that nobody has logged yet, and gives it an id.
pub(crate) async fn told(mount: &Mount, request: &Request, failure: Failure) -> Failure {
    if failure.id().is_some() || failure.is_read_only() {
        return failure;
    }
    let failure = named(mount, failure).await;
    tracing::debug!(
        id = logged_text::value(&request.id),
        mount = request.mount_point.as_str(),
        path = logged_text::value(&request.path),
        operation = request.operation.wire_name(),
        code = failure.code().as_str(),
        refusal_id = failure.id().unwrap_or(""),
        hint = failure.advice(),
        reason = logged_text::reason(failure.text()),
        "request refused"
    );
    failure
}
