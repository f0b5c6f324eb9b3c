//! The client configuration as one request sees it.

use std::sync::Arc;

use crate::entry::ClientConfig;

/// The client configuration as one request sees it.
#[derive(Clone)]
pub struct ConfigSnapshot {
    /// What is stored, or the defaults.
    pub config: Arc<ClientConfig>,
    /// Whether anything is stored.
    pub is_stored: bool,
    /// Rises with every change to `config/client` and `config/sts`.
    pub generation: u64,
}
