//! How a call ended without an answer.

use thiserror::Error;

use super::calls::BudgetUsedUp;
use crate::ports::TransportError;
use crate::refusal::{Code, Coded, Hint, Step};

/// How a call ended without an answer worth reading.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("giving up after {attempts} attempt(s): {cause}")]
pub struct GaveUp {
    /// Attempts made.
    pub attempts: u32,
    /// What the last one met.
    pub cause: AttemptError,
}

impl Coded for GaveUp {
    fn code(&self) -> Code {
        self.cause.code()
    }
}

impl GaveUp {
    /// What helps to reach an endpoint, if it was not reached; `settings` name what leads there.
    #[must_use]
    pub fn hint(&self, host: &str, settings: &'static str) -> Option<Hint> {
        let step = match &self.cause {
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
            let gave_up = GaveUp { attempts: 2, cause: error };
            let text = format!("giving up after 2 attempt(s): {text}");
            assert_eq!((gave_up.to_string(), gave_up.code()), (text, code));
        }
    }
}
