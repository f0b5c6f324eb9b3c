//! Why a request ended without success.

use std::borrow::Cow;
use std::fmt;

use super::forwarding::cut;
use crate::ports::{StorageError, SystemViewError};
use crate::refusal::{Blame, Code, Coded, Fact, Hint};

/// How a failure is answered. It is what the built-in method answers, and says nothing about who must
/// act: that is the [blame](Failure::blame).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// An error response: HTTP 400.
    BadRequest,
    /// An error response, marked as an invalid request: HTTP 400.
    Invalid,
    /// A field does not convert, found by the existence check: HTTP 400.
    User,
    /// HTTP 403, text `permission denied`.
    PermissionDenied,
    /// HTTP 409: what was sent was good once.
    Conflict,
    /// HTTP 429: clients of the host wait a little and come again.
    TooManyRequests,
    /// HTTP 500.
    Internal,
    /// No route has this path: HTTP 404.
    UnsupportedPath,
    /// The route does not have this operation: HTTP 405.
    UnsupportedOperation,
    /// This node cannot write. The host recognises the text and forwards the request to one that
    /// can, so it travels alone and unchanged.
    ReadOnly,
}

/// Why a request ended without success: how it is answered, and which cause it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    status: Status,
    code: Code,
    text: Cow<'static, str>,
    facts: Vec<Fact>,
    hint: Option<Box<Hint>>,
    /// By which the log and the client name this one failure.
    id: Option<Box<str>>,
    /// Whether the client is told code and id.
    is_told_id: bool,
}

impl Failure {
    /// A failure by an error, answered with a status.
    pub fn new(status: Status, error: &impl Coded) -> Self {
        let text = Cow::Owned(error.to_string());
        let hint = error.hint().map(Box::new);
        Self { status, code: error.code(), text, facts: error.facts(), hint, id: None, is_told_id: false }
    }

    /// An error response: HTTP 400.
    pub fn refused(error: &impl Coded) -> Self {
        Self::new(Status::BadRequest, error)
    }

    /// An error: HTTP 500.
    pub fn internal(error: &impl Coded) -> Self {
        Self::new(Status::Internal, error)
    }

    /// The caller may not do this: HTTP 403.
    #[must_use]
    pub const fn permission_denied(code: Code) -> Self {
        Self::fixed(Status::PermissionDenied, code, "permission denied")
    }

    /// No route has this path: HTTP 404.
    #[must_use]
    pub const fn unsupported_path() -> Self {
        Self::fixed(Status::UnsupportedPath, Code::UnsupportedPath, "unsupported path")
    }

    /// The route does not have this operation: HTTP 405.
    #[must_use]
    pub const fn unsupported_operation() -> Self {
        Self::fixed(Status::UnsupportedOperation, Code::UnsupportedOperation, "unsupported operation")
    }

    /// This node cannot write.
    #[must_use]
    pub const fn read_only() -> Self {
        Self::fixed(Status::ReadOnly, Code::ReadOnly, StorageError::READ_ONLY)
    }

    const fn fixed(status: Status, code: Code, text: &'static str) -> Self {
        let text = Cow::Borrowed(text);
        Self { status, code, text, facts: Vec::new(), hint: None, id: None, is_told_id: false }
    }

    /// A storage error with a text around it; the read-only error stays as it is.
    pub fn storage(error: &StorageError, text: impl FnOnce(&str) -> String) -> Self {
        if error.is_read_only() {
            return Self::read_only();
        }
        Self {
            status: Status::Internal,
            code: Code::StorageFailed,
            text: Cow::Owned(text(error.text())),
            facts: Vec::new(),
            hint: None,
            id: None,
            is_told_id: false,
        }
    }

    /// The same failure under an id of its own.
    #[must_use]
    pub fn with_id(self, id: String) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// The same failure, of which the client is told code and id if strict mode holds; what held before still
    /// does.
    #[must_use]
    pub fn in_strict_mode(self, is_strict: bool) -> Self {
        Self { is_told_id: self.is_told_id || is_strict, ..self }
    }

    /// By which the log and the client name this one failure.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the client is told code and id.
    #[must_use]
    pub fn is_told_id(&self) -> bool {
        self.is_told_id
    }

    /// An error with a text around its own; every other failure stays as it is.
    #[must_use]
    pub fn in_words(self, text: impl FnOnce(&str) -> String) -> Self {
        match self.status {
            Status::Internal => Self { text: Cow::Owned(text(&self.text)), ..self },
            _ => self,
        }
    }

    /// The same failure, answered as an error if it is a refusal.
    #[must_use]
    pub fn as_error(self) -> Self {
        match self.status {
            Status::BadRequest => Self { status: Status::Internal, ..self },
            _ => self,
        }
    }

    /// Whether it is that this node cannot write.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.status == Status::ReadOnly
    }

    /// How it is answered.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Its cause.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.code.blame()
    }

    /// What was compared.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The words of the API, with which the text of the answer begins.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What helps: against this one failure, or against all of its code.
    #[must_use]
    pub fn advice(&self) -> String {
        self.hint.as_ref().map_or_else(|| self.code.hint().to_owned(), ToString::to_string)
    }

    /// The text of the answer: the words of the API, then what helps, if the caller is told, and then code and id,
    /// if the client is told these. The host follows none of it, unless the host itself said it or this node cannot
    /// write.
    #[must_use]
    pub fn into_text(self) -> String {
        let hosts_own = match self.code {
            Code::StorageFailed | Code::SystemViewFailed | Code::ConfigRotationManager => true,
            _ => self.is_read_only(),
        };
        let named = match self.id {
            Some(id) if self.is_told_id && self.status != Status::ReadOnly => {
                format!(" (code {}, id {id})", self.code)
            }
            _ => String::new(),
        };
        let text = match self.hint {
            Some(hint) => format!("{}; {hint}", self.text),
            None => self.text.into_owned(),
        };
        let text = if hosts_own { text } else { cut(text) };
        text + &named
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl Coded for Failure {
    fn code(&self) -> Code {
        self.code
    }

    fn facts(&self) -> Vec<Fact> {
        self.facts.to_vec()
    }

    fn hint(&self) -> Option<Hint> {
        self.hint.as_deref().cloned()
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::storage(&error, str::to_owned)
    }
}

impl From<SystemViewError> for Failure {
    fn from(error: SystemViewError) -> Self {
        Self::internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_id_stand_at_the_end_in_strict_mode_alone() {
        let failure = || Failure::permission_denied(Code::LoginAddress);
        let text = |failure: Failure| failure.into_text();
        assert_eq!(text(failure().with_id("0a1b".to_owned())), "permission denied");
        assert_eq!(text(failure().in_strict_mode(true)), "permission denied");
        let strict = failure().in_strict_mode(true).in_strict_mode(false).with_id("0a1b".to_owned());
        assert_eq!(text(strict), "permission denied (code login.address, id 0a1b)");
        // The host recognises this text.
        let read_only = Failure::read_only().in_strict_mode(true).with_id("0a1b".to_owned());
        assert_eq!(text(read_only), StorageError::READ_ONLY);
    }
}
