//! Bursts of requests, and the memory that they leave behind: the heap keeps it for the next ones, which
//! for a burst of strangers may never come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// What a request holds besides its data, in bytes: a login that waits for AWS has a connection of its own.
const OF_REQUEST: usize = 48 * 1024;
/// From how many bytes on, held by requests at the same time, it was a burst.
const BURST: usize = 4 * 1024 * 1024;
/// With how few bytes a burst is over.
const OVER: usize = BURST / 4;
/// How long after that the memory is given back: one burst often follows another.
const PAUSE: Duration = Duration::from_secs(2);
/// How long after that it is given back again, and again, if there were requests meanwhile: what was under way when
/// the burst ended is freed one by one, which is no burst.
const LATER: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(4)];

/// How much requests hold.
#[derive(Default)]
pub(crate) struct Bursts {
    load: Mutex<Load>,
    over: Notify,
}

#[derive(Default)]
struct Load {
    now: usize,
    highest: usize,
    /// Whether a request has ended since memory was given back.
    has_stragglers: bool,
}

/// A request that is being answered, until it is dropped.
pub(crate) struct Held<'a> {
    bursts: &'a Bursts,
    bytes: usize,
}

impl Bursts {
    /// Counts a request with so many bytes of data.
    pub(crate) fn hold(&self, data: usize) -> Held<'_> {
        let bytes = data.saturating_add(OF_REQUEST);
        let mut load = self.load();
        load.now = load.now.saturating_add(bytes);
        load.highest = load.highest.max(load.now);
        Held { bursts: self, bytes }
    }

    /// Gives memory back after each burst, and after what comes of it late.
    pub(crate) async fn give_back_after_each(&self, give_back: impl Fn()) {
        loop {
            self.over.notified().await;
            tokio::time::sleep(PAUSE).await;
            // Each request at the end of a burst tells that it is over.
            if !self.forget_burst() {
                continue;
            }
            give_back();
            for pause in LATER {
                tokio::time::sleep(pause).await;
                if !std::mem::take(&mut self.load().has_stragglers) {
                    break;
                }
                give_back();
            }
        }
    }

    /// Whether there was a burst, which there then was not.
    fn forget_burst(&self) -> bool {
        let mut load = self.load();
        let was_burst = load.highest >= BURST;
        load.highest = load.now;
        load.has_stragglers = false;
        was_burst
    }

    fn load(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut load = self.bursts.load();
        load.now = load.now.saturating_sub(self.bytes);
        load.has_stragglers = true;
        if load.highest >= BURST && load.now <= OVER {
            self.bursts.over.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_is_given_back_once_after_a_burst_and_not_otherwise() {
        let (bursts, given) = (Arc::new(Bursts::default()), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn({
            let (bursts, given) = (Arc::clone(&bursts), Arc::clone(&given));
            async move {
                let give_back = || {
                    given.fetch_add(1, Ordering::SeqCst);
                };
                bursts.give_back_after_each(give_back).await;
            }
        });
        let held = |count: usize| (0..count).map(|_| bursts.hold(2_000)).collect::<Vec<_>>();
        let given_by_then = async |seconds| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            given.load(Ordering::SeqCst)
        };
        drop(held(32));
        assert_eq!(given_by_then(10).await, 0, "no burst");
        let burst = held(100);
        assert_eq!(given_by_then(10).await, 0, "not over");
        drop(burst);
        assert_eq!(given_by_then(10).await, 1);
        drop(held(32));
        assert_eq!(given_by_then(10).await, 1, "told once");
        drop((bursts.hold(BURST), held(1)));
        assert_eq!(given_by_then(10).await, 2, "large data");
        drop(bursts.hold(BURST));
        assert_eq!(given_by_then(3).await, 3);
        drop(held(1));
        assert_eq!(given_by_then(2).await, 4, "what came late");
        drop(held(1));
        assert_eq!(given_by_then(10).await, 5, "and later");
        drop(held(1));
        assert_eq!(given_by_then(10).await, 5, "long after");
        task.abort();
    }
}
