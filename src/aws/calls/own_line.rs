//! The server's own calls of one action in one account and region.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::time::Instant;

use super::super::deadline::Deadline;
use super::api::{Allowance, Purpose};
use super::bucket::Bucket;
use super::fair_turns::{Crowded, FairTurns, Waiter};
use super::figures::{Counts, Figures, Outcome};
use super::table::LineKey;
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// What is counted of the calls, and the budget they are made from.
pub struct OwnLine {
    /// How the line is named to the operator.
    name: String,
    state: Mutex<State>,
    /// Whoever has the turn is the next to get a token.
    turns: Arc<FairTurns>,
}

struct State {
    figures: Figures,
    bucket: Bucket,
}

/// Leave to make one attempt.
#[derive(Debug)]
pub struct Token {
    waiter: Waiter,
}

impl Token {
    /// Who waited for it.
    pub(super) fn waiter(&self) -> &Waiter {
        &self.waiter
    }
}

/// There was no leave.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BudgetUsedUp {
    /// Not in time.
    #[error("the call budget for {line} is used up and had no room in time")]
    InTime {
        /// How the line is named to the operator.
        line: String,
    },
    /// The caller has too many calls that wait for it.
    #[error("{waiting} calls of this caller already wait for the call budget for {line}")]
    Crowded {
        /// How the line is named to the operator.
        line: String,
        /// How many calls.
        waiting: usize,
    },
}

impl Coded for BudgetUsedUp {
    fn code(&self) -> Code {
        match self {
            Self::InTime { .. } => Code::BudgetUsedUp,
            Self::Crowded { .. } => Code::CallerCrowded,
        }
    }
}

/// A budget at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Calls that could be made at once.
    pub remaining: u32,
    /// What is allowed.
    pub allowance: Allowance,
    /// Calls per second that are added now: less than what is allowed after AWS has throttled.
    pub refill_per_second: f64,
}

impl OwnLine {
    pub(super) fn new(key: LineKey<'_>) -> Self {
        let LineKey { account, region, api, purpose } = key;
        let what_for = match purpose {
            Purpose::General => "",
            Purpose::RoleWrite => " for role writes",
        };
        let bucket = Bucket::full(api.allowance(purpose));
        Self {
            name: format!("{}{what_for} in account {} and region {region}", api.name(), quote(account)),
            state: Mutex::new(State { figures: Figures::default(), bucket }),
            turns: Arc::default(),
        }
    }

    /// Waits until an attempt of the server itself may be made: in the order of coming, and as long as the
    /// request's calls can wait.
    ///
    /// # Errors
    /// There was no leave in time.
    pub async fn token(&self, deadline: Deadline) -> Result<Token, BudgetUsedUp> {
        self.token_for(&Waiter::default(), deadline).await
    }

    /// Waits until an attempt may be made: callers take turns, and calls of one caller go in the order of
    /// coming.
    ///
    /// # Errors
    /// There was no leave in time, or too many calls of the caller wait for it.
    pub async fn token_for(&self, waiter: &Waiter, deadline: Deadline) -> Result<Token, BudgetUsedUp> {
        let line = || self.name.clone();
        let wait = async {
            let crowded = |crowded: Crowded| BudgetUsedUp::Crowded { line: line(), waiting: crowded.waiting };
            let _turn = self.turns.turn(waiter).await.map_err(crowded)?;
            loop {
                let taken = self.state().bucket.take();
                match taken {
                    Ok(()) => return Ok(Token { waiter: waiter.clone() }),
                    Err(time) => tokio::time::sleep(time).await,
                }
            }
        };
        deadline.limit_call(wait).await.unwrap_or_else(|| Err(BudgetUsedUp::InTime { line: line() }))
    }

    pub(in super::super) fn record(&self, outcome: Outcome, sent_at: Instant) {
        let mut state = self.state();
        state.figures.record(outcome, Instant::now().saturating_duration_since(sent_at));
        match outcome {
            Outcome::Answered | Outcome::Refused => state.bucket.speed_up(),
            Outcome::Throttled => state.bucket.slow_down(sent_at),
            Outcome::Unanswered => {}
        }
    }

