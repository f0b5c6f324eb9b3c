//! What is wrong with a stored entry.

use thiserror::Error;

use crate::framework::Failure;
use crate::go::text::quote;
use crate::ports::RandomError;
use crate::refusal::{Code, Coded};

/// A stored entry is not what it should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EntryError {
    /// It is no JSON object of its form.
    #[error("{0}")]
    Unreadable(String),
    /// It cannot be written as JSON. Cannot happen for the entries of this crate; stands instead of a
    /// panic.
    #[error("{0}")]
    Unwritable(String),
    /// Its key is not the base64 of a role tag.
    #[error("{0}")]
    Key(#[from] base64::DecodeError),
    /// A role of a version that this one does not know.
    #[error("unrecognized role version: '\\x{:02x}'", u8::try_from(*.0).unwrap_or(b'?'))]
    Version(i64),
    /// There is no randomness for the id of a role.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A role infers something that this version does not know.
    #[error("unrecognized entity_type in metadata: {}", quote(.0))]
    InferredEntityType(String),
}

impl Coded for EntryError {
    fn code(&self) -> Code {
        match self {
            Self::Unreadable(_) | Self::Key(_) => Code::EntryUnreadable,
            Self::Unwritable(_) => Code::PluginDefect,
            Self::Version(_) => Code::EntryVersion,
            Self::Random(_) => Code::RandomFailed,
            Self::InferredEntityType(_) => Code::RoleStored,
        }
    }
}

impl From<EntryError> for Failure {
    fn from(error: EntryError) -> Self {
        Self::internal(&error)
    }
}
