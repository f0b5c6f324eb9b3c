//! That a proof admits once only: one stored record for each login, written before its token is given.
//!
//! A record lies at `replay/<minute of the date>/<hash>` and has no content. The order of what happens
//! here is the guarantee:
//!
//! * What is stored is loaded before anything is taken. While it is not, nothing is.
//! * Memory decides who comes first ([`UsedSignatures`]), for all mounts of the process. What is noted there
//!   stays, whatever happens afterwards.
//! * Only then is the record written, and only when the host has it is the token given. A node that has been
//!   deposed and does not know it cannot write, so it gives none.
//!
//! Records of two mounts lie in two storages, so two mounts must not take the same requests: each needs a
//! server id of its own, and takes nothing that was signed before it had it.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::kept_uses::PREFIX;
use super::one_use::OneUse;
use super::single_use_error::SingleUseError;
use super::used_signatures::Outcome;
use super::{Mount, end};
use crate::entry::MountVersion;
use crate::framework::Failure;
use crate::ports::{StorageError, unix_seconds};
use crate::store::StoreError;

/// Records that one run removes at the most.
const MAX_REMOVED: usize = 30_000;
/// Time in which a run begins to remove another record.
const RUN_TIME: Duration = Duration::from_secs(20);
/// Records that are being removed at the same time.
const REMOVED_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// What a mount keeps of the uses of its proofs.
pub(crate) struct UsesStatus {
    /// Whether what is stored is in memory.
    pub(crate) is_loaded: bool,
    /// What was signed until then is not taken; in seconds since 1970.
    pub(crate) signed_after: i64,
    /// Minutes of which records are stored.
    pub(crate) minutes_stored: usize,
    /// Uses in memory, of all mounts of the process.
    pub(crate) entries_of_process: usize,
}

