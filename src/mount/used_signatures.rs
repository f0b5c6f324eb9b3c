//! What was used up by a login: in memory, for all mounts of the process.
//!
//! It decides which of several requests with the same proof came first, so it is asked and changed in one
//! step. It knows nothing of storage: each mount loads into it what it has stored ([`super::single_use`]).
//! It only ever grows until the time of what is in it has passed, and is never made to forget; when it is
//! full, nothing more is taken.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Mount;
use super::one_use::{Fingerprint, OneUse};

/// Proofs that are kept at the most: those of 580 logins a second for half an hour. Each takes 20 to 40 bytes.
pub const MAX_USED: usize = 1024 * 1024;

/// What was used up in this process.
#[derive(Default)]
pub struct UsedSignatures {
    used: Mutex<Used>,
    mounts: Mutex<Vec<Weak<Mount>>>,
}

#[derive(Default)]
struct Used {
    /// By the minute of the date.
    minutes: BTreeMap<i64, HashSet<Fingerprint>>,
    count: usize,
}

/// What became of an attempt to use something up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was the first.
    First,
    /// It was used before.
    Again,
    /// There is no room to note it.
    Full,
}

impl UsedSignatures {
    /// Uses something up, unless it is already.
    pub(super) fn take(&self, one: &OneUse, now: i64) -> Outcome {
        let mut used = self.used();
        if used.contains(one) {
            return Outcome::Again;
        }
        used.forget_expired(now);
        if used.count >= MAX_USED {
            return Outcome::Full;
        }
        used.insert(one.minute(), one.fingerprint());
        Outcome::First
    }

    /// Whether something is known to be used up.
    pub(super) fn contains(&self, one: &OneUse) -> bool {
        self.used().contains(one)
    }

    /// Adds what was used up in a minute. Without regard to the room: who asks for more is refused then.
    pub(super) fn load(&self, minute: i64, fingerprints: impl IntoIterator<Item = Fingerprint>) {
        let mut used = self.used();
        for fingerprint in fingerprints {
            used.insert(minute, fingerprint);
        }
    }

    /// How much is kept.
    pub(super) fn len(&self) -> usize {
        self.used().count
    }

    /// A mount is there from now on.
    pub(super) fn enter(&self, mount: &Arc<Mount>) {
        let mut mounts = self.mounts();
        mounts.retain(|mount| mount.strong_count() > 0);
        mounts.push(Arc::downgrade(mount));
    }

    /// A mount has ended.
    pub(super) fn leave(&self, mount: &Mount) {
        self.mounts().retain(|other| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), mount));
    }

    /// The other mounts that are there. The same one may be set up twice for a moment.
    pub(super) fn others(&self, mount: &Mount) -> Vec<Arc<Mount>> {
        let all: Vec<Arc<Mount>> = self.mounts().iter().filter_map(Weak::upgrade).collect();
        all.into_iter()
            .filter(|other| !std::ptr::eq(&raw const **other, mount) && other.id() != mount.id())
            .collect()
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mounts(&self) -> MutexGuard<'_, Vec<Weak<Mount>>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn contains(&self, one: &OneUse) -> bool {
        self.minutes.get(&one.minute()).is_some_and(|used| used.contains(&one.fingerprint()))
    }

    fn insert(&mut self, minute: i64, fingerprint: Fingerprint) {
        if self.minutes.entry(minute).or_default().insert(fingerprint) {
            self.count = self.count.saturating_add(1);
        }
    }

    fn forget_expired(&mut self, now: i64) {
        while let Some(first) = self.minutes.first_entry()
            && OneUse::is_expired(*first.key(), now)
        {
            self.count = self.count.saturating_sub(first.remove().len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, date: i64) -> OneUse {
        OneUse::new("test", &[name], date)
    }

    #[test]
    fn the_first_one_uses_it_up() {
        let used = UsedSignatures::default();
        assert_eq!(used.take(&one("a", 60), 60), Outcome::First);
        assert_eq!(used.take(&one("a", 60), 60), Outcome::Again);
        assert_eq!(used.take(&one("b", 60), 60), Outcome::First);
        assert!(used.contains(&one("a", 60)) && !used.contains(&one("c", 60)));
        assert_eq!(used.len(), 2);
    }

    #[test]
    fn what_was_loaded_counts_once() {
        let used = UsedSignatures::default();
        assert_eq!(used.take(&one("a", 60), 60), Outcome::First);
        used.load(1, [one("a", 60).fingerprint(), one("b", 61).fingerprint()]);
        assert_eq!(used.len(), 2);
        assert_eq!(used.take(&one("b", 61), 60), Outcome::Again);
    }

    #[test]
    fn it_forgets_when_the_time_has_passed_and_not_before() {
        let used = UsedSignatures::default();
        assert_eq!(used.take(&one("a", 0), 0), Outcome::First);
        // The minute ends at 60; 15 and 10 minutes later it is forgotten.
        assert_eq!(used.take(&one("b", 1_559), 1_559), Outcome::First);
        assert_eq!(used.len(), 2);
        assert_eq!(used.take(&one("c", 1_560), 1_560), Outcome::First);
        assert_eq!(used.len(), 2);
    }

    #[test]
    fn when_it_is_full_nothing_is_forgotten_and_nothing_taken() {
        let used = UsedSignatures::default();
        let fill = (0..MAX_USED as u128).map(u128::to_le_bytes);
        used.load(100, fill);
        assert_eq!(used.take(&one("a", 6_000), 6_000), Outcome::Full);
        used.load(101, [one("b", 6_060).fingerprint()]);
        assert_eq!(used.take(&one("b", 6_060), 6_060), Outcome::Again);
        assert_eq!(used.take(&one("a", 8_000), 8_000), Outcome::First, "room is made when time has passed");
    }
}
