//! How the rotations of the plugin itself stand, for operators.

use super::due::next_rotation;
use super::steps::{now, state};
use crate::entry::{PendingKey, RotationState, StoredTime};
use crate::mount::Mount;
use crate::mount::rotation_error::RotationError;

/// How the rotations of a mount stand.
pub(crate) struct RotationStatus {
    /// When the next one begins, pauses after failures included; `None` if it is switched off or nothing tells when.
    pub(crate) next: Option<StoredTime>,
    /// Whether one is under way.
    pub(crate) is_under_way: bool,
    /// What is stored.
    pub(crate) state: RotationState,
}

/// How the rotations stand; `None` where the plugin does not rotate by itself.
///
/// # Errors
/// Storage cannot be read.
pub(crate) async fn rotation_status(mount: &Mount) -> Result<Option<RotationStatus>, RotationError> {
    let config = mount.store().config_snapshot().await?.config;
    if !config.rotate_in_plugin {
        return Ok(None);
    }
    let is_under_way = mount.store().read::<PendingKey>(PendingKey::KEY).await?.is_some();
    let (state, now) = (state(mount).await?, now(mount));
    let counted = state.clone().counted(&config, now);
    let next = next_rotation(&config, &counted, now).map(|next| match counted.pause_ends(now) {
        Some(end) => next.max(end),
        None => next,
    });
    Ok(Some(RotationStatus { next, is_under_way, state }))
}
