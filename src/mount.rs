//! One mounted auth method.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::framework::{Existence, Failure, HostFlavor, Reply, Request};
use crate::ports::{Clock, Random, Storage, SystemView, Transport};

/// What all mounts of a process share.
pub struct Environment {
    /// HTTP towards AWS.
    pub transport: Arc<dyn Transport>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The server the plugin runs under.
    pub host: HostFlavor,
}

/// What the host says when it sets up a mount.
pub struct MountSetup {
    /// Mount options, plus `plugin_name`, `plugin_type` and `plugin_version`; empty at registration.
    pub config: BTreeMap<String, String>,
    /// Stable id of the mount; empty at registration.
    pub backend_uuid: String,
    /// The mount's storage.
    pub storage: Arc<dyn Storage>,
    /// The host's view of the mount.
    pub system_view: Arc<dyn SystemView>,
}

/// Paths and storage keys the host treats specially.
#[derive(Clone, Copy, Debug)]
pub struct SpecialPaths {
    /// Paths that need no token.
    pub unauthenticated: &'static [&'static str],
    /// Storage prefixes that are not replicated.
    pub local_storage: &'static [&'static str],
    /// Storage keys wrapped by the seal.
    pub seal_wrap_storage: &'static [&'static str],
}

impl SpecialPaths {
    /// Those of this method.
    pub const AWS: Self = Self {
        unauthenticated: &["login"],
        local_storage: &["whitelist/identity/"],
        seal_wrap_storage: &["config/client"],
    };
}

/// One mounted auth method: its ports and its caches.
pub struct Mount {
    environment: Arc<Environment>,
    setup: MountSetup,
}

impl Mount {
    /// A mount as the host set it up. Touches neither storage nor system view: at registration
    /// there are none.
    #[must_use]
    pub fn new(environment: Arc<Environment>, setup: MountSetup) -> Self {
        Self { environment, setup }
    }

    /// Runs once after set-up, when storage may be written.
    ///
    /// # Errors
    /// Only what must keep the mount from being enabled.
    pub async fn initialize(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Answers one request.
    pub async fn handle_request(&self, _request: Request) -> Reply {
        let _ = (&self.environment, &self.setup);
        Reply::Empty
    }

    /// Tells whether the entry behind a request exists.
    pub async fn existence_check(&self, _request: Request) -> Existence {
        Existence::NotChecked
    }

    /// Forgets what is cached under a storage key that changed elsewhere.
    pub fn invalidate_key(&self, _key: &str) {}

    /// Stops background work. May be called twice.
    pub async fn cleanup(&self) {}
}
