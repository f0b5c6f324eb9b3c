//! Ids that EC2 does not know, and the callers who asked for them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::key::ClientKey;
use super::batch::{Lane, Wanted};
use crate::aws::error::CallError;

/// How long an id that EC2 did not know, and its caller, are kept out of the batches of others.
const MEMORY: Duration = Duration::from_secs(60);
/// How long nobody asks again for an id that EC2 did not know. An instance that has just come up may be unknown
/// for a moment, so it is short.
const PAUSE: Duration = Duration::from_secs(3);
/// Ids and callers that are remembered, of each at the most.
const MAX_REMEMBERED: usize = 1024;

type Key = (ClientKey, Arc<str>);

/// What one mount remembers of them.
#[derive(Default)]
pub(super) struct Trouble {
    ids: Recent<Key, Dead>,
    callers: Recent<Key, ()>,
}

struct Dead {
    refusal: CallError,
    asked_at: Instant,
}

impl Trouble {
    /// Which way a question goes.
    ///
    /// # Errors
    /// EC2 has just said that it does not know the id; what it said.
    pub(super) fn lane(&mut self, client: &ClientKey, wanted: &Wanted<'_>) -> Result<Lane, CallError> {
        let now = Instant::now();
        let id: Arc<str> = wanted.id.into();
        if let Some(dead) = self.ids.get_mut(&(client.clone(), Arc::clone(&id))) {
            if now.saturating_duration_since(dead.asked_at) < PAUSE {
                return Err(dead.refusal.clone());
            }
            dead.asked_at = now;
            return Ok(Lane::Alone(id));
        }
        let caller: Arc<str> = wanted.caller.into();
        if self.callers.get_mut(&(client.clone(), Arc::clone(&caller))).is_some() {
            return Ok(Lane::Of(caller));
        }
        Ok(Lane::Shared)
    }

    /// EC2 does not know an id.
    pub(super) fn remember(&mut self, client: &ClientKey, id: &str, caller: &Arc<str>, refusal: CallError) {
        self.ids.put((client.clone(), id.into()), Dead { refusal, asked_at: Instant::now() });
        self.callers.put((client.clone(), Arc::clone(caller)), ());
    }

    /// EC2 knows an id.
    pub(super) fn forget(&mut self, client: &ClientKey, id: &str) {
        self.ids.forget(&(client.clone(), id.into()));
    }
}

/// What was put there lately, in bounded number.
struct Recent<K, V> {
    values: HashMap<K, (Instant, V)>,
    /// When each was put there, oldest first; also of values that were put there again or forgotten.
    order: VecDeque<(Instant, K)>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    fn put(&mut self, key: K, value: V) {
        let now = Instant::now();
        self.order.push_back((now, key.clone()));
        self.values.insert(key, (now, value));
        while self.order.len() > MAX_REMEMBERED || self.order.front().is_some_and(|(at, _)| is_over(*at)) {
            let Some((put_at, key)) = self.order.pop_front() else { return };
            if self.values.get(&key).is_some_and(|(at, _)| *at == put_at) {
                self.values.remove(&key);
            }
        }
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.get_mut(key).filter(|(at, _)| !is_over(*at)).map(|(_, value)| value)
    }

    fn forget(&mut self, key: &K) {
        self.values.remove(key);
    }
}

fn is_over(put_at: Instant) -> bool {
    Instant::now().saturating_duration_since(put_at) >= MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded_in_time_and_number() {
        let mut recent = Recent::default();
        recent.put(1, "a");
        tokio::time::advance(MEMORY / 2).await;
        recent.put(2, "b");
        recent.put(1, "c");
        tokio::time::advance(MEMORY / 2).await;
        assert_eq!(recent.get_mut(&1), Some(&mut "c"));
        assert_eq!(recent.get_mut(&2), Some(&mut "b"));
        tokio::time::advance(MEMORY / 2).await;
        assert_eq!(recent.get_mut(&1), None);
        assert_eq!(recent.get_mut(&2), None);
        for number in 0..10_000 {
            recent.put(number, "d");
            recent.forget(&(number / 2));
            assert!(recent.values.len() <= MAX_REMEMBERED && recent.order.len() <= MAX_REMEMBERED);
        }
        assert!(recent.get_mut(&9_999).is_some() && recent.get_mut(&8_000).is_none());
    }
}
