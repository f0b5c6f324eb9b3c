//! What is told again and again is told once, and then how often.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long something that was told is not told again.
const QUIET: Duration = Duration::from_secs(60);
/// How often it is told in that time all the same, if it is about something else each time.
const MAX_TOLD: u8 = 2;

/// Decides what is told, by kind. There are only so many kinds: it keeps each that it has met.
pub struct Repeats<K> {
    kinds: Mutex<HashMap<K, Told>>,
}

struct Told {
    since: Instant,
    times: u8,
    about: String,
    left_out: u64,
}

impl<K> Default for Repeats<K> {
    fn default() -> Self {
        Self { kinds: Mutex::default() }
    }
}

impl<K: Copy + Eq + Hash + Ord> Repeats<K> {
    /// Whether something of a kind is to be told, and then how many before it were not.
    #[must_use]
    pub fn tell(&self, kind: K, about: &str) -> Option<u64> {
        let now = Instant::now();
        let mut kinds = self.kinds();
        let told = kinds.entry(kind).or_insert_with(|| Told {
            since: now,
            times: 0,
            about: String::new(),
            left_out: 0,
        });
        if now.saturating_duration_since(told.since) >= QUIET {
            told.since = now;
            told.times = 0;
        }
        let is_new = told.times == 0 || (told.times < MAX_TOLD && told.about != about);
        if !is_new {
            told.left_out = told.left_out.saturating_add(1);
            return None;
        }
        told.times = told.times.saturating_add(1);
        about.clone_into(&mut told.about);
        Some(std::mem::take(&mut told.left_out))
    }

    /// How many of each kind were not told, and have now been; in order.
    #[must_use]
    pub fn take_left_out(&self) -> Vec<(K, u64)> {
        let mut kinds = self.kinds();
        let taken = kinds.iter_mut().map(|(kind, told)| (*kind, std::mem::take(&mut told.left_out)));
        let mut taken: Vec<(K, u64)> = taken.filter(|(_, count)| *count > 0).collect();
        taken.sort_unstable();
        taken
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<K, Told>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_is_told_once_and_then_how_often_it_was_not() {
        let repeats = Repeats::default();
        assert_eq!(repeats.tell(1, "a"), Some(0));
        assert_eq!(repeats.tell(1, "a"), None);
        assert_eq!(repeats.tell(2, "a"), Some(0), "another kind");
        assert_eq!(repeats.tell(1, "b"), Some(1), "about something else");
        for about in ["b", "c", "d"] {
            assert_eq!(repeats.tell(1, about), None);
        }
        tokio::time::advance(QUIET).await;
        assert_eq!(repeats.tell(1, "a"), Some(3));
        assert_eq!(repeats.tell(1, "a"), None);
        assert_eq!(repeats.take_left_out(), [(1, 1)]);
        assert_eq!(repeats.take_left_out(), []);
    }
}
