//! What a mount remembers of the rotations that the plugin does by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Whose turn it is to rotate, and whether there may be anything to do.
pub(crate) struct RotationTurn {
    turn: Arc<Mutex<()>>,
    may_be_pending: AtomicBool,
}

impl Default for RotationTurn {
    fn default() -> Self {
        Self { turn: Arc::default(), may_be_pending: AtomicBool::new(true) }
    }
}

impl RotationTurn {
    /// The turn, if nobody has it.
    pub(super) fn try_turn(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.turn).try_lock_owned().ok()
    }

    /// The turn, when nobody has it any more.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Whether a key may be pending although the plugin is not to rotate: after a start nobody knows.
    pub(super) fn may_be_pending(&self) -> bool {
        self.may_be_pending.load(Ordering::Acquire)
    }

    pub(super) fn set_may_be_pending(&self, may_be_pending: bool) {
        self.may_be_pending.store(may_be_pending, Ordering::Release);
    }
}
