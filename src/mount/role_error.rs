//! Why a role could not be had.

use thiserror::Error;

use crate::accounts::look_up_error::LookUpError;
use crate::entry::EntryError;
use crate::framework::Failure;
use crate::ports::SystemViewError;
use crate::refusal::{Code, Coded, Fact};
use crate::store::StoreError;

/// Why a role could not be had.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum RoleError {
    /// Storage, or that this node cannot write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be brought to the current version.
    #[error("error upgrading roleEntry: {0}")]
    Upgrade(#[source] UpgradeError),
    /// It was brought to the current version and could not be written back.
    #[error("error saving upgraded roleEntry: {0}")]
    NotSaved(#[source] StoreError),
}

/// What kept a role from being brought to the current version.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum UpgradeError {
    /// The host did not say whether this node may write.
    #[error(transparent)]
    Host(#[from] SystemViewError),
    /// What is stored, or no randomness.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// AWS did not tell the unique id of its principal.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
}

impl Coded for UpgradeError {
    fn code(&self) -> Code {
        match self {
            Self::Host(error) => error.code(),
            Self::Entry(error) => error.code(),
            Self::LookUp(error) => error.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::LookUp(error) => error.facts(),
            Self::Host(_) | Self::Entry(_) => Vec::new(),
        }
    }
}

impl Coded for RoleError {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) | Self::NotSaved(error) => error.code(),
            Self::Upgrade(error) => error.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Upgrade(error) => error.facts(),
            Self::Store(_) | Self::NotSaved(_) => Vec::new(),
        }
    }
}

impl From<RoleError> for Failure {
    fn from(error: RoleError) -> Self {
        match error {
            // The host recognises it by its text.
            RoleError::Store(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}
