//! What a cache tells about itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what a cache was asked for.
#[derive(Debug, Default)]
pub struct HitCounter {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// A cache at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// What is in it.
    pub entries: usize,
    /// What it holds at the most.
    pub capacity: usize,
    /// How often it had what was asked for.
    pub hits: u64,
    /// How often it had not.
    pub misses: u64,
}

impl HitCounter {
    /// Counts whether the cache had what was asked for, and passes it on.
    pub fn count<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// The cache whose questions were counted.
    #[must_use]
    pub fn status(&self, entries: usize, capacity: usize) -> CacheStatus {
        let [hits, misses] = [&self.hits, &self.misses].map(|counter| counter.load(Ordering::Relaxed));
        CacheStatus { entries, capacity, hits, misses }
    }
}
