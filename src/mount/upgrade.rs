//! What a mount does once after it was set up: stored entries are brought to the current version.
//!
//! It runs in the background. Requests go on meanwhile: a role that is needed earlier is brought to
//! the current version by whoever needs it, and of two who do the same the first one counts.

use std::sync::Arc;

use super::{Mount, end};
use crate::entry::{MountVersion, Role};
use crate::framework::Failure;
use crate::ports::SystemViewError;

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
        Err(error) => Err(Failure::Internal(error.to_string())),
    };
    if let Err(failure) = result {
        tracing::error!(target: LOG, mount = mount.id(), error = %failure, "error running initialization");
    }
}

/// Of all nodes that serve the mount, one does the work.
async fn is_responsible(mount: &Mount) -> Result<bool, SystemViewError> {
    Ok(mount.is_writer().await? && !mount.system_view().replication_state().await?.dr_secondary())
}

async fn upgrade(mount: &Mount) -> Result<(), Failure> {
    let stored = mount.store().read::<MountVersion>(MountVersion::KEY).await?;
    match stored.map_or(0, |entry| entry.version) {
        MountVersion::CURRENT => return Ok(()),
        0 => {}
        unknown => return Err(Failure::Internal(format!("unrecognized role version: {unknown}"))),
    }
    for name in mount.store().list(Role::PREFIX).await? {
        if !name.ends_with('/') {
            mount
                .role(&name)
                .await
                .map_err(|failure| Failure::Internal(format!("{}{name}: {failure}", Role::PREFIX)))?;
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
