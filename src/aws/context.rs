//! Through what, and how long, calls run.

use std::time::SystemTime;

use crate::aws::calls::{Calls, Purpose};
use crate::aws::deadline::Deadline;
use crate::ports::{Random, Transport, World};

/// Attempts when the configuration leaves their number to the SDK (`max_retries` below zero).
const DEFAULT_ATTEMPTS: u32 = 4;

/// The number of attempts for a configured `max_retries`.
#[must_use]
pub fn attempts(max_retries: i64) -> u32 {
    u32::try_from(max_retries).map_or(DEFAULT_ATTEMPTS, |retries| retries.saturating_add(1))
}

/// Through what, and how long, a call runs.
#[derive(Clone, Copy)]
pub struct CallContext<'a> {
    /// HTTP.
    pub transport: &'a dyn Transport,
    /// For pauses.
    pub random: &'a dyn Random,
    /// Signing time.
    pub now: SystemTime,
    /// When it must have ended.
    pub deadline: Deadline,
    /// Attempts at the most.
    pub max_attempts: u32,
    /// Where attempts are counted.
    pub calls: &'a Calls,
    /// From which budget the server's own calls are made.
    pub purpose: Purpose,
}

impl<'a> CallContext<'a> {
    /// Calls into a world, counted in these books.
    #[must_use]
    pub fn new(world: &'a World, calls: &'a Calls, max_attempts: u32, deadline: Deadline) -> Self {
        Self {
            transport: world.transport.as_ref(),
            random: world.random.as_ref(),
            now: world.clock.now(),
            deadline,
            max_attempts,
            calls,
            purpose: Purpose::General,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_become_attempts() {
        assert_eq!([-7, -1, 0, 3].map(attempts), [4, 4, 1, 4]);
        assert_eq!(attempts(i64::MAX), DEFAULT_ATTEMPTS);
    }
}