    pub(super) fn status(&self) -> (Counts, Budget) {
        let mut state = self.state();
        let budget = Budget {
            remaining: state.bucket.remaining(),
            allowance: state.bucket.allowance(),
            refill_per_second: state.bucket.refill_per_second(),
        };
        (state.figures.counts(), budget)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::super::super::deadline::TOTAL_TIMEOUT;
    use super::super::Api;
    use super::*;

    fn line() -> OwnLine {
        let (api, purpose) = (Api::DescribeInstances, Purpose::General);
        OwnLine::new(LineKey { account: "1", region: "eu-west-1", api, purpose })
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_budget_waits_in_the_order_of_coming() {
        let line = Arc::new(line());
        let start = Instant::now();
        let order = Arc::new(Mutex::new(Vec::new()));
        let all = (0..80).map(|number| {
            let (line, order) = (Arc::clone(&line), Arc::clone(&order));
            async move {
                line.token(Deadline::start()).await.unwrap();
                order.lock().unwrap().push((number, start.elapsed()));
            }
        });
        join_all(all).await;
        let order = order.lock().unwrap().clone();
        assert!(order.iter().map(|(number, _)| *number).eq(0..80));
        assert!(order[..50].iter().all(|(_, time)| time.is_zero()));
        assert!(order[79].1.abs_diff(Duration::from_secs(3)) < Duration::from_millis(100), "{:?}", order[79]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_turn_to_the_next() {
        let line = Arc::new(line());
        for _ in 0..50 {
            line.token(Deadline::start()).await.unwrap();
        }
        let impatient = tokio::spawn({
            let line = Arc::clone(&line);
            async move { line.token(Deadline::start()).await }
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        let patient = line.token(Deadline::start());
        let start = Instant::now();
        impatient.abort();
        patient.await.unwrap();
        assert!(start.elapsed() < Duration::from_millis(120), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_stays_used_up_is_named_when_time_is_up() {
        let line = line();
        for _ in 0..600 {
            let sent_at = Instant::now();
            line.record(Outcome::Throttled, sent_at);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let start = Instant::now();
        // Far more than comes back before their time is up.
        let answers = join_all((0..60).map(|_| line.token(Deadline::start()))).await;
        assert!(start.elapsed() < TOTAL_TIMEOUT);
        let served = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!((17..=19).contains(&served), "{served}");
        let text = answers.into_iter().find_map(Result::err).unwrap();
        let wanted =
            "the call budget for ec2:DescribeInstances in account \"1\" and region eu-west-1 is used up";
        assert!(text.to_string().starts_with(wanted), "{text}");
        assert_eq!(text.code(), Code::BudgetUsedUp);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_with_many_calls_waits_behind_nobody_and_keeps_nobody_waiting() {
        let line = line();
        for _ in 0..50 {
            line.token(Deadline::start()).await.unwrap();
        }
        let of = |caller: &str| Waiter { caller: caller.into(), is_patient: false };
        let start = Instant::now();
        let (many, one) = (of("many"), of("one"));
        let storm = join_all((0..40).map(|_| line.token_for(&many, Deadline::start())));
        let other = async {
            line.token_for(&one, Deadline::start()).await.unwrap();
            start.elapsed()
        };
        let (storm, other) = tokio::join!(storm, other);
        assert!(other < Duration::from_millis(350), "{other:?}");
        let (served, refused): (Vec<_>, Vec<_>) = storm.into_iter().partition(Result::is_ok);
        assert_eq!((served.len(), refused.len()), (17, 23));
        for error in refused.into_iter().filter_map(Result::err) {
            let text = "16 calls of this caller already wait for the call budget for ec2:DescribeInstances in account \"1\" and region eu-west-1";
            assert_eq!((error.to_string().as_str(), error.code()), (text, Code::CallerCrowded));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_aws_says_changes_the_budget() {
        let line = line();
        line.record(Outcome::Throttled, Instant::now());
        let (counts, budget) = line.status();
        assert_eq!((counts.calls, counts.throttles, budget.remaining), (1, 1, 0));
        assert_eq!(budget.refill_per_second, 5.0);
        line.record(Outcome::Unanswered, Instant::now());
        assert_eq!(line.status().1.refill_per_second, 5.0);
        line.record(Outcome::Refused, Instant::now());
        assert_eq!(line.status().1.refill_per_second, 5.5);
    }
}
