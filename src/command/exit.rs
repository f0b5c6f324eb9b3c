//! How a command ends: with what code, and with what it says.

use std::process::ExitCode;

use thiserror::Error;

/// Why a command did not do what it was asked. Texts hold no secrets.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server answered, but not with what was asked for.
    #[error("{0}")]
    Refused(String),
    /// The command line, the environment or a file of the user's says something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// There is nothing to prove an identity with.
    #[error("{0}")]
    NoCredentials(String),
    /// The server was not reached.
    #[error("{0}")]
    NoRoute(String),
}

impl Failure {
    /// The exit code. Scripts know these numbers.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::NoCredentials(_) => 3,
            Self::NoRoute(_) => 4,
        }
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.code())
    }
}

/// The codes, for the help texts.
pub(crate) const CODES: &str = "\
Exit codes:
  0  done
  1  the server refused
  2  wrong use
  3  no AWS credentials, or no instance identity
  4  the server was not reached";
