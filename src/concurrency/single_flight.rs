//! Equal look-ups at the same time become one.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};

/// Work on the heap, as several requests may wait for it.
pub type Work<V> = Pin<Box<dyn Future<Output = V> + Send>>;

/// Work in flight, by key. Whoever asks while it runs shares its result; when everyone who asked has
/// gone, the work is dropped.
pub struct SingleFlight<K, V: Clone> {
    flights: Mutex<HashMap<K, WeakShared<Work<V>>>>,
}

impl<K, V: Clone> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self { flights: Mutex::new(HashMap::new()) }
    }
}

impl<K: Eq + Hash, V: Clone> SingleFlight<K, V> {
    /// The result of the work in flight under this key, or of new work.
    pub fn run(&self, key: K, work: impl Future<Output = V> + Send + 'static) -> Shared<Work<V>> {
        self.join(key, work).0
    }

    /// The work in flight under this key.
    pub fn running<Q>(&self, key: &Q) -> Option<Shared<Work<V>>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.get(key).and_then(WeakShared::upgrade)
    }

    /// As [`SingleFlight::run`], for work that cannot be dropped: it stays known to its end, so that
    /// there is never a second one.
    pub async fn run_to_end(&self, key: K, work: impl Future<Output = V> + Send + 'static) -> V
    where
        V: Send + Sync + 'static,
    {
        self.forget_ended(&key);
        let (flight, is_new) = self.join(key, work);
        if is_new {
            tokio::spawn(flight.clone());
        }
        flight.await
    }

    /// What is held to its end is known a little longer than that.
    fn forget_ended(&self, key: &K) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(key).and_then(WeakShared::upgrade).is_some_and(|flight| flight.peek().is_some()) {
            flights.remove(key);
        }
    }

    fn join(&self, key: K, work: impl Future<Output = V> + Send + 'static) -> (Shared<Work<V>>, bool) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = flights.get(&key).and_then(WeakShared::upgrade) {
            return (shared, false);
        }
        flights.retain(|_, flight| flight.upgrade().is_some());
        let work: Work<V> = Box::pin(work);
        let shared = work.shared();
        if let Some(weak) = shared.downgrade() {
            flights.insert(key, weak);
        }
        (shared, true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn equal_work_runs_once_and_abandoned_work_is_forgotten() {
        let flights = Arc::new(SingleFlight::<u8, u32>::default());
        let runs = Arc::new(AtomicU32::new(0));
        let go = Arc::new(Notify::new());
        let work = |runs: &Arc<AtomicU32>, go: &Arc<Notify>| {
            let (runs, go) = (Arc::clone(runs), Arc::clone(go));
            async move {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                run
            }
        };
        drop(flights.join(1, work(&runs, &go)));
        let (first, _) = flights.join(1, work(&runs, &go));
        let (second, _) = flights.join(1, work(&runs, &go));
        let (other, _) = flights.join(2, async { 9 });
        let (first, second, other, ()) = tokio::join!(first, second, other, async { go.notify_one() });
        assert_eq!((first, second, other), (0, 0, 9));
        assert_eq!(flights.run(1, async { 7 }).await, 7);
    }

    #[tokio::test]
    async fn work_that_cannot_be_dropped_is_joined_by_whoever_comes_later() {
        let flights = Arc::new(SingleFlight::<u8, u32>::default());
        let go = Arc::new(Notify::new());
        let work = |result: u32| {
            let go = Arc::clone(&go);
            async move {
                go.notified().await;
                result
            }
        };
        let given_up = tokio::time::timeout(std::time::Duration::ZERO, flights.run_to_end(1, work(1))).await;
        assert!(given_up.is_err());
        let (later, ()) = tokio::join!(flights.run_to_end(1, work(2)), async { go.notify_one() });
        assert_eq!(later, 1);
        assert_eq!(flights.run_to_end(1, async { 3 }).await, 3, "what has ended is joined by nobody");
    }
}
