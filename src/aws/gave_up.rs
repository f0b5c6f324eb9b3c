//! How a call ended without an answer.

use std::fmt;

use thiserror::Error;

use super::calls::BudgetUsedUp;
use super::deadline::Allotted;
use crate::ports::TransportError;
use crate::refusal::{Code, Coded, Hint, Step};

/// How a call ended without an answer worth reading.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct GaveUp {
    /// Attempts made.
    pub attempts: u32,
    /// What the last one met.
    pub cause: AttemptError,
    /// How much time there was in all, if it was time that ran out, and not attempts.
    pub out_of_time: Option<Allotted>,
}

impl GaveUp {
    /// Whether the last attempt had so little time that its end says nothing about the endpoint.
    fn was_cut_short(&self) -> bool {
        self.out_of_time.is_some() && matches!(self.cause, AttemptError::TimedOut(seconds) if seconds <= 1)
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, cause, out_of_time } = self;
        match out_of_time {
            // It says so itself.
            Some(_) if matches!(cause, AttemptError::Budget(_)) => write!(f, "{cause}"),
            Some(time) if self.was_cut_short() => write!(f, "no time was left of the {time}"),
            Some(time) => write!(f, "{cause}; no time was left of the {time}"),
            None => write!(f, "giving up after {attempts} attempt(s): {cause}"),
        }
    }
}

impl Coded for GaveUp {
    fn code(&self) -> Code {
        if self.was_cut_short() { Code::OutOfTime } else { self.cause.code() }
    }
}

impl GaveUp {
    /// What helps to reach an endpoint, if it was not reached; `settings` name what leads there.
    #[must_use]
    pub fn hint(&self, host: &str, settings: &'static str) -> Option<Hint> {
        let step = match &self.cause {
            // It had less time than connecting may take: nobody knows how far it came.
            AttemptError::TimedOut(_) if self.out_of_time.is_some() => return None,
            AttemptError::TimedOut(_) | AttemptError::Transport(TransportError::Exchange(_)) => Step::Read,
            AttemptError::Transport(TransportError::Resolve(_)) => Step::Resolve,
            AttemptError::Transport(TransportError::Connect(_)) => Step::Connect,
            AttemptError::Transport(TransportError::Tunnel(_) | TransportError::Proxy(_)) => Step::Proxy,
            AttemptError::Transport(TransportError::Tls(_)) => Step::Tls,
            AttemptError::Transport(TransportError::TooLarge { .. } | TransportError::Unsendable(_))
            | AttemptError::ServerErrors
            | AttemptError::Budget(_) => return None,
        };
        Some(Hint::NotReached { host: host.to_owned(), step, settings })
    }
}

/// What an attempt met instead of an answer worth reading.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AttemptError {
    /// An answer with status 429 or 5xx.
    #[error("server errors")]
    ServerErrors,
    /// No answer in time; in seconds.
    #[error("no answer within {0} s")]
    TimedOut(u64),
    /// No answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// There was no leave to make it.
    #[error(transparent)]
    Budget(#[from] BudgetUsedUp),
}

impl Coded for AttemptError {
    fn code(&self) -> Code {
        match self {
            Self::ServerErrors => Code::AwsServerErrors,
            Self::Transport(TransportError::TooLarge { .. }) => Code::AwsUnreadable,
            Self::Transport(TransportError::Unsendable(_)) => Code::EndpointInvalid,
            Self::Transport(TransportError::Proxy(_)) => Code::ProxySetting,
            Self::Transport(TransportError::Tls(_)) => Code::AwsUntrusted,
            Self::TimedOut(_) | Self::Transport(_) => Code::AwsNoAnswer,
            Self::Budget(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::deadline::Deadline;

    #[test]
    fn what_an_attempt_met_says_who_must_act() {
        for (error, text, code) in [
            (AttemptError::ServerErrors, "server errors", Code::AwsServerErrors),
            (AttemptError::TimedOut(10), "no answer within 10 s", Code::AwsNoAnswer),
            (TransportError::Connect("refused".to_owned()).into(), "refused", Code::AwsNoAnswer),
            (TransportError::Exchange("reset".to_owned()).into(), "reset", Code::AwsNoAnswer),
            (TransportError::Tls("stranger".to_owned()).into(), "stranger", Code::AwsUntrusted),
            (TransportError::Proxy("no host".to_owned()).into(), "no host", Code::ProxySetting),
            (
                TransportError::TooLarge { limit: 1 }.into(),
                "answer is longer than 1 bytes",
                Code::AwsUnreadable,
            ),
        ] {
            let gave_up = GaveUp { attempts: 2, cause: error, out_of_time: None };
            let text = format!("giving up after 2 attempt(s): {text}");
            assert_eq!((gave_up.to_string(), gave_up.code()), (text, code));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_ran_out_is_named() {
        let deadline = Deadline::start();
        for (cause, text, code) in [
            (
                AttemptError::ServerErrors,
                "server errors; no time was left of the 30 s of this request",
                Code::AwsServerErrors,
            ),
            (
                AttemptError::TimedOut(8),
                "no answer within 8 s; no time was left of the 30 s of this request",
                Code::AwsNoAnswer,
            ),
            (AttemptError::TimedOut(1), "no time was left of the 30 s of this request", Code::OutOfTime),
        ] {
            let gave_up = GaveUp { attempts: 1, cause, out_of_time: Some(deadline.allotted()) };
            assert_eq!((gave_up.to_string().as_str(), gave_up.code()), (text, code));
        }
    }
}
