//! The mount's storage, kept by the host.

use async_trait::async_trait;
use thiserror::Error;

/// An error text from the host's storage, as received.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct StorageError(String);

impl StorageError {
    /// The text by which the host recognises that a request must go to the active node.
    pub const READ_ONLY: &'static str = "cannot write to readonly storage";

    /// Wraps a text of the host.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether the node cannot write.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.0.contains(Self::READ_ONLY)
    }
}

/// Key-value storage of one mount. Keys are relative to the mount.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Immediate children of a prefix, which is empty or ends in `/`; folders end in `/`.
    ///
    /// # Errors
    /// The host's text.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError>;

    /// The value of a key, `None` if it does not exist.
    ///
    /// # Errors
    /// The host's text. Unreadable is an error, never absence.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError>;

    /// Writes a value.
    ///
    /// # Errors
    /// The host's text.
    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError>;

    /// Deletes a key; deleting a missing one succeeds.
    ///
    /// # Errors
    /// The host's text.
    async fn delete(&self, key: &str) -> Result<(), StorageError>;
}
