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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

pub(crate) use status::{RotationStatus, rotation_status};

use self::steps::{Settled, begin, settle};
use super::rotation_error::RotationError;
use super::{Mount, upgrade};
use crate::entry::{PendingKey, RotationState, StoredTime};
use crate::refusal::Coded;
use crate::store::ConfigSnapshot;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::root_rotation");

/// Steps that are left of a rotation at the most, seen from any moment of it.
const MOST_STEPS: u32 = 3;

/// What a mount remembers of its rotations.
pub(crate) struct OwnRotation {
    /// Held while a step is done.
    turn: Arc<AsyncMutex<()>>,
    /// Whether a pending key may be stored although the plugin is not to rotate any more.
    may_be_pending: AtomicBool,
}

impl Default for OwnRotation {
    fn default() -> Self {
        Self { turn: Arc::default(), may_be_pending: AtomicBool::new(true) }
    }
}

/// To be called about once a minute: does the next step in the background, if there is one. A step that was begun
/// is carried through.
pub(crate) fn tick(mount: &Mount) {
    let Some(mount) = mount.this() else { return };
    let Ok(turn) = Arc::clone(&mount.own_rotation().turn).try_lock_owned() else { return };
    tokio::spawn(async move {
        run(&mount).await;
        drop(turn);
    });
}

/// Does the next step, and tells the log how it went.
async fn run(mount: &Mount) {
    let next = match Next::of(mount).await {
        Ok(Some(next)) => next,
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(target: LOG, mount = mount.id(), %error, "the next rotation of the access key is unknown");
            return;
        }
    };
    if let Err(error) = next.step(mount).await {
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
}

/// What is known before the next step.
struct Next {
    before: ConfigSnapshot,
    pending: Option<PendingKey>,
}

impl Next {
    /// What is known, if this node may have something to do. While the plugin is not to rotate, nothing is read but
    /// once whether a rotation is left unfinished.
    async fn of(mount: &Mount) -> Result<Option<Self>, RotationError> {
        let before = mount.store().config_snapshot().await?;
        let (own, is_on) = (mount.own_rotation(), before.config.rotate_in_plugin);
        if !is_on && !own.may_be_pending.load(Ordering::Acquire) {
            return Ok(None);
        }
        if !upgrade::is_responsible(mount).await? {
            return Ok(None);
        }
        let pending = mount.store().read::<PendingKey>(PendingKey::KEY).await;
        if !is_on && pending.is_err() {
            return pending.map(|_| None).map_err(RotationError::from);
        }
        let pending = match pending {
            Ok(pending) => pending,
            Err(error) => {
                log_unreadable(mount, &error.into());
                return Ok(None);
            }
        };
        let has_work = is_on || pending.is_some();
        own.may_be_pending.store(has_work, Ordering::Release);
        Ok(has_work.then_some(Self { before, pending }))
    }

    async fn step(self, mount: &Mount) -> Result<(), RotationError> {
        let state = state(mount).await?;
        match self.pending {
            Some(key) => settle(mount, self.before, &key, state).await.map(drop),
            None if self.before.config.rotates_in_plugin() => begin(mount, self.before, state).await,
            None => Ok(()),
        }
    }
}

fn log_unreadable(mount: &Mount, error: &RotationError) {
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
    let turn = Arc::clone(&mount.own_rotation().turn).lock_owned().await;
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

async fn state(mount: &Mount) -> Result<RotationState, RotationError> {
    Ok(mount.store().read::<RotationState>(RotationState::KEY).await?.unwrap_or_default())
}

fn now(mount: &Mount) -> StoredTime {
    mount.world().clock.now().into()
}

#[cfg(test)]
mod tests;
