//! Until when the calls of one request may run.

use std::fmt;
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
pub struct Deadline {
    end: Instant,
    allotted: Allotted,
}

/// How much time something was given in all; shown as `30 s of this request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allotted {
    seconds: u64,
    to: &'static str,
}

impl fmt::Display for Allotted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s of this {}", self.seconds, self.to)
    }
}

impl Deadline {
    /// The deadline of a request that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self::within(TOTAL_TIMEOUT)
    }

    /// The deadline of a request that starts now and may take longer than others.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self::of(time, "request")
    }

    /// The deadline of one look-up among those of a request: it has the time of a whole request of the
    /// usual kind, as far as its own request has that much left.
    #[must_use]
    pub fn of_look_up(self) -> Self {
        let own = Self::of(TOTAL_TIMEOUT, "look-up");
        if own.end < self.end { own } else { self }
    }

    fn of(time: Duration, to: &'static str) -> Self {
        // Far below what an instant can hold; the fallback ends the request at once.
        let now = Instant::now();
        let allotted = Allotted { seconds: time.as_secs(), to };
        Self { end: now.checked_add(time).unwrap_or(now), allotted }
    }

    /// How much time there was in all.
    pub(super) fn allotted(self) -> Allotted {
        self.allotted
    }

    /// When calls must have ended.
    fn of_calls(self) -> Instant {
        self.end.checked_sub(LAST_WORD).unwrap_or(self.end)
    }

    /// How long ago the time began.
    #[must_use]
    pub fn age(self) -> Duration {
        let left = self.end.saturating_duration_since(Instant::now());
        Duration::from_secs(self.allotted.seconds).saturating_sub(left)
    }

    /// Time that is left for calls.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.of_calls().saturating_duration_since(Instant::now())
    }

    /// Waits for a call that others wait for as well, as long as for one of the request's own; `None`
    /// when it was not done by then.
    pub fn limit_call<T>(self, call: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        tokio::time::timeout_at(self.of_calls(), call).map(Result::ok)
    }

    /// Runs something until the deadline; `None` when it was not done by then.
    pub fn limit<T>(self, work: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        tokio::time::timeout_at(self.end, work).map(Result::ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_up_ends_with_its_request_or_before_it() {
        let request = Deadline::within(Duration::from_secs(85));
        let look_up = request.of_look_up();
        assert_eq!(look_up.remaining(), TOTAL_TIMEOUT - LAST_WORD);
        assert_eq!(look_up.allotted().to_string(), "30 s of this look-up");
        tokio::time::advance(Duration::from_secs(60)).await;
        let last = request.of_look_up();
        assert_eq!(last.remaining(), Duration::from_secs(25) - LAST_WORD);
        assert_eq!(last.allotted().to_string(), "85 s of this request");
    }
}
