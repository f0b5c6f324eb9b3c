//! Why a role could not be had.

use thiserror::Error;

use crate::accounts::look_up_error::LookUpError;
use crate::entry::EntryError;
use crate::framework::Failure;
use crate::ports::SystemViewError;
use crate::refusal::{Code, Coded, Fact, Hint};
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

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::LookUp(error) => error.hint(),
            Self::Host(_) | Self::Entry(_) => None,
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

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Upgrade(error) => error.hint(),
            Self::Store(_) | Self::NotSaved(_) => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{RandomError, StorageError};

    fn failure(error: impl Into<RoleError>) -> (Code, String, bool) {
        let failure = Failure::from(error.into());
        (failure.code(), failure.text().to_owned(), failure.is_read_only())
    }

    #[test]
    fn a_role_that_cannot_be_had_says_why() {
        let upgrade = |cause: UpgradeError| failure(RoleError::Upgrade(cause));
        let (code, text, _) = upgrade(EntryError::from(RandomError).into());
        assert_eq!(
            (code, text.as_str()),
            (Code::RandomFailed, "error upgrading roleEntry: failed to read random bytes")
        );
        let (code, text, _) = upgrade(SystemViewError::Unimplemented.into());
        assert_eq!(
            (code, text.as_str()),
            (Code::SystemViewFailed, "error upgrading roleEntry: not supported by this server")
        );
        let (code, text, _) = failure(RoleError::NotSaved(StorageError::new("disk full").into()));
        assert_eq!(
            (code, text.as_str()),
            (Code::StorageFailed, "error saving upgraded roleEntry: disk full")
        );
    }

    #[test]
    fn the_host_is_told_unchanged_that_this_node_cannot_write() {
        let host = StorageError::new(format!("rpc error: {}", StorageError::READ_ONLY));
        assert_eq!(
            failure(StoreError::from(host)),
            (Code::ReadOnly, StorageError::READ_ONLY.to_owned(), true)
        );
    }
}
