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
//! If EC2 does not know one of the ids it describes none, so the batch is asked again one by one: each
//! login gets what AWS says about its own id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{FutureExt, Shared, WeakShared};
use futures_util::stream::{self, StreamExt};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::key::ClientKey;
use super::shared_calls::SharedCalls;
use crate::aws::calls::{Api, Token};
use crate::aws::deadline::Deadline;
use crate::aws::ec2::{Description, Ec2Client, is_about_an_id};
use crate::aws::error::{CallError, NoResult};

/// Ids in one call, at the most.
pub const MAX_BATCH: usize = 100;
/// How long the first batch after a quiet time can be joined, and for how long after a call the time
/// is not quiet.
const FIRST_WINDOW: Duration = Duration::from_millis(10);
/// How long any batch can be joined. With it a thousand instances that start within three seconds
/// take fewer than twenty calls.
const LONGEST_WINDOW: Duration = Duration::from_millis(250);
/// Ids of one batch that are asked again at the same time.
const MAX_SINGLE_CALLS: usize = 8;

type Answer = Result<Description, CallError>;
type SharedAnswer = Shared<oneshot::Receiver<Answer>>;

/// The batches of one mount.
#[derive(Default)]
pub struct InstanceBatches {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    groups: HashMap<ClientKey, Group>,
    /// Counts batches.
    batches: u64,
}

/// What is asked of one client.
struct Group {
    /// How long the next batch can be joined.
    window: Duration,
    /// The batch that can be joined.
    open: Option<Arc<Batch>>,
    /// Questions without an answer, by id.
    asked: HashMap<String, Asked>,
    /// Batches that have not ended.
    under_way: usize,
    quiet_from: Option<Instant>,
}

impl Default for Group {
    fn default() -> Self {
        Self { window: FIRST_WINDOW, open: None, asked: HashMap::new(), under_way: 0, quiet_from: None }
    }
}

impl Group {
    fn is_quiet(&self) -> bool {
        self.under_way == 0 && self.quiet_from.is_none_or(|from| Instant::now() >= from)
    }
}

/// A question without an answer. Only those who wait for the answer keep it alive.
struct Asked {
    answer: WeakShared<oneshot::Receiver<Answer>>,
    batch: u64,
}

struct Question {
    id: String,
    answer: oneshot::Sender<Answer>,
}

/// Ids that go in one call.
struct Batch {
    number: u64,
    /// How long it can be joined if it does not get full; `None` if it goes at once.
    window: Option<Duration>,
    questions: Mutex<Vec<Question>>,
    is_full: Notify,
}

