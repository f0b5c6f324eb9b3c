//! What a mount does once after it was set up: stored entries are brought to the current version.
//!
//! It runs in the background. Requests go on meanwhile: a role that is needed earlier is brought to
//! the current version by whoever needs it, and of two who do the same the first one counts.

use std::sync::Arc;

use thiserror::Error;

use super::role_error::RoleError;
use super::{Mount, end};
use crate::entry::{MountVersion, Role};
use crate::framework::Failure;
use crate::ports::{StorageError, SystemViewError};
use crate::store::StoreError;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::mount::initialize");

impl Mount {
    /// Runs once after set-up, when storage may be written. It starts what has to be brought to the
    /// current version and does not wait for it.
    ///
    /// # Errors
    /// Only what must keep the mount from being enabled.
    pub async fn initialize(&self) -> Result<(), Failure> {
        let Some(this) = self.this.upgrade() else { return Ok(()) };
        let task = tokio::spawn(run(this));
        let earlier = self.initialization().replace(task);
        end(earlier).await;
        Ok(())
    }
}

/// Brings everything to the current version. What goes wrong is for the log: the mount works without,
/// and the next start tries again.
async fn run(mount: Arc<Mount>) {
    let result = match is_responsible(&mount).await {
        Ok(true) => upgrade(&mount).await,
        Ok(false) => return,
        Err(error) => Err(error.into()),
    };
    if let Err(error) = result {
        tracing::error!(target: LOG, mount = mount.id(), %error, "error running initialization");
    }
}

/// Why the stored entries are not all of the current version.
#[derive(Debug, Error)]
enum UpgradeError {
    #[error(transparent)]
    Host(#[from] SystemViewError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("unrecognized role version: {0}")]
    Version(i64),
    #[error("{key}: {cause}")]
    Role {
        key: String,
        #[source]
        cause: RoleError,
    },
}

/// Of all nodes that serve the mount, one does the work.
pub(super) async fn is_responsible(mount: &Mount) -> Result<bool, SystemViewError> {
    Ok(mount.is_writer().await? && !mount.system_view().replication_state().await?.dr_secondary())
}

async fn upgrade(mount: &Mount) -> Result<(), UpgradeError> {
    let stored = mount.store().read::<MountVersion>(MountVersion::KEY).await?;
    let since = stored.as_ref().and_then(|entry| entry.iam_requests_kept_since);
    mount.knows_uses_since(since);
    if since.is_some()
        && let Err(error) = mount.load_uses().await
    {
        // The next login tries again.
        tracing::error!(target: LOG, mount = mount.id(), %error, "error running initialization");
    }
    match stored.map_or(0, |entry| entry.version) {
        MountVersion::CURRENT => return Ok(()),
        0 => {}
        unknown => return Err(UpgradeError::Version(unknown)),
    }
    for name in mount.store().list(Role::PREFIX).await? {
        if !name.ends_with('/') {
            mount
                .role(&name)
                .await
                .map_err(|cause| UpgradeError::Role { key: format!("{}{name}", Role::PREFIX), cause })?;
        }
    }
    mount
        .store()
        .update(MountVersion::KEY, async |stored: Option<MountVersion>| {
            let mut entry = stored.unwrap_or_default();
            entry.version = MountVersion::CURRENT;
            Ok((Some(entry), ()))
        })
        .await
}
