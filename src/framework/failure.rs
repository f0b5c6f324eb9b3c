//! Why a request ends without success.

use thiserror::Error;

use crate::ports::StorageError;

/// Why a request ended without success, and who must act.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// The client must change its request: an error response, HTTP 400.
    #[error("{0}")]
    Refused(String),
    /// As [`Failure::Refused`], marked as an invalid request: HTTP 400.
    #[error("{0}")]
    Invalid(String),
    /// The caller may not do this: HTTP 403, text `permission denied`.
    #[error("permission denied")]
    PermissionDenied,
    /// The operator must act: HTTP 500 with this text.
    #[error("{0}")]
    Internal(String),
    /// A field does not convert, found by the existence check: HTTP 400 with this text.
    #[error("{0}")]
    User(String),
    /// No route has this path: HTTP 404.
    #[error("unsupported path")]
    UnsupportedPath,
    /// The route does not have this operation: HTTP 405.
    #[error("unsupported operation")]
    UnsupportedOperation,
    /// This node cannot write. The host recognises the text and forwards the request to one that
    /// can, so it travels alone and unchanged.
    #[error("{}", StorageError::READ_ONLY)]
    ReadOnly,
}

impl Failure {
    /// A storage error with a text around it; the read-only error stays as it is.
    pub fn storage(error: &StorageError, text: impl FnOnce(&str) -> String) -> Self {
        if error.is_read_only() { Self::ReadOnly } else { Self::Internal(text(error.text())) }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::storage(&error, str::to_owned)
    }
}

/// The error numbers of the protocol that this plugin uses (`ProtoError.err_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Plain error: the host answers 500, or recognises the text.
    Unknown = 0,
    /// User error.
    User = 1,
    /// Unsupported operation, 405.
    UnsupportedOperation = 5,
    /// Unsupported path, 404.
    UnsupportedPath = 6,
    /// Invalid request, 400.
    InvalidRequest = 7,
    /// Permission denied, 403.
    PermissionDenied = 8,
}
