//! What reaches beyond the process, apart from the host.

use std::sync::Arc;

use super::{Clock, Random, Transport};

/// The openings that all mounts of a process share.
pub struct World {
    /// HTTP towards AWS.
    pub transport: Arc<dyn Transport>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}
