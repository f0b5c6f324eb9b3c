//! Until when the calls of one request may run.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

/// Longest time for everything a request of the host does at AWS.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long before the end of a request its calls give up, so that their error, which names the call,
/// is what the request ends with.
pub(super) const LAST_WORD: Duration = Duration::from_millis(250);

/// The moment by which all calls of one request must have ended.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline of a request that starts now.
    #[must_use]
    pub fn start() -> Self {
        // Far below what an instant can hold; the fallback ends the request at once.
        let now = Instant::now();
        Self(now.checked_add(TOTAL_TIMEOUT).unwrap_or(now))
    }

    /// When calls must have ended.
    fn of_calls(self) -> Instant {
        self.0.checked_sub(LAST_WORD).unwrap_or(self.0)
    }

    /// Time that is left for calls.
    pub(super) fn remaining(self) -> Duration {
        self.of_calls().saturating_duration_since(Instant::now())
    }

    /// Waits for a call that others wait for as well, as long as for one of the request's own; `None`
    /// when it was not done by then.
    pub fn limit_call<T>(self, call: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        tokio::time::timeout_at(self.of_calls(), call).map(Result::ok)
    }

    /// Runs something until the deadline; `None` when it was not done by then.
    pub fn limit<T>(self, work: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        tokio::time::timeout_at(self.0, work).map(Result::ok)
    }
}
