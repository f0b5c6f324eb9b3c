//! A cache that never holds more than it may, and tells how useful it is.

use std::borrow::Borrow;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::cache_status::{CacheStatus, HitCounter};

/// A bounded cache; what was not used for longest makes room.
///
/// Every time something is forgotten the generation rises. What was looked up before is not
/// [kept](Self::keep) after it, so a slow reader cannot put an old value back.
pub struct BoundedCache<K, V> {
    entries: Mutex<LruCache<K, V>>,
    generation: AtomicU64,
    capacity: NonZeroUsize,
    asked: HitCounter,
}

/// The generation at which a look-up began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReadStart(u64);

#[cfg(test)]
impl ReadStart {
    pub(crate) const fn at(generation: u64) -> Self {
        Self(generation)
    }
}

impl<K: Hash + Eq, V> BoundedCache<K, V> {
    /// An empty cache for at most so many values. It takes room only for what is in it.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: Mutex::new(LruCache::unbounded()),
            generation: AtomicU64::new(0),
            capacity,
            asked: HitCounter::default(),
        }
    }

    /// A value, counted as found or not.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.get_if(key, |_| true)
    }

    /// A value that is still good, counted as found or not. One that is not is forgotten.
    #[must_use]
    pub fn get_if<Q>(&self, key: &Q, is_good: impl FnOnce(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        let mut entries = self.entries();
        let found = match entries.get(key) {
            Some(value) if is_good(value) => Some(value.clone()),
            Some(_) => {
                entries.pop(key);
                None
            }
            None => None,
        };
        drop(entries);
        self.asked.count(found)
    }

    /// Takes a value out, if it is still good; counted as found or not.
    #[must_use]
    pub fn take_if<Q>(&self, key: &Q, is_good: impl FnOnce(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let taken = self.entries().pop(key);
        self.asked.count(taken.filter(is_good))
    }

    /// To be asked before a value is looked up that is to be [kept](Self::keep).
    #[must_use]
    pub fn start_read(&self) -> ReadStart {
        ReadStart(self.generation.load(Ordering::Acquire))
    }

    /// Keeps what was looked up, unless something was forgotten meanwhile.
    pub fn keep(&self, start: ReadStart, key: K, value: V) {
        let mut entries = self.entries();
        if self.start_read() == start {
            self.put_into(&mut entries, key, value);
        }
    }

    /// Keeps a value that nothing can have changed meanwhile.
    pub fn put(&self, key: K, value: V) {
        self.put_into(&mut self.entries(), key, value);
    }

    /// Forgets one value.
    pub fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut entries = self.entries();
        self.generation.fetch_add(1, Ordering::AcqRel);
        entries.pop(key);
    }

    /// Forgets all values under such keys.
    pub fn forget_where(&self, is_meant: impl Fn(&K) -> bool)
    where
        K: Clone,
    {
        let mut entries = self.entries();
        self.generation.fetch_add(1, Ordering::AcqRel);
        let meant: Vec<K> = entries.iter().map(|(key, _)| key).filter(|key| is_meant(key)).cloned().collect();
        for key in &meant {
            entries.pop(key);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut entries = self.entries();
        self.generation.fetch_add(1, Ordering::AcqRel);
        entries.clear();
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// How full and how useful it is.
    #[must_use]
    pub fn status(&self) -> CacheStatus {
        let entries = self.entries().len();
        self.asked.status(entries, self.capacity.get())
    }

    fn put_into(&self, entries: &mut LruCache<K, V>, key: K, value: V) {
        entries.put(key, value);
        if entries.len() > self.capacity.get() {
            entries.pop_lru();
        }
    }

    /// Values are whole at every moment, so what a panic elsewhere left behind can be used.
    fn entries(&self) -> MutexGuard<'_, LruCache<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> BoundedCache<String, u32> {
        BoundedCache::new(NonZeroUsize::new(2).unwrap())
    }

    fn filled() -> BoundedCache<String, u32> {
        let cache = cache();
        cache.put("a".to_owned(), 1);
        cache.put("b".to_owned(), 2);
        cache
    }

    #[test]
    fn an_entry_read_before_a_change_is_not_kept_after_it() {
        let cache = cache();
        let start = cache.start_read();
        cache.forget("role/a");
        cache.keep(start, "role/a".to_owned(), 1);
        assert_eq!(cache.get("role/a"), None);
        let start = cache.start_read();
        cache.clear();
        cache.keep(start, "role/a".to_owned(), 2);
        assert_eq!(cache.get("role/a"), None);
        cache.keep(cache.start_read(), "role/a".to_owned(), 3);
        assert_eq!(cache.get("role/a"), Some(3));
    }

    #[test]
    fn what_is_meant_is_forgotten_and_nothing_else() {
        let cache = filled();
        let start = cache.start_read();
        cache.forget_where(|key| key == "a");
        assert_eq!((cache.get("a"), cache.get("b")), (None, Some(2)));
        cache.keep(start, "a".to_owned(), 1);
        assert_eq!(cache.get("a"), None);
    }

    #[test]
    fn the_least_used_entry_makes_room() {
        let cache = filled();
        assert!(cache.get("a").is_some());
        cache.put("c".to_owned(), 3);
        assert_eq!((cache.get("a").is_some(), cache.get("b").is_some()), (true, false));
    }

    #[test]
    fn what_is_no_longer_good_is_gone_and_counts_as_a_miss() {
        let cache = filled();
        assert_eq!(cache.get_if("a", |_| false), None);
        assert_eq!(cache.get("a"), None);
        assert_eq!(cache.take_if("b", |_| true), Some(2));
        assert_eq!(cache.take_if("b", |_| true), None);
        assert_eq!(cache.status(), CacheStatus { entries: 0, capacity: 2, hits: 1, misses: 3 });
    }
}
