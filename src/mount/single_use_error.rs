//! Why a proof is not used up.

use thiserror::Error;

use crate::framework::{Failure, Status};
use crate::ports::{StorageError, SystemViewError};
use crate::refusal::{Code, Coded};
use crate::store::StoreError;

/// Why a proof is not used up, and so gives no token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SingleUseError {
    /// It was used before.
    #[error(
        "the signed request was used before: sign a new one, at least one second later or with a new value of the header X-Vault-AWS-IAM-Nonce"
    )]
    Used,
    /// It may have been used when nobody kept that, or at another server.
    #[error("the signed request is older than the single use or the server id of this mount: sign a new one")]
    Before,
    /// Another mount takes the same requests, and keeps its own list of them.
    #[error(
        "signed requests cannot be taken once only: other mounts take the same ones, because this mount has no iam_server_id_header_value or that of another mount"
    )]
    SharedServerId,
    /// The uses that are stored are not known.
    #[error("the used requests could not be loaded: {0}")]
    NotLoaded(String),
    /// There is no room to note the use.
    #[error("too many used requests are kept")]
    Full,
    /// The use could not be stored.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl SingleUseError {
    /// That the stored uses cannot be read.
    pub(super) fn not_loaded(error: &dyn std::fmt::Display) -> Self {
        Self::NotLoaded(error.to_string())
    }
}

impl From<StorageError> for SingleUseError {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreError> for SingleUseError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SystemViewError> for SingleUseError {
    fn from(error: SystemViewError) -> Self {
        Self::Failed(error.into())
    }
}

impl Coded for SingleUseError {
    fn code(&self) -> Code {
        match self {
            Self::Used => Code::IamRequestUsed,
            Self::Before => Code::IamRequestBefore,
            Self::SharedServerId => Code::SingleUseServerId,
            Self::NotLoaded(_) => Code::SingleUseNotLoaded,
            Self::Full => Code::SingleUseFull,
            Self::Failed(failure) => failure.code(),
        }
    }
}

impl From<SingleUseError> for Failure {
    fn from(error: SingleUseError) -> Self {
        let status = match error {
            SingleUseError::Failed(failure) => return failure,
            SingleUseError::Used => Status::Conflict,
            SingleUseError::Before | SingleUseError::SharedServerId => Status::BadRequest,
            SingleUseError::NotLoaded(_) | SingleUseError::Full => Status::Internal,
        };
        Self::new(status, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_there_is_no_room_nothing_is_taken() {
        let failure = Failure::from(SingleUseError::Full);
        let seen = (failure.status(), failure.code(), failure.text());
        assert_eq!(seen, (Status::Internal, Code::SingleUseFull, "too many used requests are kept"));
    }

    #[test]
    fn texts_by_which_the_host_forwards_stay_as_they_are() {
        for text in [StorageError::READ_ONLY, "node is not the leader"] {
            let failure = Failure::from(SingleUseError::from(StorageError::new(text)));
            assert_eq!(failure.into_text(), text);
        }
    }
}
