//! Why an entry could not be read or written.

use thiserror::Error;

use crate::entry::EntryError;
use crate::framework::Failure;
use crate::ports::StorageError;
use crate::refusal::{Code, Coded};

/// Why an entry could not be read or written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StoreError {
    /// This node cannot write.
    #[error("{}", StorageError::READ_ONLY)]
    ReadOnly,
    /// The host's storage failed.
    #[error("{0}")]
    Storage(StorageError),
    /// What is stored cannot be read, or what is to be stored cannot be written down.
    #[error("error reading {key}: {cause}")]
    Entry {
        /// The storage key.
        key: String,
        /// What is wrong with it.
        cause: EntryError,
    },
    /// Somebody else was faster each time; the text is that of the change.
    #[error("{0}")]
    Contended(&'static str),
    /// The client configuration could not be read.
    #[error("error getting configuration: {0}")]
    Configuration(#[source] Box<Self>),
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        if error.is_read_only() { Self::ReadOnly } else { Self::Storage(error) }
    }
}

impl StoreError {
    /// The error of the client configuration. That this node cannot write is said as it is.
    #[must_use]
    pub(super) fn of_configuration(self) -> Self {
        if self == Self::ReadOnly { self } else { Self::Configuration(Box::new(self)) }
    }
}

impl Coded for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::ReadOnly => Code::ReadOnly,
            Self::Storage(_) => Code::StorageFailed,
            Self::Entry { cause, .. } => cause.code(),
            Self::Contended(_) => Code::EntryContended,
            Self::Configuration(cause) => cause.code(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error == StoreError::ReadOnly { Self::read_only() } else { Self::internal(&error) }
    }
}
