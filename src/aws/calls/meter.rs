//! What an attempt waits for, and where it is counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::api::Api;
use super::books::Calls;
use super::fair_turns::Waiter;
use super::figures::Outcome;
use super::own_line::{BudgetUsedUp, OwnLine, Token};
use crate::aws::arn::AccountId;
use crate::aws::deadline::Deadline;

/// Counts the attempts of one call.
pub enum Meter<'a> {
    /// Of a call of the server itself.
    Own {
        /// Its line.
        line: Arc<OwnLine>,
        /// Leave that was waited for before the call was put together; for one attempt.
        paid: Option<Token>,
        /// For whom the next attempts wait.
        waiter: Waiter,
    },
    /// Of a client's request.
    Forwarded {
        /// The books.
        calls: &'a Calls,
        /// Its action.
        api: Api,
        /// Region of the endpoint.
        region: &'a str,
    },
}

impl Meter<'_> {
    /// Of a call of the server itself; with leave for the first attempt, the next ones wait as that one did.
    #[must_use]
    pub fn own(line: Arc<OwnLine>, paid: Option<Token>) -> Self {
        let waiter = paid.as_ref().map(|token| token.waiter().clone()).unwrap_or_default();
        Self::Own { line, paid, waiter }
    }

    /// Waits until an attempt may be made.
    ///
    /// # Errors
    /// The budget is used up.
    pub async fn wait_for_budget(&mut self, deadline: Deadline) -> Result<(), BudgetUsedUp> {
        match self {
            Self::Own { line, paid, waiter } => match paid.take() {
                Some(_) => Ok(()),
                None => line.token_for(waiter, deadline).await.map(drop),
            },
            Self::Forwarded { .. } => Ok(()),
        }
    }

    /// An attempt that is sent now.
    #[must_use]
    pub fn attempt(&self) -> Attempt<'_> {
        Attempt { meter: self, sent_at: Instant::now(), outcome: Outcome::Unanswered }
    }
}

/// An attempt under way; it is counted when it is dropped. Unless its outcome is told before, nobody
/// waited for its answer.
pub struct Attempt<'a> {
    meter: &'a Meter<'a>,
    sent_at: Instant,
    outcome: Outcome,
}

impl Attempt<'_> {
    /// Ends it; how long it took.
    pub fn end(mut self, outcome: Outcome) -> Duration {
        self.outcome = outcome;
        self.taken()
    }

    fn taken(&self) -> Duration {
        Instant::now().saturating_duration_since(self.sent_at)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        match (self.meter, self.outcome) {
            (Meter::Own { line, .. }, outcome) => line.record(outcome, self.sent_at),
            // Counted when it is known whose it was.
            (Meter::Forwarded { .. }, Outcome::Answered) => {}
            (Meter::Forwarded { calls, api, region }, outcome) => {
                calls.record_forwarded(*api, ("", false), region, outcome, self.taken());
            }
        }
    }
}

/// An answer to a forwarded request; it is counted when it is dropped. Unless it was found to name
/// somebody before, it is counted as none.
pub struct ForwardedAnswer<'a> {
    calls: &'a Calls,
    api: Api,
    region: &'a str,
    latency: Duration,
    account: Option<AccountId>,
    is_admitted: bool,
}

impl<'a> ForwardedAnswer<'a> {
    /// An answer to this action, of an endpoint in a region.
    #[must_use]
    pub fn new(calls: &'a Calls, api: Api, region: &'a str, latency: Duration) -> Self {
        Self { calls, api, region, latency, account: None, is_admitted: false }
    }

    /// It names somebody of this account.
    pub fn names(&mut self, account: &AccountId) {
        self.account = Some(account.clone());
    }

    /// The login was admitted, so its account may have a line.
    pub fn admit(mut self) {
        self.is_admitted = true;
    }
}

impl Drop for ForwardedAnswer<'_> {
    fn drop(&mut self) {
        let outcome = if self.account.is_some() { Outcome::Answered } else { Outcome::Refused };
        let account = self.account.as_ref().map_or("", AccountId::as_str);
        let of = (account, self.is_admitted);
        self.calls.record_forwarded(self.api, of, self.region, outcome, self.latency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_given_up_is_counted() {
        let calls = Calls::default();
        let own = Meter::own(calls.own_line("1", "", Api::GetUser), None);
        drop(own.attempt());
        own.attempt().end(Outcome::Answered);
        let forwarded = Meter::Forwarded { calls: &calls, api: Api::GetCallerIdentity, region: "aws-global" };
        drop(forwarded.attempt());
        forwarded.attempt().end(Outcome::Answered);
        let found: Vec<_> = calls
            .status()
            .into_iter()
            .map(|line| (line.account, line.region, line.counts.calls, line.counts.errors))
            .collect();
        let line = |account: &str, region: &str, calls, errors| {
            (account.to_owned(), region.to_owned(), calls, errors)
        };
        assert_eq!(found, [line("", "", 1, 1), line("1", "", 2, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_counted_for_whom_it_names() {
        let calls = Calls::default();
        let answer = || ForwardedAnswer::new(&calls, Api::GetCallerIdentity, "", Duration::from_millis(5));
        let named = |account: &str| {
            let mut answer = answer();
            answer.names(&AccountId::new(account));
            answer
        };
        drop(answer());
        drop(named("2"));
        named("1").admit();
        drop(named("1"));
        let found: Vec<_> = calls
            .status()
            .into_iter()
            .map(|line| (line.account, line.counts.calls, line.counts.errors))
            .collect();
        assert_eq!(found, [(String::new(), 2, 1), ("1".to_owned(), 2, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_paid_for_is_paid_once() {
        let calls = Calls::default();
        let line = calls.own_line("1", "", Api::DescribeInstances);
        let paid = Some(line.token(Deadline::start()).await.unwrap());
        let mut meter = Meter::own(Arc::clone(&line), paid);
        meter.wait_for_budget(Deadline::start()).await.unwrap();
        assert_eq!(line.status().1.remaining, 49);
        meter.wait_for_budget(Deadline::start()).await.unwrap();
        assert_eq!(line.status().1.remaining, 48);
    }
}
