//! Descriptions of instances that are asked for at the same time, in one call.
//!
//! When many instances start together, each of their logins asks EC2 for its own. AWS grants an account
//! 20 such calls per second, but answers a hundred ids in one. So ids of the same client are collected
//! in batches:
//!
//! * An id that comes when nothing was asked lately goes at once. A lone login pays nothing.
//! * An id that comes while others are asked for, or shortly after, opens a batch that others may join
//!   for a while. That window grows as long as batches have more than one id, and shrinks when they do
//!   not. A batch that is full goes at once; one that waits for its call budget can still be joined.
//! * Whoever asks for an id that is being asked for shares that answer. An answer that has come is
//!   given to nobody else.
//!
//! If EC2 does not know one of the ids it describes none. Those that it names are then taken out of the batch and
//! the others asked for again; each login gets what AWS says about its own id. Ids are named by clients, so that
//! must not cost others their calls:
//!
//! * An id that no instance can have is not asked for at all.
//! * An id that EC2 did not know is kept out of batches for a minute. It is asked for alone, when nothing else
//!   waits, and every few seconds at the most; who asks in between gets the answer of before.
//! * The caller of such an id has batches of its own for a minute, which take turns with those of others.

mod batch;
mod run;
mod trouble;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::FutureExt;
use tokio::sync::{Notify, oneshot};

use self::batch::{Asked, Batch, Group, Place, Question, SharedAnswer};
use self::run::Run;
use self::trouble::Trouble;
use super::key::ClientKey;
use super::shared_calls::SharedCalls;
use crate::aws::deadline::Deadline;
use crate::aws::ec2::{Description, Ec2Client};
use crate::aws::error::{CallError, NoResult};
use crate::aws::instance_id::{is_instance_id, malformed};

/// Ids in one call, at the most.
pub const MAX_BATCH: usize = 100;

type Answer = Result<Description, CallError>;

/// An instance that somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its id, as the caller named it.
    pub id: &'a str,
    /// Who asks: a principal, or the instance itself where nobody else vouches for it. Many calls of one caller
    /// do not keep those of another waiting.
    pub caller: &'a str,
}

/// The batches of one mount.
#[derive(Default)]
pub struct InstanceBatches {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    groups: HashMap<Place, Group>,
    /// Counts batches.
    batches: u64,
    trouble: Trouble,
}

impl InstanceBatches {
    /// Describes an instance. The call has time of its own; this waits for it until the deadline.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn describe(
        self: &Arc<Self>,
        key: ClientKey,
        client: Ec2Client,
        shared: SharedCalls,
        wanted: Wanted<'_>,
        deadline: Deadline,
    ) -> Answer {
        if !is_instance_id(wanted.id) {
            return Err(malformed(wanted.id));
        }
        let lane = self.state().trouble.lane(&key, &wanted)?;
        let place = Place { client: key, lane };
        let caller: Arc<str> = wanted.caller.into();
        let (answer, opened) = self.ask(&place, wanted.id, &caller);
        if let Some(batch) = opened {
            let run = Run { batches: Arc::clone(self), place, batch, client: client.clone(), shared, caller };
            tokio::spawn(run.finish());
        }
        match deadline.limit_call(answer).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => Err(client.not_described(NoResult::Ended)),
            None => Err(client.not_described(NoResult::OutOfTime)),
        }
    }

    /// The answer to a question, and the batch that has to be run for it if it is a new one.
    fn ask(&self, place: &Place, id: &str, caller: &Arc<str>) -> (SharedAnswer, Option<Arc<Batch>>) {
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
