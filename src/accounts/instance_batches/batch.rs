//! Ids that go in one call, and what is asked of one client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Shared, WeakShared};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::super::crowd::Arrival;
use super::super::key::ClientKey;
use crate::aws::calls::Waiter;
use crate::aws::ec2::Description;
use crate::aws::error::CallError;

/// How long the first batch after a quiet time can be joined, and for how long after a call the time
/// is not quiet.
const FIRST_WINDOW: Duration = Duration::from_millis(10);
/// How long any batch can be joined. With it a thousand instances that start within three seconds
/// take fewer than twenty calls.
pub(super) const LONGEST_WINDOW: Duration = Duration::from_millis(250);
/// How long a batch can be joined at least while a crowd is on its way: each account of a fleet has batches of its
/// own, and the first of them shall not hold a few ids alone.
pub(super) const SHORTEST_CROWD_WINDOW: Duration = Duration::from_secs(1);
/// How long any batch can be joined while a crowd is on its way, however long that has taken so far.
pub(super) const LONGEST_CROWD_WINDOW: Duration = Duration::from_secs(5);

pub(super) type Answer = Result<Description, CallError>;
pub(super) type SharedAnswer = Shared<oneshot::Receiver<Answer>>;

/// An instance that somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its id, as the caller named it.
    pub id: &'a str,
    /// Who asks: a principal, or the instance itself where nobody else vouches for it. Many calls of one caller
    /// do not keep those of another waiting.
    pub caller: &'a str,
    /// Where the login is among those that come as well, if it counts.
    pub arrival: Option<&'a Arrival>,
}

/// Whose questions go together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// Everybody's.
    Shared,
    /// Those of one caller, because EC2 does not know an id that it asked for.
    Of(Arc<str>),
    /// Those for one id, because EC2 does not know it.
    Alone(Arc<str>),
}

/// Whose questions go together to which client.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) client: ClientKey,
    pub(super) lane: Lane,
}

impl Place {
    /// How a call that was opened by this caller waits for its budget.
    pub(super) fn waiter(&self, opened_by: &Arc<str>) -> Waiter {
        match &self.lane {
            Lane::Shared => Waiter::default(),
            Lane::Of(caller) => Waiter { caller: Arc::clone(caller), is_patient: false },
            Lane::Alone(_) => Waiter { caller: Arc::clone(opened_by), is_patient: true },
        }
    }
}

/// What is asked in one place.
pub(super) struct Group {
    /// How long the next batch can be joined.
    pub(super) window: Duration,
    /// The batch that can be joined.
    pub(super) open: Option<Arc<Batch>>,
    /// Questions without an answer, by id.
    pub(super) asked: HashMap<String, Asked>,
    /// Batches that have not ended.
    pub(super) under_way: usize,
    pub(super) quiet_from: Option<Instant>,
}

impl Default for Group {
    fn default() -> Self {
        Self { window: FIRST_WINDOW, open: None, asked: HashMap::new(), under_way: 0, quiet_from: None }
    }
}

impl Group {
    pub(super) fn is_quiet(&self) -> bool {
        self.under_way == 0 && self.quiet_from.is_none_or(|from| Instant::now() >= from)
    }

    /// Suits the window to the company that the last batch had.
    pub(super) fn adapt_window(&mut self, questions: usize) {
        self.window = if questions > 1 {
            self.window.saturating_mul(2).min(LONGEST_WINDOW)
        } else {
            self.window.div_f64(2.0).max(FIRST_WINDOW)
        };
    }
}

/// A question without an answer. Only those who wait for the answer keep it alive.
pub(super) struct Asked {
    pub(super) answer: WeakShared<oneshot::Receiver<Answer>>,
    pub(super) batch: u64,
}

pub(super) struct Question {
    pub(super) id: String,
    /// Who asked first.
    pub(super) caller: Arc<str>,
    pub(super) answer: oneshot::Sender<Answer>,
}

impl Question {
    pub(super) fn is_waited_for(&self) -> bool {
        !self.answer.is_closed()
    }
}

/// Ids that go in one call.
pub(super) struct Batch {
    pub(super) number: u64,
    /// How long it can be joined if it does not get full; `None` if it goes at once.
    pub(super) window: Option<Duration>,
    /// How long it can be joined while others are on their way; `None` if there was no crowd.
    pub(super) crowd_window: Option<Duration>,
    pub(super) questions: Mutex<Vec<Question>>,
    pub(super) is_full: Notify,
}

impl Batch {
    pub(super) fn questions(&self) -> MutexGuard<'_, Vec<Question>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
