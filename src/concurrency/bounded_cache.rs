//! Stored entries, decoded once.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::concurrency::cache_status::{CacheStatus, HitCounter};

/// A bounded cache of decoded entries by storage key.
///
/// Every change raises the generation. What was read from storage before a change is not kept after
/// it, so a slow reader cannot put an old entry back.
pub struct EntryCache<T> {
    entries: Mutex<LruCache<String, Arc<T>>>,
    generation: AtomicU64,
    capacity: NonZeroUsize,
    asked: HitCounter,
}

/// The generation at which a read began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadStart(u64);

impl<T> EntryCache<T> {
    /// An empty cache.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: Mutex::new(LruCache::unbounded()),
            generation: AtomicU64::new(0),
            capacity,
            asked: HitCounter::default(),
        }
    }

    /// A cached entry.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<T>> {
        let found = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        self.asked.count(found)
    }

    /// How full and how useful it is.
    #[must_use]
    pub fn status(&self) -> CacheStatus {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.asked.status(entries, self.capacity.get())
    }

    /// To be asked before storage is read.
    #[must_use]
    pub fn start_read(&self) -> ReadStart {
        ReadStart(self.generation.load(Ordering::Acquire))
    }

    /// Keeps what was read, unless something changed meanwhile.
    pub fn keep(&self, start: ReadStart, key: &str, entry: &Arc<T>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if self.start_read() != start {
            return;
        }
        entries.put(key.to_owned(), Arc::clone(entry));
        if entries.len() > self.capacity.get() {
            entries.pop_lru();
        }
    }

    /// Forgets one entry.
    pub fn forget(&self, key: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        entries.pop(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_read_before_a_change_is_not_kept_after_it() {
        let cache = EntryCache::new(NonZeroUsize::new(2).unwrap());
        let start = cache.start_read();
        cache.forget("role/a");
        cache.keep(start, "role/a", &Arc::new(1));
        assert_eq!(cache.get("role/a"), None);
        cache.keep(cache.start_read(), "role/a", &Arc::new(2));
        assert_eq!(cache.get("role/a"), Some(Arc::new(2)));
    }

    #[test]
    fn the_least_used_entry_makes_room() {
        let cache = EntryCache::new(NonZeroUsize::new(2).unwrap());
        for (key, entry) in [("a", 1), ("b", 2)] {
            cache.keep(cache.start_read(), key, &Arc::new(entry));
        }
        assert!(cache.get("a").is_some());
        cache.keep(cache.start_read(), "c", &Arc::new(3));
        assert_eq!((cache.get("a").is_some(), cache.get("b").is_some()), (true, false));
    }
}