impl Batch {
    fn questions(&self) -> MutexGuard<'_, Vec<Question>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether EC2 could know an instance of this id. Sessions are named by clients: an id that EC2 finds
/// malformed must not undo the batches of others.
fn is_instance_id(id: &str) -> bool {
    id.strip_prefix("i-").is_some_and(|rest| {
        matches!(rest.len(), 8 | 17) && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
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
        id: &str,
        deadline: Deadline,
    ) -> Answer {
        let (answer, opened) = self.ask(&key, id);
        if let Some(batch) = opened {
            let run = Run { batches: Arc::clone(self), key, batch, client: client.clone(), shared };
            tokio::spawn(run.finish());
        }
        match deadline.limit_call(answer).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => Err(client.not_described(NoResult::Ended)),
            None => Err(client.not_described(NoResult::OutOfTime)),
        }
    }

    /// The answer to a question, and the batch that has to be run for it if it is a new one.
    fn ask(&self, key: &ClientKey, id: &str) -> (SharedAnswer, Option<Arc<Batch>>) {
        let mut state = self.state();
        let State { groups, batches } = &mut *state;
        let group = groups.entry(key.clone()).or_default();
        if let Some(answer) = group.asked.get(id).and_then(|asked| asked.answer.upgrade()) {
            return (answer, None);
        }
        let (sender, receiver) = oneshot::channel();
        let answer = receiver.shared();
        let question = Question { id: id.to_owned(), answer: sender };
        let can_join = is_instance_id(id);
        let joined = group.open.clone().filter(|_| can_join);
        let (batch, opened) = match joined {
            Some(batch) => {
                batch.questions().push(question);
                (batch, None)
            }
            None => {
                *batches = batches.saturating_add(1);
                let batch = Arc::new(Batch {
                    number: *batches,
                    window: (can_join && !group.is_quiet()).then_some(group.window),
                    questions: Mutex::new(vec![question]),
                    is_full: Notify::new(),
                });
                group.under_way = group.under_way.saturating_add(1);
                if can_join {
                    group.open = Some(Arc::clone(&batch));
                }
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

/// The way of one batch: what it was opened with, until the last of its questions is answered. When it
/// ends in whatever way, nothing is left of its questions, and whoever still waits for one learns so.
struct Run {
    batches: Arc<InstanceBatches>,
    key: ClientKey,
    batch: Arc<Batch>,
    client: Ec2Client,
    shared: SharedCalls,
}

impl Run {
    async fn finish(self) {
        let deadline = Deadline::start();
        if let Some(window) = self.batch.window {
            // Full or not, it goes now.
            let _ = tokio::time::timeout(window, self.batch.is_full.notified()).await;
        }
        let (account, region) = (self.key.account.as_str(), self.key.region.name());
        let line = self.shared.calls().own_line(account, region, Api::DescribeInstances);
        let token = line.token(deadline).await;
        let questions = self.close();
        match token {
            Ok(token) => self.call(questions, token, deadline).await,
            Err(cause) => {
                self.answer_all(questions, &Err(self.client.not_described(NoResult::Budget(cause))))
            }
        }
        let (batches, key) = (Arc::clone(&self.batches), self.key.clone());
        drop(self);
        batches.forget_when_quiet(&key).await;
    }

    /// Ends the time in which the batch can be joined; its questions, without those for whose answer
    /// nobody waits any more.
    fn close(&self) -> Vec<Question> {
        let mut state = self.batches.state();
        let mut questions = std::mem::take(&mut *self.batch.questions());
        if let Some(group) = state.groups.get_mut(&self.key) {
            if group.open.as_ref().is_some_and(|open| open.number == self.batch.number) {
                group.open = None;
            }
            if self.batch.window.is_some() {
                group.window = if questions.len() > 1 {
                    group.window.saturating_mul(2).min(LONGEST_WINDOW)
                } else {
                    group.window.div_f64(2.0).max(FIRST_WINDOW)
                };
            }
            group.quiet_from = Instant::now().checked_add(group.window);
        }
        questions.retain(|question| !question.answer.is_closed());
        questions
    }

    async fn call(&self, questions: Vec<Question>, token: Token, deadline: Deadline) {
        if questions.is_empty() {
            return;
        }
        let ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
        match self.client.describe_instances(&ids, self.shared.context(deadline), token).await {
            Ok(answers) => {
                for (question, answer) in questions.into_iter().zip(answers) {
                    self.answer(question, answer);
                }
            }
            Err(error) if questions.len() > 1 && is_about_an_id(&error) => {
                stream::iter(questions)
                    .for_each_concurrent(MAX_SINGLE_CALLS, |question| self.ask_alone(question, deadline))
                    .await;
            }
            Err(error) => self.answer_all(questions, &Err(error)),
        }
    }

    async fn ask_alone(&self, question: Question, deadline: Deadline) {
        if !question.answer.is_closed() {
            let answer = self.client.describe_instance(&question.id, self.shared.context(deadline)).await;
            self.answer(question, answer);
        }
    }

    fn answer_all(&self, questions: Vec<Question>, answer: &Answer) {
        for question in questions {
            self.answer(question, answer.clone());
        }
    }

    fn answer(&self, question: Question, answer: Answer) {
        if let Some(group) = self.batches.state().groups.get_mut(&self.key) {
            let batch = self.batch.number;
            if group.asked.get(&question.id).is_some_and(|asked| asked.batch == batch) {
                group.asked.remove(&question.id);
            }
        }
        // Nobody may be waiting any more.
        let _ = question.answer.send(answer);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut state = self.batches.state();
        if let Some(group) = state.groups.get_mut(&self.key) {
            let batch = self.batch.number;
            if group.open.as_ref().is_some_and(|open| open.number == batch) {
                group.open = None;
            }
            group.asked.retain(|_, asked| asked.batch != batch);
            group.under_way = group.under_way.saturating_sub(1);
        }
        self.batch.questions().clear();
    }
}

impl InstanceBatches {
    /// Forgets a client of which nothing is asked, once that has been so for a while.
    async fn forget_when_quiet(&self, key: &ClientKey) {
        let quiet_from = self.state().groups.get(key).and_then(|group| group.quiet_from);
        if let Some(quiet_from) = quiet_from {
            tokio::time::sleep_until(quiet_from).await;
        }
        let mut state = self.state();
        if state.groups.get(key).is_some_and(Group::is_quiet) {
            state.groups.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
