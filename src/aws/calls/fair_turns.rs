//! Turns that callers take, each caller in its turn: many calls of one do not keep those of another waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Calls of one caller that may wait for the same budget. Each can be for a hundred instances.
const MAX_WAITING: usize = 16;

/// On whose account a call waits for its budget, and how urgently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiter {
    /// The caller; empty for calls that are made for several, or for the server itself. Those may wait in any
    /// number.
    pub caller: Arc<str>,
    /// Whether it goes only when nothing else waits.
    pub is_patient: bool,
}

/// There is a turn that one has at a time; the others wait for it. Callers take it one after the other, and
/// calls of one caller in the order in which they came.
#[derive(Default)]
pub(super) struct FairTurns {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    urgent: Queue,
    patient: Queue,
}

/// Those who wait, by caller.
#[derive(Default)]
struct Queue {
    /// The callers, the next one first.
    callers: VecDeque<Arc<str>>,
    waiting: HashMap<Arc<str>, VecDeque<oneshot::Sender<Turn>>>,
}

/// The turn of one call. When it is dropped the next one has it.
pub(super) struct Turn {
    turns: Option<Arc<FairTurns>>,
}

/// As many calls of the caller as may wait do so already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crowded {
    /// How many.
    pub(super) waiting: usize,
}

impl FairTurns {
    /// Waits for the turn. Whoever stops waiting leaves it to the next.
    ///
    /// # Errors
    /// Too many calls of the caller wait already.
    pub(super) async fn turn(self: &Arc<Self>, waiter: &Waiter) -> Result<Turn, Crowded> {
        let place = {
            let mut state = self.state();
            if !state.is_taken {
                state.is_taken = true;
                return Ok(self.make_turn());
            }
            let waiting =
                state.urgent.count(&waiter.caller).saturating_add(state.patient.count(&waiter.caller));
            if waiting >= MAX_WAITING && !waiter.caller.is_empty() {
                return Err(Crowded { waiting });
            }
            let queue = if waiter.is_patient { &mut state.patient } else { &mut state.urgent };
            queue.push(&waiter.caller)
        };
        // The sender is kept until it is used: nobody else ends the wait.
        Ok(place.await.unwrap_or_else(|_| self.make_turn()))
    }

    fn make_turn(self: &Arc<Self>) -> Turn {
        Turn { turns: Some(Arc::clone(self)) }
    }

    fn pass_on(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.urgent.pop();
                let next = next.or_else(|| state.patient.pop());
                state.is_taken = next.is_some();
                next
            };
            let Some(next) = next else { return };
            match next.send(self.make_turn()) {
                Ok(()) => return,
                // Nobody waits there any more.
                Err(mut turn) => turn.turns = None,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.pass_on();
        }
    }
}

impl Queue {
    /// The calls of a caller that still wait.
    fn count(&mut self, caller: &str) -> usize {
        // Only a caller whose calls are counted is cleared of those that gave up; the others go when it is
        // their turn.
        self.waiting.get_mut(caller).filter(|_| !caller.is_empty()).map_or(0, |calls| {
            calls.retain(|call| !call.is_closed());
            calls.len()
        })
    }

    fn push(&mut self, caller: &Arc<str>) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        let calls = self.waiting.entry(Arc::clone(caller)).or_insert_with(|| {
            self.callers.push_back(Arc::clone(caller));
            VecDeque::new()
        });
        calls.push_back(sender);
        receiver
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(caller) = self.callers.pop_front() {
            let Some(calls) = self.waiting.get_mut(&caller) else { continue };
            let next = calls.pop_front();
            if calls.is_empty() {
                self.waiting.remove(&caller);
            } else {
                self.callers.push_back(caller);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    use futures_util::future::FutureExt;

    use super::*;

    fn of(caller: &str) -> Waiter {
        Waiter { caller: caller.into(), is_patient: false }
    }

    /// The callers in the order in which they get the turn when they ask for it in this one.
    async fn order(waiters: Vec<Waiter>) -> Vec<String> {
        let turns = Arc::<FairTurns>::default();
        let first = turns.turn(&Waiter::default()).await.ok();
        let seen = Mutex::new(Vec::new());
        let waits = waiters.into_iter().map(|waiter| {
            let (turns, seen) = (&turns, &seen);
            async move {
                let _turn = turns.turn(&waiter).await.ok().unwrap();
                seen.lock().unwrap().push(waiter.caller.to_string());
            }
        });
        let mut waits = Box::pin(futures_util::future::join_all(waits));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(first);
        waits.as_mut().await;
        drop(waits);
        seen.into_inner().unwrap()
    }

    #[tokio::test]
    async fn callers_take_turns_and_each_of_them_in_the_order_of_coming() {
        let waiters = ["a", "a", "a", "b", "c", "b"].map(of).to_vec();
        assert_eq!(order(waiters).await, ["a", "b", "c", "a", "b", "a"]);
        assert_eq!(order(vec![of(""), of("a"), of(""), of("")]).await, ["", "a", "", ""]);
    }

    #[tokio::test]
    async fn who_is_patient_goes_when_nothing_else_waits() {
        let patient = Waiter { is_patient: true, ..of("a") };
        assert_eq!(order(vec![patient, of("b"), of("c"), of("b")]).await, ["b", "c", "b", "a"]);
    }

    #[tokio::test]
    async fn as_many_calls_of_a_caller_wait_as_may_and_of_several_callers_any_number() {
        let turns = Arc::<FairTurns>::default();
        let first = turns.turn(&of("a")).await.ok();
        let (a, b, all) = (of("a"), of("b"), of(""));
        let patient = Waiter { is_patient: true, ..of("a") };
        let mut waits: Vec<_> = (0..MAX_WAITING - 1).map(|_| Box::pin(turns.turn(&a))).collect();
        waits.push(Box::pin(turns.turn(&patient)));
        let mut context = Context::from_waker(Waker::noop());
        for wait in &mut waits {
            assert!(wait.as_mut().poll(&mut context).is_pending());
        }
        for waiter in [&a, &patient] {
            assert_eq!(turns.turn(waiter).await.err(), Some(Crowded { waiting: MAX_WAITING }));
        }
        assert!(turns.turn(&b).now_or_never().is_none());
        let mut several: Vec<_> = (0..99).map(|_| Box::pin(turns.turn(&all))).collect();
        for wait in &mut several {
            assert!(wait.as_mut().poll(&mut context).is_pending());
        }
        // Whoever gives up makes room.
        waits.pop();
        assert!(turns.turn(&a).now_or_never().is_none());
        drop((waits, several));
        drop(first);
        assert!(matches!(Box::pin(turns.turn(&b)).as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    }

    #[tokio::test]
    async fn a_turn_that_was_given_to_somebody_who_left_goes_on() {
        let turns = Arc::<FairTurns>::default();
        let (a, b) = (of("a"), of("b"));
        let first = turns.turn(&a).await.ok();
        let mut context = Context::from_waker(Waker::noop());
        let mut leaves = Box::pin(turns.turn(&a));
        let mut stays = Box::pin(turns.turn(&b));
        assert!(leaves.as_mut().poll(&mut context).is_pending());
        assert!(stays.as_mut().poll(&mut context).is_pending());
        drop(first);
        drop(leaves);
        assert!(stays.as_mut().poll(&mut context).is_ready());
    }
}
