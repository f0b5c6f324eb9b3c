//! One at a time, by key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// Lets those with the same key go one after the other, in the order in which they came. Those with
/// other keys do not wait for each other. It holds no more keys than there are requests.
#[derive(Default)]
pub struct Turns {
    queues: Mutex<HashMap<String, Weak<Queue<()>>>>,
}

/// The turn of one request; it ends when this is dropped.
pub struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits until everybody who came before with this key has gone.
    pub async fn take(&self, key: &str) -> Turn {
        let queue = self.queue(key);
        Turn { _guard: queue.lock_owned().await }
    }

    fn queue(&self, key: &str) -> Arc<Queue<()>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(key).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(Queue::new(()));
        queues.insert(key.to_owned(), Arc::downgrade(&queue));
        queue
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn equal_keys_wait_and_are_forgotten() {
        let turns = Turns::default();
        let first = turns.take("a").await;
        let mut second = Box::pin(turns.take("a"));
        assert!((&mut second).now_or_never().is_none());
        let other = turns.take("b").now_or_never().unwrap();
        drop(first);
        let second = second.now_or_never().unwrap();
        assert!(turns.take("a").now_or_never().is_none());
        drop((second, other));
        drop(turns.take("c").await);
        assert_eq!(turns.queues.lock().unwrap().len(), 1);
    }
}
