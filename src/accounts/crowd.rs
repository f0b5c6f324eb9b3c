//! Requests that are on their way to the same place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts those that have set out and not arrived.
#[derive(Debug, Default)]
pub struct Crowd {
    on_their_way: AtomicUsize,
    gone: Notify,
}

/// One of a [`Crowd`], until it arrives or is dropped.
#[derive(Debug)]
pub struct Arrival {
    crowd: Arc<Crowd>,
    is_there: AtomicBool,
}

impl Crowd {
    /// One more sets out.
    #[must_use]
    pub fn set_out(self: &Arc<Self>) -> Arrival {
        self.on_their_way.fetch_add(1, Ordering::Relaxed);
        Arrival { crowd: Arc::clone(self), is_there: AtomicBool::default() }
    }

    /// How many are on their way.
    #[must_use]
    pub fn size(&self) -> usize {
        self.on_their_way.load(Ordering::Relaxed)
    }

    /// Waits until nobody is on the way.
    pub async fn gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.size() == 0 {
                return;
            }
            gone.await;
        }
    }
}

impl Arrival {
    /// It is there. The second time changes nothing.
    pub fn arrive(&self) {
        if self.is_there.swap(true, Ordering::Relaxed) {
            return;
        }
        // Each counts down once, as it has counted up.
        if self.crowd.on_their_way.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.crowd.gone.notify_waiters();
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.arrive();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn it_is_told_when_the_last_one_has_arrived() {
        let crowd = Arc::<Crowd>::default();
        assert!(crowd.gone().now_or_never().is_some());
        let (first, second) = (crowd.set_out(), crowd.set_out());
        let mut gone = Box::pin(crowd.gone());
        first.arrive();
        first.arrive();
        drop(first);
        assert_eq!(crowd.size(), 1);
        assert!((&mut gone).now_or_never().is_none());
        drop(second);
        assert!(gone.now_or_never().is_some());
        assert_eq!(crowd.size(), 0);
    }
}
