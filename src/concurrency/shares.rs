//! So many at a time, by key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Lets only so many with the same key go on at a time; the others wait, in the order in which they
/// came. It holds no more keys than there are requests.
#[derive(Debug)]
pub struct Shares {
    each: usize,
    by_key: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Shares {
    /// Lets so many go on for each key.
    #[must_use]
    pub fn new(each: usize) -> Self {
        Self { each, by_key: Mutex::default() }
    }

    /// Waits until there is room under this key.
    ///
    /// # Errors
    /// None: what is waited for is never closed.
    pub async fn take(&self, key: &str) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.of(key).acquire_owned().await
    }

    fn of(&self, key: &str) -> Arc<Semaphore> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = by_key.get(key).and_then(Weak::upgrade) {
            return share;
        }
        by_key.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.each));
        by_key.insert(key.to_owned(), Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn so_many_go_on_under_each_key_and_keys_are_forgotten() {
        let shares = Shares::new(2);
        let first = shares.take("a").await.unwrap();
        let second = shares.take("a").await.unwrap();
        let mut third = Box::pin(shares.take("a"));
        assert!((&mut third).now_or_never().is_none());
        let other = shares.take("b").now_or_never().unwrap().unwrap();
        drop(first);
        let third = third.now_or_never().unwrap().unwrap();
        drop((second, third, other));
        drop(shares.take("c").await.unwrap());
        assert_eq!(shares.by_key.lock().unwrap().len(), 1);
    }
}
