//! Removal of list entries that expired long ago: when an operator asks for it, and each hour.
//!
//! Runs are in the background and outlive the request or tick that began them, but not the mount.
//! There is one run per list at a time. What is wrong with one entry is logged and does not keep a
//! run from the others. An entry that is written while a run looks at it stays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::task::JoinSet;

use crate::entry::{AccessListEntry, DenyListEntry, Entry, EntryError, StoredTime, TidyConfig, TidyList};
use crate::go::GoDuration;
use crate::go::text::quote;
use crate::ports::{Clock, StorageError, SystemView, SystemViewError};
use crate::store::{Store, StoreError};

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::tidy");

/// Time from the end of one periodic pass to the next.
const PERIOD: Duration = Duration::from_hours(1);
/// Bad entries that one run names in the log; of the others it tells the number.
const MAX_NAMED_PROBLEMS: u64 = 20;

/// Names under which operators of the built-in method find these lines in the log.
const DENY_LIST_LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::bltidy");
const ACCESS_LIST_LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::wltidy");

/// The tidy runs of one mount. Dropping it ends them.
pub(crate) struct Tidy {
    work: Arc<Work>,
    tasks: Mutex<JoinSet<()>>,
}

impl Tidy {
    /// For the lists in a store.
    #[must_use]
    pub(crate) fn new(store: Arc<Store>, clock: Arc<dyn Clock>, system_view: Arc<dyn SystemView>) -> Self {
        let work = Work {
            store,
            clock,
            system_view,
            deny_list_run: Arc::default(),
            access_list_run: Arc::default(),
            next_pass: Arc::default(),
        };
        Self { work: Arc::new(work), tasks: Mutex::default() }
    }

    /// Begins a run over a list in the background, with a safety buffer in seconds; `false` if one
    /// is under way.
    pub(crate) fn start(&self, list: TidyList, safety_buffer: i64) -> bool {
        let Some(permit) = self.work.permit(list) else { return false };
        let work = Arc::clone(&self.work);
        self.spawn(async move {
            if let Err(error) = work.run(list, safety_buffer).await {
                log_problem(list, &error.to_string());
            }
            drop(permit);
        });
        true
    }

    /// To be called about once a minute: begins the periodic pass in the background if it is due.
    pub(crate) fn tick(&self) {
        let Some(due) = self.work.due_pass() else { return };
        let work = Arc::clone(&self.work);
        self.spawn(async move {
            if let Err(error) = work.pass(due).await {
                tracing::error!(target: LOG, %error, "the periodic tidy has failed and will be tried again");
            }
        });
    }

    /// Ends what runs.
    pub(crate) async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What runs need and share. The locks are permits: they are tried, never waited for.
struct Work {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    system_view: Arc<dyn SystemView>,
    deny_list_run: Arc<AsyncMutex<()>>,
    access_list_run: Arc<AsyncMutex<()>>,
    next_pass: Arc<AsyncMutex<Schedule>>,
}

/// When the next periodic pass is due; at once if there was none.
type Schedule = Option<SystemTime>;

impl Work {
    fn permit(&self, list: TidyList) -> Option<OwnedMutexGuard<()>> {
        let run = match list {
            TidyList::RoleTagDenyList => &self.deny_list_run,
            TidyList::IdentityAccessList => &self.access_list_run,
        };
        Arc::clone(run).try_lock_owned().ok()
    }

    /// The schedule, for as long as a pass runs that is due.
    fn due_pass(&self) -> Option<OwnedMutexGuard<Schedule>> {
        let schedule = Arc::clone(&self.next_pass).try_lock_owned().ok()?;
        let wait = schedule.and_then(|next| next.duration_since(self.clock.now()).ok());
        // A longer wait than was set means that the clock has been put back.
        let due = wait.is_none_or(|wait| wait.is_zero() || wait > PERIOD);
        due.then_some(schedule)
    }

    /// The periodic pass over both lists, to its end. After an error it is due again at once.
    async fn pass(&self, mut schedule: OwnedMutexGuard<Schedule>) -> Result<(), PassError> {
        for (list, config) in self.lists_of_pass().await? {
            if config.disable_periodic_tidy {
                continue;
            }
            let Some(_permit) = self.permit(list) else { continue };
            match self.run(list, config.safety_buffer).await {
                Ok(()) => {}
                Err(error) if error.is_read_only() => {
                    tracing::debug!(target: LOG, "this node cannot write, so it does not tidy");
                }
                Err(error) => log_problem(list, &error.to_string()),
            }
        }
        *schedule = self.clock.now().checked_add(PERIOD);
        Ok(())
    }

    /// The lists that are this node's to tidy. The access list is local to the cluster; the deny
    /// list belongs to the primary, unless the mount is local too.
    async fn lists_of_pass(&self) -> Result<Vec<(TidyList, TidyConfig)>, PassError> {
        let replication = self.system_view.replication_state().await?;
        if replication.performance_standby() {
            return Ok(Vec::new());
        }
        let deny_list_too = !replication.performance_secondary() || self.system_view.local_mount().await?;
        let mut lists = Vec::new();
        for list in [TidyList::RoleTagDenyList, TidyList::IdentityAccessList] {
            if list == TidyList::IdentityAccessList || deny_list_too {
                let config = self.store.read::<TidyConfig>(list.config_key()).await?;
                lists.push((list, config.unwrap_or_else(|| TidyConfig::default_of(list))));
            }
        }
        Ok(lists)
    }

