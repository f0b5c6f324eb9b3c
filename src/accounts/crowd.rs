//! Requests that are on their way to the same place.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How many others must be on their way with a request for them to be a crowd.
const CROWD: usize = 100;
/// With how few on their way a crowd is about to be over.
const END_OF_CROWD: usize = 10;
/// How long after its last sign a crowd is over. Machines that start together come in waves, between which
/// nobody may be on the way.
const CROWD_LASTS: Duration = Duration::from_secs(1);
/// How long after the last one set out nobody more is waited for.
const PAUSE: Duration = Duration::from_millis(250);

/// Counts those that have set out and not arrived.
#[derive(Debug, Default)]
pub struct Crowd {
    on_their_way: AtomicUsize,
    gone: Notify,
    seen: Mutex<Seen>,
}

/// When what was seen last.
#[derive(Debug, Default)]
struct Seen {
    /// Somebody set out.
    setting_out: Option<Instant>,
    /// There was a crowd.
    crowd: Option<Instant>,
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
        let others = self.on_their_way.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut seen = self.seen();
        seen.setting_out = Some(now);
        if others >= CROWD {
            seen.crowd = Some(now);
        }
        drop(seen);
        Arrival { crowd: Arc::clone(self), is_there: AtomicBool::default() }
    }

    /// How many are on their way.
    #[must_use]
    pub fn size(&self) -> usize {
        self.on_their_way.load(Ordering::Relaxed)
    }

    /// Whether there is a crowd, or was a moment ago.
    #[must_use]
    pub fn is_crowd(&self) -> bool {
        let (size, now) = (self.size(), Instant::now());
        let mut seen = self.seen();
        let was_crowd = seen.crowd.is_some_and(|at| now.saturating_duration_since(at) < CROWD_LASTS);
        // Its last ones belong to it as well.
        if size >= if was_crowd { END_OF_CROWD } else { CROWD } {
            seen.crowd = Some(now);
            return true;
        }
        was_crowd
    }

    /// Waits until nobody is on the way, and nobody has set out for a while.
    pub async fn gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.size() > 0 {
                gone.await;
                continue;
            }
            let until = self.seen().setting_out.and_then(|at| at.checked_add(PAUSE));
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[tokio::test(start_paused = true)]
    async fn it_is_told_when_the_last_one_has_arrived() {
        let crowd = Arc::<Crowd>::default();
        assert!(crowd.gone().now_or_never().is_some());
        let (first, second) = (crowd.set_out(), crowd.set_out());
        tokio::time::advance(PAUSE).await;
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

    #[tokio::test(start_paused = true)]
    async fn nobody_is_gone_while_others_set_out() {
        let crowd = Arc::<Crowd>::default();
        let begun = Instant::now();
        let setting_out = async {
            for _ in 0..10 {
                crowd.set_out().arrive();
                tokio::time::sleep(PAUSE / 2).await;
            }
        };
        let gone = async {
            crowd.gone().await;
            begun.elapsed()
        };
        let ((), gone) = tokio::join!(setting_out, gone);
        assert_eq!(gone.as_millis(), 1_375, "a pause after the last one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_lasts_between_its_waves_and_not_for_ever() {
        let crowd = Arc::<Crowd>::default();
        let wave = |size| (0..size).map(|_| crowd.set_out()).collect::<Vec<_>>();
        drop(wave(CROWD));
        assert!(!crowd.is_crowd(), "one too few");
        drop(wave(CROWD + 1));
        let half = CROWD_LASTS / 2;
        tokio::time::advance(half).await;
        assert!(crowd.is_crowd(), "between two waves");
        let last_ones = wave(END_OF_CROWD);
        assert!(crowd.is_crowd());
        drop(last_ones);
        tokio::time::advance(half).await;
        assert!(crowd.is_crowd(), "the last ones belong to it");
        tokio::time::advance(half).await;
        assert!(!crowd.is_crowd());
        let few = wave(END_OF_CROWD);
        assert!(!crowd.is_crowd(), "it takes many to be one again");
        drop(few);
    }
}
