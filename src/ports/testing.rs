//! Stand-ins for the ports, for unit tests.

use std::time::SystemTime;

use super::{Clock, Random};

/// A clock that stands.
pub(crate) struct StandingClock(pub(crate) SystemTime);

impl Clock for StandingClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// A source that gives the same byte for ever.
pub(crate) struct Same(pub(crate) u8);

impl Random for Same {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        buffer.fill(self.0);
        true
    }
}

/// A source that gives nothing.
pub(crate) struct Exhausted;

impl Random for Exhausted {
    fn fill(&self, _: &mut [u8]) -> bool {
        false
    }
}
