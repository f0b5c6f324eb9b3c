//! Why the server's access key was not rotated, or not to the end.

use thiserror::Error;

use crate::accounts::look_up_error::LookUpError;
use crate::aws::credentials_source::UnsendableCredentials;
use crate::aws::endpoint::EndpointError;
use crate::aws::error::CallError;
use crate::framework::Failure;
use crate::go::text::multi_error;
use crate::ports::SystemViewError;
use crate::refusal::{Code, Coded, Hint};
use crate::store::StoreError;

/// Why the server's access key was not rotated, or not to the end. What is left of it is in the text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum RotationError {
    /// Nobody has the mount any more.
    #[error("the mount is gone")]
    MountGone,
    /// The rotation ended without a result.
    #[error("internal error")]
    Ended,
    /// Something that a rotation needs is not configured.
    #[error("can't update {0} because it's unset")]
    Unset(&'static str),
    /// The configuration cannot be read, or this node cannot write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody knows in which partition the user is.
    #[error("error retrieving region: {0}")]
    Region(#[source] LookUpError),
    /// There is no endpoint to call.
    #[error("error calling GetUser: {0}")]
    Endpoint(#[source] EndpointError),
    /// There is no Security Token Service to ask whether the new key is known.
    #[error("error calling GetCallerIdentity: {0}")]
    Sts(#[source] LookUpError),
    /// No call can be signed with the key.
    #[error("error calling GetUser: {0}")]
    Credentials(#[source] UnsendableCredentials),
    /// A call to IAM failed, before there was anything to be cleaned up.
    #[error("error calling {action}: {}", .cause.cause())]
    Call {
        /// Which one.
        action: &'static str,
        /// Why.
        cause: CallError,
    },
    /// IAM did not say whose the key is.
    #[error("nil user returned from GetUser")]
    NoUser,
    /// The key is that of an account's root user, which has no name.
    #[error("nil UserName returned from GetUser")]
    NoUserName,
    /// IAM did not tell the new key.
    #[error("nil AccessKeyId or SecretAccessKey returned from CreateAccessKey")]
    NoKey,
    /// The new key could not be stored. It was deleted again unless another error is with it.
    #[error("{}", unstored(.key, .cause, .not_deleted.as_ref()))]
    Unstored {
        /// The id of the new key.
        key: String,
        /// Why it could not be stored.
        cause: SaveError,
        /// Why it could not be deleted again.
        not_deleted: Option<CallError>,
    },
    /// The new key is stored, but the old one could not be deleted.
    #[error("{}", multi_error(&[format!("error deleting old access key ID {key}: {}", .cause.cause())]))]
    OldKeyLeft {
        /// The id of the old key.
        key: String,
        /// Why.
        cause: CallError,
    },
    /// The plugin has made a key that is not in its place yet.
    #[error("a rotation is under way: AWS does not know the new access key {0} yet")]
    UnderWay(String),
    /// The Security Token Service did not take the new key. It was deleted again.
    #[error("the new access key {key} was not taken within 15 minutes and is deleted again: {cause}")]
    NotAccepted {
        /// The id of the new key.
        key: String,
        /// What it said.
        cause: Box<Self>,
    },
    /// The new key is not needed any more, but could not be deleted.
    #[error("error deleting access key ID {key}, which was made and is not used: {}", .cause.cause())]
    NewKeyLeft {
        /// The id of the new key.
        key: String,
        /// Why.
        cause: CallError,
    },
    /// The host did not say whether this node can write.
    #[error(transparent)]
    Host(#[from] SystemViewError),
}

/// Why a new key could not be stored.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum SaveError {
    /// Storage, or that this node cannot write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key that was rotated is no longer the stored one.
    #[error("other credentials were stored meanwhile")]
    Changed,
}

fn unstored(key: &str, cause: &SaveError, not_deleted: Option<&CallError>) -> String {
    let mut errors = vec![format!("error saving new client config: {cause}")];
    if let Some(error) = not_deleted {
        errors.push(format!(
            "error deleting newly created but unstored access key ID {key}: {}",
            error.cause()
        ));
    }
    multi_error(&errors)
}

impl RotationError {
    /// Whether it is that this node cannot write.
    pub(super) fn is_read_only(&self) -> bool {
        let cause = match self {
            Self::Store(error) | Self::Unstored { cause: SaveError::Store(error), .. } => error,
            _ => return false,
        };
        *cause == StoreError::ReadOnly
    }
}

impl Coded for RotationError {
    fn code(&self) -> Code {
        match self {
            Self::MountGone | Self::Ended => Code::PluginDefect,
            Self::Unset(_) => Code::RotationUnset,
            Self::Store(error) => error.code(),
            Self::Region(error) | Self::Sts(error) => error.code(),
            Self::Endpoint(error) => error.code(),
            Self::Credentials(error) => error.code(),
            Self::Call { action, cause: CallError::Service(error) } => match error.code.as_str() {
                "LimitExceeded" if *action == "CreateAccessKey" => Code::RotationTwoKeys,
                // Of a call that names no user: who asks has none.
                "ValidationError" => Code::RotationNotAUser,
                _ => Code::RotationRefused,
            },
            Self::Call { cause, .. } => cause.code(),
            Self::NoUser | Self::NoKey => Code::AwsUnreadable,
            Self::NoUserName => Code::RotationRootUser,
            Self::Unstored { not_deleted: Some(_), .. } => Code::RotationUnstored,
            Self::Unstored { cause: SaveError::Changed, .. } => Code::RotationChanged,
            Self::Unstored { cause: SaveError::Store(error), .. } => error.code(),
            Self::OldKeyLeft { .. } => Code::RotationOldKey,
            Self::UnderWay(_) => Code::RotationUnderWay,
            Self::NotAccepted { .. } => Code::RotationNotAccepted,
            Self::NewKeyLeft { .. } => Code::RotationUnused,
            Self::Host(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Region(error) | Self::Sts(error) => error.hint(),
            Self::Call { cause, .. }
            | Self::OldKeyLeft { cause, .. }
            | Self::NewKeyLeft { cause, .. }
            | Self::Unstored { not_deleted: Some(cause), .. } => cause.hint(),
            _ => None,
        }
    }
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Unset(_) | RotationError::Credentials(_) | RotationError::UnderWay(_) => {
                Self::refused(&error)
            }
            // The host sends the request to a node that can write.
            error if error.is_read_only() => Self::read_only(),
            error => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::aws::credentials_source::CredentialsSource;
    use crate::aws::error::ServiceError;
    use crate::framework::Status;
    use crate::ports::StorageError;

    fn refused() -> CallError {
        let [code, message, request_id] = ["AccessDenied", "no", "r"].map(str::to_owned);
        ServiceError { code, message, status: StatusCode::FORBIDDEN, request_id, call: None }.into()
    }

    fn unstored(cause: SaveError, not_deleted: Option<CallError>) -> RotationError {
        RotationError::Unstored { key: "AKIANEW".to_owned(), cause, not_deleted }
    }

    #[test]
    fn who_must_act_depends_on_what_is_left() {
        let disk_full = || SaveError::Store(StorageError::new("disk full").into());
        for (error, code) in [
            (RotationError::Call { action: "GetUser", cause: refused() }, Code::RotationRefused),
            (unstored(disk_full(), None), Code::StorageFailed),
            (unstored(SaveError::Changed, None), Code::RotationChanged),
            (unstored(disk_full(), Some(refused())), Code::RotationUnstored),
            (RotationError::OldKeyLeft { key: "AKIAOLD".to_owned(), cause: refused() }, Code::RotationOldKey),
            (RotationError::Ended, Code::PluginDefect),
        ] {
            assert_eq!(error.code(), code, "{error}");
            assert_eq!(Failure::from(error).status(), Status::Internal);
        }
        let unset = Failure::from(RotationError::Unset("access_key"));
        assert_eq!((unset.status(), unset.code()), (Status::BadRequest, Code::RotationUnset));
        let unsendable = UnsendableCredentials { part: "access key id", origin: CredentialsSource::Config };
        let unsendable = Failure::from(RotationError::Credentials(unsendable));
        assert_eq!(
            (unsendable.status(), unsendable.code()),
            (Status::BadRequest, Code::CredentialsUnsendable)
        );
        assert_eq!(RotationError::Ended.to_string(), "internal error");
    }

    #[test]
    fn a_rotation_is_refused_with_what_helps() {
        for (action, code, text, cause) in [
            (
                "CreateAccessKey",
                "AccessDenied",
                "error calling CreateAccessKey: AccessDenied",
                Code::RotationRefused,
            ),
            (
                "CreateAccessKey",
                "LimitExceeded",
                "error calling CreateAccessKey: LimitExceeded",
                Code::RotationTwoKeys,
            ),
            ("GetUser", "ValidationError", "error calling GetUser: ValidationError", Code::RotationNotAUser),
        ] {
            let [code, message, request_id] = [code, "no", "r"].map(str::to_owned);
            let refused =
                ServiceError { code, message, status: StatusCode::CONFLICT, request_id, call: None };
            let error = RotationError::Call { action, cause: refused.into() };
            assert_eq!(error.code(), cause);
            assert!(error.to_string().starts_with(text), "{error}");
        }
    }

    #[test]
    fn a_node_that_cannot_write_says_only_that() {
        let read_only = || SaveError::Store(StoreError::ReadOnly);
        for not_deleted in [None, Some(refused())] {
            assert_eq!(Failure::from(unstored(read_only(), not_deleted)), Failure::read_only());
        }
    }
}
