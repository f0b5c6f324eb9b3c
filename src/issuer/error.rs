//! Why the issuer does not do what it is asked for.

use thiserror::Error;

use super::url::UrlError;
use crate::entry::StoredTime;
use crate::refusal::{Code, Coded};
use crate::store::StoreError;

/// Why the issuer does not do what it is asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IssuerError {
    /// Nothing is configured.
    #[error("no issuer is configured")]
    Absent,
    /// The first write names no URL.
    #[error("issuer must be set")]
    NoUrl,
    /// The URL is none that AWS takes.
    #[error("issuer {0}")]
    Url(#[from] UrlError),
    /// No such algorithm.
    #[error("algorithm must be RS256 or ES256")]
    Algorithm,
    /// A number of seconds that is not taken.
    #[error("{name} must be from {least} to {most} seconds")]
    OutOfRange {
        /// The field.
        name: &'static str,
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// A rotation is under way.
    #[error("a rotation is under way: the next key is published and signs from {0}")]
    Rotating(StoredTime),
    /// No key could be made.
    #[error("no key could be made")]
    KeyNotMade,
    /// A stored key cannot be used.
    #[error("the stored key of the issuer cannot be used; begin anew with issuer/rotate and immediate=true")]
    KeyUnusable,
    /// There is no randomness.
    #[error("failed to read random bytes")]
    NoRandomness,
    /// The entry cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for IssuerError {
    fn code(&self) -> Code {
        match self {
            Self::Absent => Code::IssuerAbsent,
            Self::NoUrl | Self::Url(_) | Self::Algorithm | Self::OutOfRange { .. } => Code::ConfigIssuer,
            Self::Rotating(_) => Code::IssuerRotating,
            Self::KeyNotMade | Self::NoRandomness => Code::RandomFailed,
            Self::KeyUnusable => Code::IssuerKey,
            Self::Store(error) => error.code(),
        }
    }
}

impl From<IssuerError> for crate::framework::Failure {
    fn from(error: IssuerError) -> Self {
        match error {
            IssuerError::Store(error) => error.into(),
            IssuerError::KeyNotMade | IssuerError::NoRandomness | IssuerError::KeyUnusable => {
                Self::internal(&error)
            }
            _ => Self::refused(&error),
        }
    }
}
