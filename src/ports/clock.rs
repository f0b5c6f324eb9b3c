//! Wall-clock time.

use std::time::SystemTime;

/// Tells the time. Timeouts do not use it: they follow the runtime's clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> SystemTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
