//! The keys of a mount that is an issuer of its own: brought up to date on the node that can write.

use super::Mount;
use crate::issuer::IssuerError;
use crate::issuer::change::{self, Tended};
use crate::ports::SystemViewError;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::issuer");

/// To be called about once a minute. What goes wrong is for the log, and is tried again.
pub(crate) async fn tick(mount: &Mount) {
    match tend(mount).await {
        Ok(Some(Tended { made, removed })) => {
            if let Some(key) = made {
                tracing::info!(target: LOG, mount = mount.id(), key, "the next key of the issuer is published and signs in a day");
            }
            for key in removed {
                tracing::info!(target: LOG, mount = mount.id(), key, "a key of the issuer is no longer published");
            }
        }
        Ok(None) => {}
        Err(error) => {
            tracing::error!(target: LOG, mount = mount.id(), %error, "the keys of the issuer were not brought up to date");
        }
    }
}

async fn tend(mount: &Mount) -> Result<Option<Tended>, IssuerError> {
    if !change::is_due(mount.store(), mount.world()).await? || !is_responsible(mount).await.unwrap_or(false) {
        return Ok(None);
    }
    change::tend(mount.store(), mount.world()).await.map(Some)
}

/// Of all nodes that serve the mount, one does the work; where the host does not say, none.
async fn is_responsible(mount: &Mount) -> Result<bool, SystemViewError> {
    Ok(mount.is_writer().await? && !mount.system_view().replication_state().await?.dr_secondary())
}