impl Mount {
    /// Now, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        unix_seconds(self.world().clock.now())
    }

    /// Uses a proof up. After this, and not before, it may admit somebody.
    ///
    /// # Errors
    /// It was used before, or nobody can tell whether it was, or that it is now cannot be stored.
    pub(crate) async fn use_up(&self, one: &OneUse) -> Result<(), SingleUseError> {
        self.check_server_id().await?;
        self.load_uses().await?;
        if self.kept_uses.state().since.is_some_and(|since| one.date() <= since) {
            return Err(SingleUseError::Before);
        }
        self.take(one).await
    }

    /// Uses up what this mount alone takes. What is stored has been loaded.
    pub(super) async fn take(&self, one: &OneUse) -> Result<(), SingleUseError> {
        match self.used_signatures().take(one, self.now()) {
            Outcome::First => Ok(self.kept_uses.put(one).await?),
            Outcome::Again => Err(SingleUseError::Used),
            Outcome::Full => Err(SingleUseError::Full),
        }
    }

    /// Whether a proof is known to be used up. It may be all the same if not.
    pub(crate) fn is_used_up(&self, one: &OneUse) -> bool {
        self.used_signatures().contains(one)
    }

    /// From now on uses are kept, or kept for another server id: what was signed until now is not taken any
    /// more. To be called before the change is stored.
    ///
    /// # Errors
    /// It cannot be stored, or what is stored cannot be loaded.
    pub(crate) async fn keep_uses_from_now(&self) -> Result<(), Failure> {
        let now = self.now();
        {
            let _loading = self.kept_uses.loading.lock().await;
            let update = self.store().update(MountVersion::KEY, async |stored: Option<MountVersion>| {
                let mut entry = stored.unwrap_or_default();
                let since = entry.iam_requests_kept_since.map_or(now, |since| since.max(now));
                entry.iam_requests_kept_since = Some(since);
                Ok::<_, StoreError>((Some(entry), since))
            });
            let since = update.await?;
            self.kept_uses.state().since = Some(since);
        }
        Ok(self.load_uses().await?)
    }

    /// Since when uses are kept, as it is stored.
    pub(super) fn knows_uses_since(&self, since: Option<i64>) {
        let mut state = self.kept_uses.state();
        state.since = state.since.max(since);
        state.is_known = true;
    }

    /// Whether the mount itself or a role has ever had its uses kept.
    ///
    /// # Errors
    /// That cannot be read.
    pub(crate) async fn has_kept_uses(&self) -> Result<bool, StoreError> {
        let (is_known, since) = {
            let state = self.kept_uses.state();
            (state.is_known, state.since)
        };
        if is_known || since.is_some() {
            return Ok(since.is_some());
        }
        let stored = self.store().read::<MountVersion>(MountVersion::KEY).await?;
        let since = stored.and_then(|entry| entry.iam_requests_kept_since);
        self.knows_uses_since(since);
        Ok(since.is_some())
    }

    /// Loads what is stored, unless that has been done.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn load_uses(&self) -> Result<(), SingleUseError> {
        let own = &self.kept_uses;
        if own.is_loaded() {
            return Ok(());
        }
        let _loading = own.loading.lock().await;
        if own.is_loaded() {
            return Ok(());
        }
        let version = self.store().read::<MountVersion>(MountVersion::KEY).await;
        let version = version.map_err(|error| SingleUseError::not_loaded(&error))?.unwrap_or_default();
        let (now, mut minutes) = (self.now(), BTreeSet::new());
        let folders = own.storage.list(PREFIX).await.map_err(|error| SingleUseError::not_loaded(&error))?;
        for folder in folders {
            let Some(minute) = minute_of(&folder) else { continue };
            minutes.insert(minute);
            if OneUse::is_expired(minute, now) {
                continue;
            }
            let names = own.storage.list(&format!("{PREFIX}{folder}")).await;
            let names = names.map_err(|error| SingleUseError::not_loaded(&error))?;
            let kept = names.iter().filter_map(|name| OneUse::fingerprint_of(name));
            self.used_signatures().load(minute, kept);
        }
        self.knows_uses_since(version.iam_requests_kept_since);
        own.state().minutes.append(&mut minutes);
        own.has_loaded();
        Ok(())
    }

    /// Begins to remove records that have expired in the background, as many as one run may. To be called
    /// about once a minute.
    pub(crate) fn begin_removal_of_uses(&self) {
        let now = self.now();
        let is_due =
            self.kept_uses.state().minutes.first().is_some_and(|first| OneUse::is_expired(*first, now));
        let mut removal = self.kept_uses.removal();
        let is_under_way = removal.as_ref().is_some_and(|task| !task.is_finished());
        if let (true, false, Some(this)) = (is_due, is_under_way, self.this()) {
            *removal = Some(tokio::spawn(async move { this.remove_expired_uses(now).await }));
        }
    }

    /// Ends what runs.
    pub(super) async fn end_removal_of_uses(&self) {
        let running = self.kept_uses.removal().take();
        end(running).await;
    }

    async fn remove_expired_uses(&self, now: i64) {
        let own = &self.kept_uses;
        let expired: Vec<i64> = own
            .state()
            .minutes
            .iter()
            .copied()
            .take_while(|minute| OneUse::is_expired(*minute, now))
            .collect();
        if expired.is_empty() || !matches!(self.is_writer().await, Ok(true)) {
            return;
        }
        let end = Instant::now().checked_add(RUN_TIME);
        let mut room = MAX_REMOVED;
        for minute in expired {
            match self.remove_minute(minute, &mut room, end).await {
                Ok(true) => {
                    own.state().minutes.remove(&minute);
                }
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(mount = self.id(), %error, "used requests that have expired are still stored");
                    return;
                }
            }
        }
    }

    /// Removes the records of a minute; whether all are gone.
    async fn remove_minute(
        &self,
        minute: i64,
        room: &mut usize,
        end: Option<Instant>,
    ) -> Result<bool, StorageError> {
        let storage = &self.kept_uses.storage;
        let folder = format!("{PREFIX}{minute}/");
        let names = storage.list(&folder).await?;
        let is_whole = names.len() <= *room;
        let wanted = names.len().min(*room);
        let mut removals = futures_util::stream::iter(names.into_iter().take(wanted).map(|name| {
            let key = format!("{folder}{name}");
            async move { storage.delete(&key).await }
        }))
        .buffer_unordered(REMOVED_AT_ONCE.get());
        while let Some(removed) = removals.next().await {
            removed?;
            *room = room.saturating_sub(1);
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(false);
            }
        }
        Ok(is_whole)
    }

    /// What is kept; `None` where it never was.
    pub(crate) fn uses_status(&self) -> Option<UsesStatus> {
        let state = self.kept_uses.state();
        Some(UsesStatus {
            is_loaded: self.kept_uses.is_loaded(),
            signed_after: state.since?,
            minutes_stored: state.minutes.len(),
            entries_of_process: self.used_signatures().len(),
        })
    }

    /// A request that this mount takes must be one that no other mount of the process takes.
    async fn check_server_id(&self) -> Result<(), SingleUseError> {
        let others = self.neighbours();
        if others.is_empty() {
            return Ok(());
        }
        let own = self.store().config_snapshot().await?;
        let id = &own.config.iam_server_id_header_value;
        if id.is_empty() {
            return Err(SingleUseError::SharedServerId);
        }
        for other in others {
            // A mount whose configuration cannot be read admits nobody.
            let Ok(snapshot) = other.store().config_snapshot().await else { continue };
            if snapshot.config.iam_server_id_header_value == *id {
                return Err(SingleUseError::SharedServerId);
            }
        }
        Ok(())
    }
}

/// The minute that a folder is for.
fn minute_of(folder: &str) -> Option<i64> {
    let digits = folder.strip_suffix('/')?;
    let minute: i64 = digits.parse().ok()?;
    (minute.to_string() == digits).then_some(minute)
}
