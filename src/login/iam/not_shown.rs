//! Why what a client signed about itself shows nothing.

use thiserror::Error;

use crate::accounts::look_up_error::LookUpError;
use crate::aws::asked_by_client::Unanswered;
use crate::refusal::{Code, Coded, Fact, Hint};

/// Why a further request of a client shows nothing about it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotShown {
    /// As many logins as may wait for AWS already.
    #[error("too many logins are waiting for AWS")]
    TooManyWait,
    /// AWS does not answer it.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// The answer is about somebody else.
    #[error(transparent)]
    Another(LookUpError),
}

impl Coded for NotShown {
    fn code(&self) -> Code {
        match self {
            Self::TooManyWait => Code::StsTooManyWait,
            Self::Unanswered(cause) => cause.code(),
            Self::Another(LookUpError::Recreated { same_place: false, .. }) => Code::EvidencePrincipal,
            Self::Another(cause) => cause.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Another(cause) => cause.facts(),
            Self::TooManyWait | Self::Unanswered(_) => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Unanswered(cause) => cause.hint(),
            Self::TooManyWait | Self::Another(_) => None,
        }
    }
}
