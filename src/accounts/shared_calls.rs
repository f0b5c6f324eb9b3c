//! Calls that more than one request may wait for.

use std::sync::Arc;

use crate::aws::calls::Calls;
use crate::aws::context::CallContext;
use crate::aws::deadline::Deadline;
use crate::ports::World;

/// What calls run with that more than one request may wait for: they may outlive the one that began
/// them, and have time of their own.
#[derive(Clone)]
pub struct SharedCalls {
    world: Arc<World>,
    calls: Arc<Calls>,
    max_attempts: u32,
}

impl SharedCalls {
    /// Calls into a world, counted in these books, each tried so often.
    #[must_use]
    pub fn new(world: Arc<World>, calls: Arc<Calls>, max_attempts: u32) -> Self {
        Self { world, calls, max_attempts }
    }

    /// How they run.
    #[must_use]
    pub fn context(&self, deadline: Deadline) -> CallContext<'_> {
        CallContext::new(&self.world, &self.calls, self.max_attempts, deadline)
    }

    /// Where they are counted.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }
}