    /// Goes through a list.
    async fn run(&self, list: TidyList, safety_buffer: i64) -> Result<(), StorageError> {
        let now = StoredTime::from(self.clock.now());
        let buffer = GoDuration::from_secs(safety_buffer.max(0));
        let (mut removed, mut problems) = (0_u64, 0_u64);
        for name in self.store.list_nested(list.prefix()).await? {
            match self.tidy_entry(list, &name, now, buffer).await {
                Ok(true) => removed = removed.saturating_add(1),
                Ok(false) => {}
                Err(Problem::ReadOnly(error)) => return Err(error),
                Err(Problem::Entry(text)) => {
                    if problems < MAX_NAMED_PROBLEMS {
                        log_problem(list, &text);
                    }
                    problems = problems.saturating_add(1);
                }
            }
        }
        if problems > MAX_NAMED_PROBLEMS {
            log_problem(list, &format!("{problems} entries could not be tidied"));
        }
        if removed > 0 {
            log_removed(list, removed);
        }
        Ok(())
    }

    /// Removes one entry if it expired long enough ago. An entry that somebody else removed or wrote
    /// meanwhile is no problem.
    async fn tidy_entry(
        &self,
        list: TidyList,
        name: &str,
        now: StoredTime,
        buffer: GoDuration,
    ) -> Result<bool, Problem> {
        let key = format!("{}{name}", list.prefix());
        let words = Words::of(list, name);
        let stored = self.store.stored(&key).await;
        let Some(stored) = stored.map_err(|error| Problem::storage(error, |e| words.not_fetched(e)))? else {
            return Ok(false);
        };
        if stored.is_empty() {
            return Err(Problem::Entry(words.empty()));
        }
        let expiration = expiration(list, &stored)
            .map_err(|error| Problem::Entry(words.not_fetched(&error.to_string())))?;
        if now <= expiration.plus(buffer) {
            return Ok(false);
        }
        match self.store.delete_unchanged(&key, &stored).await {
            Ok(outcome) => Ok(outcome.is_ok()),
            Err(error) => Err(Problem::storage(error, |e| words.not_deleted(e))),
        }
    }
}

fn expiration(list: TidyList, stored: &[u8]) -> Result<StoredTime, EntryError> {
    Ok(match list {
        TidyList::RoleTagDenyList => DenyListEntry::decode(stored)?.expiration_time,
        TidyList::IdentityAccessList => AccessListEntry::decode(stored)?.expiration_time,
    })
}

/// Why a periodic pass did not get to the lists.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
enum PassError {
    /// The host did not say which lists are this node's.
    #[error(transparent)]
    Host(#[from] SystemViewError),
    /// A configuration cannot be read.
    #[error(transparent)]
    Config(#[from] StoreError),
}

/// Why an entry was not tidied.
enum Problem {
    /// This node cannot write, so no other entry can be removed either.
    ReadOnly(StorageError),
    /// The text about this entry.
    Entry(String),
}

impl Problem {
    fn storage(error: StorageError, text: impl FnOnce(&str) -> String) -> Self {
        if error.is_read_only() { Self::ReadOnly(error) } else { Self::Entry(text(error.text())) }
    }
}

/// How the log speaks of an entry.
struct Words {
    list: TidyList,
    name: String,
}

impl Words {
    fn of(list: TidyList, name: &str) -> Self {
        Self { list, name: quote(name) }
    }

    fn not_fetched(&self, error: &str) -> String {
        let name = &self.name;
        match self.list {
            TidyList::RoleTagDenyList => format!("error fetching tag {name}: {error}"),
            TidyList::IdentityAccessList => format!("error fetching identity of instanceID {name}: {error}"),
        }
    }

    fn empty(&self) -> String {
        let name = &self.name;
        match self.list {
            TidyList::RoleTagDenyList => format!("found entry for tag {name} but actual tag is empty"),
            TidyList::IdentityAccessList => {
                format!("found identity entry for instanceID {name} but actual identity is empty")
            }
        }
    }

    fn not_deleted(&self, error: &str) -> String {
        let name = &self.name;
        match self.list {
            TidyList::RoleTagDenyList => format!("error deleting tag {name} from storage: {error}"),
            TidyList::IdentityAccessList => {
                format!("error deleting identity of instanceID {name} from storage: {error}")
            }
        }
    }
}

fn log_problem(list: TidyList, error: &str) {
    match list {
        TidyList::RoleTagDenyList => {
            tracing::error!(target: DENY_LIST_LOG, error, "error running deny list tidy");
        }
        TidyList::IdentityAccessList => {
            tracing::error!(target: ACCESS_LIST_LOG, error, "error running access list tidy");
        }
    }
}

fn log_removed(list: TidyList, entries: u64) {
    match list {
        TidyList::RoleTagDenyList => tracing::info!(target: DENY_LIST_LOG, entries, "deny list tidied"),
        TidyList::IdentityAccessList => {
            tracing::info!(target: ACCESS_LIST_LOG, entries, "access list tidied");
        }
    }
}

#[cfg(test)]
mod tests;
