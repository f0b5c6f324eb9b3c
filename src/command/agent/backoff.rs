//! How long to wait after a failure.

use std::time::Duration;

use vault_plugin_auth_aws::ports::Random;

/// Longest wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait ever.
const LONGEST: Duration = Duration::from_secs(60);

/// Counts failures in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One more failure; how long to wait. The longest wait doubles each time, and any shorter one is as
    /// likely: many agents that fail at once do not come back at once.
    pub(super) fn failed(&mut self, random: &dyn Random) -> Duration {
        let longest = FIRST.saturating_mul(2u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let mut bytes = [0; 8];
        if !random.fill(&mut bytes) {
            return longest;
        }
        let nanos = longest.as_nanos().saturating_mul(u64::from_ne_bytes(bytes).into()) >> u64::BITS;
        u64::try_from(nanos).map_or(longest, Duration::from_nanos)
    }

    /// It went well.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills with one byte; none at all if there is none.
    struct Always(Option<u8>);

    impl Random for Always {
        fn fill(&self, buffer: &mut [u8]) -> bool {
            buffer.fill(self.0.unwrap_or_default());
            self.0.is_some()
        }
    }

    fn waits(random: &Always, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::default();
        (0..count).map(|_| u64::try_from(backoff.failed(random).as_millis()).unwrap()).collect()
    }

    #[test]
    fn the_longest_wait_doubles_up_to_a_minute() {
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60].map(|seconds| seconds * 1000);
        assert_eq!(waits(&Always(None), 8), seconds);
        assert_eq!(waits(&Always(Some(255)), 8), seconds.map(|millis| millis - 1));
    }

    #[test]
    fn any_shorter_wait_is_as_likely() {
        assert_eq!(waits(&Always(Some(0)), 3), [0, 0, 0]);
        assert_eq!(waits(&Always(Some(0x80)), 3), [501, 1003, 2007]);
    }

    #[test]
    fn it_starts_anew_after_success_and_never_ends() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.failed(&Always(None)), LONGEST);
        backoff.succeeded();
        assert_eq!(backoff.failed(&Always(None)), FIRST);
    }
}
