//! What a mount stores of the uses of its proofs: where, and how far it is known.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;

use super::one_use::OneUse;
use crate::ports::{Storage, StorageError};

/// Prefix of the storage keys.
pub(super) const PREFIX: &str = "replay/";

/// The uses of one mount.
pub(crate) struct KeptUses {
    pub(super) storage: Arc<dyn Storage>,
    /// Held while what is stored is loaded.
    pub(super) loading: AsyncMutex<()>,
    /// The removal of expired records.
    removal: Mutex<Option<JoinHandle<()>>>,
    is_loaded: AtomicBool,
    state: Mutex<State>,
}

/// What is known of them.
#[derive(Default)]
pub(super) struct State {
    /// What was signed until then is not taken; in seconds since 1970.
    pub(super) since: Option<i64>,
    /// Whether that is known.
    pub(super) is_known: bool,
    /// The minutes of which records are stored.
    pub(super) minutes: BTreeSet<i64>,
}

impl KeptUses {
    /// Of the mount that has this storage.
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            loading: AsyncMutex::default(),
            removal: Mutex::default(),
            is_loaded: AtomicBool::default(),
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn removal(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.removal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Acquire)
    }

    /// All that is stored is in memory.
    pub(super) fn has_loaded(&self) {
        self.is_loaded.store(true, Ordering::Release);
    }

    /// Stores a use.
    ///
    /// # Errors
    /// It may not be stored.
    pub(super) async fn put(&self, one: &OneUse) -> Result<(), StorageError> {
        // Before it is written: a record that is there must be found when it has expired.
        self.state().minutes.insert(one.minute());
        self.storage.put(&format!("{PREFIX}{}/{}", one.minute(), one.name()), Vec::new()).await
    }
}
