//! The questions of one mount that have no answer yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::sync::{Notify, oneshot};

use super::batch::{Asked, Batch, Group, Place, Question, SharedAnswer};
use super::trouble::Trouble;

/// Ids in one call, at the most.
pub(super) const MAX_BATCH: usize = 100;

/// The questions of one mount that have no answer yet.
#[derive(Default)]
pub(super) struct Questions {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) groups: HashMap<Place, Group>,
    /// Counts batches.
    batches: u64,
    pub(super) trouble: Trouble,
}

impl Questions {
    /// The answer to a question, and the batch that has to be run for it if it is a new one, which can be joined for
    /// this long while a crowd is on its way.
    pub(super) fn ask(
        &self,
        place: &Place,
        id: &str,
        caller: &Arc<str>,
        crowd_window: Option<Duration>,
    ) -> (SharedAnswer, Option<Arc<Batch>>) {
        let mut state = self.state();
        let State { groups, batches, .. } = &mut *state;
        let group = groups.entry(place.clone()).or_default();
        if let Some(answer) = group.asked.get(id).and_then(|asked| asked.answer.upgrade()) {
            return (answer, None);
        }
        let (sender, receiver) = oneshot::channel();
        let answer = receiver.shared();
        let question = Question { id: id.to_owned(), caller: Arc::clone(caller), answer: sender };
        let (batch, opened) = match group.open.clone() {
            Some(batch) => {
                batch.questions().push(question);
                (batch, None)
            }
            None => {
                *batches = batches.saturating_add(1);
                let batch = Arc::new(Batch {
                    number: *batches,
                    window: (!group.is_quiet()).then_some(group.window),
                    crowd_window,
                    questions: Mutex::new(vec![question]),
                    is_full: Notify::new(),
                });
                group.under_way = group.under_way.saturating_add(1);
                group.open = Some(Arc::clone(&batch));
                (Arc::clone(&batch), Some(batch))
            }
        };
        if batch.questions().len() >= MAX_BATCH {
            group.open = None;
            batch.is_full.notify_one();
        }
        if let Some(weak) = answer.downgrade() {
            group.asked.insert(id.to_owned(), Asked { answer: weak, batch: batch.number });
        }
        (answer, opened)
    }

    /// Forgets a place where nothing is asked, once that has been so for a while.
    pub(super) async fn forget_when_quiet(&self, place: &Place) {
        let quiet_from = self.state().groups.get(place).and_then(|group| group.quiet_from);
        if let Some(quiet_from) = quiet_from {
            tokio::time::sleep_until(quiet_from).await;
        }
        let mut state = self.state();
        if state.groups.get(place).is_some_and(Group::is_quiet) {
            state.groups.remove(place);
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
