//! Work that computes, off the threads that answer.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;

/// Runs pieces of work on threads of their own: few at once, and few more that wait. Who comes when the
/// queue is full is told so at once.
///
/// Queues that share `running` share the processors: they take turns in the order in which pieces came, and none
/// holds more than its places.
#[derive(Debug)]
pub struct BoundedWork {
    running: &'static Semaphore,
    places: Arc<Semaphore>,
}

/// As many pieces of work as may be are waiting.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the queue is full")]
pub struct QueueFull;

impl BoundedWork {
    /// A queue of so many places, of pieces that run and those that wait together.
    #[must_use]
    pub fn new(running: &'static Semaphore, places: usize) -> Self {
        Self { running, places: Arc::new(Semaphore::new(places)) }
    }

    /// Runs a piece of work. It is carried through even if nobody waits for it any more once it has begun.
    ///
    /// # Errors
    /// The queue is full, or the process ends.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, QueueFull> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| QueueFull)?;
        let turn = self.running.acquire().await.map_err(|_| QueueFull)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((place, turn));
            result
        });
        match done.await {
            Ok(result) => Ok(result),
            // What broke breaks the request that asked for it, and no other.
            Err(broken) => match broken.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(QueueFull),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn few_run_few_wait_and_the_others_are_told() {
        static RUNNING: Semaphore = Semaphore::const_new(1);
        let (work, neighbour) = (BoundedWork::new(&RUNNING, 2), BoundedWork::new(&RUNNING, 1));
        let (end, ended) = mpsc::channel::<()>();
        let mut first = Box::pin(work.run(move || {
            let _ = ended.recv();
            thread::current().id()
        }));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(work.run(|| 2));
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(work.run(|| 3).await, Err(QueueFull));
        // A full queue is no other queue's; but the turns are everybody's.
        let mut other = Box::pin(neighbour.run(|| 4));
        assert!((&mut other).now_or_never().is_none());
        end.send(()).unwrap();
        let ran_on: Result<ThreadId, QueueFull> = first.await;
        assert_ne!(ran_on, Ok(thread::current().id()));
        assert_eq!((second.await, other.await), (Ok(2), Ok(4)));
        assert_eq!(work.run(|| 5).await, Ok(5));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_the_place() {
        static RUNNING: Semaphore = Semaphore::const_new(1);
        let work = BoundedWork::new(&RUNNING, 1);
        let turn = RUNNING.acquire().await.unwrap();
        let mut waiting = Box::pin(work.run(|| 1));
        assert!((&mut waiting).now_or_never().is_none());
        drop(waiting);
        drop(turn);
        assert_eq!(work.run(|| 2).await, Ok(2));
    }

    #[tokio::test]
    #[should_panic(expected = "broken")]
    async fn what_breaks_breaks_who_asked_for_it() {
        static RUNNING: Semaphore = Semaphore::const_new(1);
        let _ = BoundedWork::new(&RUNNING, 1).run(|| panic!("broken")).await;
    }
}
