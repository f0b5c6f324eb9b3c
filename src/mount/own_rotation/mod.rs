//! Rotation of the server's access key by the plugin itself, where the host has no rotation manager.
//!
//! About once a minute one step is done, on the node that can write, and none waits for the next: a new key is
//! made and stored as pending; when the Security Token Service takes it, it takes the place of the old key in the
//! configuration; the old key is deleted, and the pending entry with it. What the next step is follows from what
//! is stored alone, so after a crash, or on another node, the rotation goes on where it was.
//!
//! A key is deleted only if the entry names it. The one gap is between the making of a key and its entry: a key
//! whose answer nobody got is left at AWS, which then refuses a third one until an operator has deleted it.

mod due;
pub(crate) mod schedule;
mod status;
mod steps;

use tokio::sync::OwnedMutexGuard;

pub(crate) use status::{RotationStatus, rotation_status};

use self::steps::{Settled, begin, settle, state};
use super::rotation::LOG;
use super::rotation_error::RotationError;
use super::{Mount, upgrade};
use crate::entry::{PendingKey, RotationState};
use crate::refusal::Coded;
use crate::store::ConfigSnapshot;

/// Steps that are left of a rotation at the most, seen from any moment of it.
const MOST_STEPS: u32 = 3;

/// To be called about once a minute: does the next step in the background, if there is one. A step that was begun
/// is carried through.
pub(crate) fn tick(mount: &Mount) {
    let Some(mount) = mount.this() else { return };
    let Some(turn) = mount.own_rotation().try_turn() else { return };
    tokio::spawn(async move {
        run(&mount).await;
        drop(turn);
    });
}

/// Does the next step, and tells the log how it went.
async fn run(mount: &Mount) {
    let Ok(before) = mount.store().config_snapshot().await else { return };
    let is_on = before.config.rotate_in_plugin;
    let pending = match find(mount, is_on).await {
        Ok(Some(pending)) => pending,
        Ok(None) => return,
        Err(error) if is_on => return tell(mount, &error),
        Err(error) => {
            return tracing::debug!(target: LOG, mount = mount.id(), %error, "whether a rotation is unfinished is unknown");
        }
    };
    if let Err(error) = step(mount, before, pending).await {
        tell(mount, &error);
    }
}

/// The pending key, or that there is none, if this node may have something to do. While the plugin is not to
/// rotate, nothing is read but once whether a rotation was left unfinished.
async fn find(mount: &Mount, is_on: bool) -> Result<Option<Option<PendingKey>>, RotationError> {
    let own = mount.own_rotation();
    if !is_on && !own.may_be_pending() {
        return Ok(None);
    }
    if !upgrade::is_responsible(mount).await? {
        return Ok(None);
    }
    let pending = mount.store().read::<PendingKey>(PendingKey::KEY).await?;
    let has_work = is_on || pending.is_some();
    own.set_may_be_pending(has_work);
    Ok(has_work.then_some(pending))
}

async fn step(
    mount: &Mount,
    before: ConfigSnapshot,
    pending: Option<PendingKey>,
) -> Result<(), RotationError> {
    match pending {
        Some(key) => settle(mount, before, &key, state(mount).await?).await.map(drop),
        None if before.config.rotates_in_plugin() => begin(mount, before, state(mount).await?).await,
        None => Ok(()),
    }
}

fn tell(mount: &Mount, error: &RotationError) {
    if error.is_read_only() {
        tracing::debug!(target: LOG, mount = mount.id(), "this node cannot write, so it does not rotate the access key");
        return;
    }
    let code = error.code();
    tracing::warn!(
        target: LOG,
        mount = mount.id(),
        code = code.as_str(),
        hint = code.hint(),
        "rotation of the access key: {error}"
    );
}

/// What stands before a rotation that somebody asks for.
pub(super) enum Turn {
    /// A rotation was under way, and has put this key into the configuration.
    Rotated(String),
    /// None is under way, and none begins while this is held.
    Free(Option<OwnedMutexGuard<()>>),
}

/// Brings a rotation that is under way to its end, where the plugin rotates by itself: it has made the second of the
/// two keys that the user may have.
///
/// # Errors
/// It cannot be brought to its end now.
pub(super) async fn turn(mount: &Mount) -> Result<Turn, RotationError> {
    if !mount.store().config_snapshot().await?.config.rotate_in_plugin {
        return Ok(Turn::Free(None));
    }
    let turn = mount.own_rotation().turn().await;
    let mut rotated = None;
    for _ in 0..MOST_STEPS {
        let Some(key) = mount.store().read::<PendingKey>(PendingKey::KEY).await? else { break };
        let before = mount.store().config_snapshot().await?;
        match settle(mount, before, &key, RotationState { failures: 0, ..state(mount).await? }).await? {
            Settled::Waiting => return Err(RotationError::UnderWay(key.access_key)),
            Settled::Rotated => rotated = Some(key.access_key),
            Settled::Cleared => {}
        }
    }
    Ok(rotated.map_or(Turn::Free(Some(turn)), Turn::Rotated))
}

#[cfg(test)]
mod tests;
