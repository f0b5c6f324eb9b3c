//! Whether a node is a standby, as it is asked at every login.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ports::SystemView;

/// How long a node that was no standby counts as none: a login more or less costs one question to the host, and
/// on a node that has just become a standby one more call to STS.
const LIFETIME: Duration = Duration::from_secs(1);

/// When the host last said that this node is no standby.
#[derive(Default)]
pub(super) struct Standby {
    none_at: Mutex<Option<Instant>>,
}

impl Standby {
    /// Whether this node is one. Where the host does not say, it is none.
    pub(super) async fn ask(&self, host: &dyn SystemView) -> bool {
        let asked_at = Instant::now();
        if self.was_none_shortly_before(asked_at) {
            return false;
        }
        match host.replication_state().await {
            Ok(replication) if replication.performance_standby() => true,
            Ok(_) => {
                self.is_none_at(asked_at);
                false
            }
            Err(error) => {
                tracing::debug!(reason = %error, "the replication state is unknown; the login is served here");
                false
            }
        }
    }

    fn was_none_shortly_before(&self, now: Instant) -> bool {
        let none_at = *self.none_at.lock().unwrap_or_else(PoisonError::into_inner);
        none_at.is_some_and(|then| now.saturating_duration_since(then) < LIFETIME)
    }

    fn is_none_at(&self, now: Instant) {
        *self.none_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}
