//! What goes back to the host. The types make it impossible to return an error together with an
//! identity.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Auth, Failure, Status};

/// A successful answer with content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Answer data; `None` is shown as `null`.
    pub data: Option<Map<String, Value>>,
    /// The identity of a login or renewal.
    pub auth: Option<Auth>,
    /// Warnings for the client.
    pub warnings: Vec<String>,
}

impl Response {
    /// An answer that carries only data.
    #[must_use]
    pub fn with_data(data: Map<String, Value>) -> Self {
        Self { data: Some(data), ..Self::default() }
    }

    /// An answer whose HTTP status and body the host passes on as they are.
    #[must_use]
    pub fn raw(status: u16, content_type: &str, body: &[u8]) -> Self {
        // The host decodes a body that reads as base64, so it is always sent as that.
        Self::with_data(Map::from_iter([
            ("http_status_code".to_owned(), json!(status)),
            ("http_content_type".to_owned(), json!(content_type)),
            ("http_raw_body".to_owned(), json!(STANDARD.encode(body))),
        ]))
    }

    /// The same, with how long it may be kept by whom.
    #[must_use]
    pub fn with_cache_control(mut self, cache_control: &str) -> Self {
        self.data.get_or_insert_default().insert("http_raw_cache_control".to_owned(), json!(cache_control));
        self
    }

    /// An answer that carries only an identity.
    #[must_use]
    pub fn with_auth(auth: Auth) -> Self {
        Self { auth: Some(auth), ..Self::default() }
    }
}

/// What a handler returns; `Ok(None)` is the empty answer (204, or 404 on a read).
pub type HandlerResult = Result<Option<Response>, Failure>;

/// The kinds of errors of the protocol that this plugin uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Plain error: the host answers 500, or recognises the text.
    Unknown,
    /// User error.
    User,
    /// An error with the status 409.
    Conflict,
    /// An error with the status 429.
    TooManyRequests,
    /// Unsupported operation, 405.
    UnsupportedOperation,
    /// Unsupported path, 404.
    UnsupportedPath,
    /// Invalid request, 400.
    InvalidRequest,
    /// Permission denied, 403.
    PermissionDenied,
}

impl ErrorKind {
    /// The number of the kind in the protocol (`ProtoError.err_type`).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::User => 1,
            Self::Conflict | Self::TooManyRequests => 3,
            Self::UnsupportedOperation => 5,
            Self::UnsupportedPath => 6,
            Self::InvalidRequest => 7,
            Self::PermissionDenied => 8,
        }
    }

    /// The HTTP status that goes with an error that has one of its own (`ProtoError.err_code`); else zero.
    #[must_use]
    pub const fn status(self) -> i64 {
        match self {
            Self::Conflict => 409,
            Self::TooManyRequests => 429,
            _ => 0,
        }
    }
}

/// The reply to one request, as the shell encodes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// No content.
    Empty,
    /// Content.
    Answer(Box<Response>),
    /// An error response: `{"error": text}`, with an error kind beside it if the status needs one.
    Refusal {
        /// Text for the client.
        text: String,
        /// Error sent beside the response.
        kind: Option<ErrorKind>,
    },
    /// An error without a response.
    Error {
        /// Kind on the wire.
        kind: ErrorKind,
        /// Text of the error.
        text: String,
    },
}

impl From<HandlerResult> for Reply {
    fn from(result: HandlerResult) -> Self {
        let failure = match result {
            Ok(None) => return Self::Empty,
            Ok(Some(response)) => return Self::Answer(Box::new(response)),
            Err(failure) => failure,
        };
        let status = failure.status();
        let text = failure.into_text();
        let error = |kind, text| Self::Error { kind, text };
        match status {
            Status::BadRequest => Self::Refusal { text, kind: None },
            Status::Invalid => Self::Refusal { text, kind: Some(ErrorKind::InvalidRequest) },
            Status::PermissionDenied => error(ErrorKind::PermissionDenied, text),
            Status::Conflict => error(ErrorKind::Conflict, text),
            Status::TooManyRequests => error(ErrorKind::TooManyRequests, text),
            Status::User => error(ErrorKind::User, text),
            Status::UnsupportedPath => error(ErrorKind::UnsupportedPath, text),
            Status::UnsupportedOperation => error(ErrorKind::UnsupportedOperation, text),
            Status::Internal | Status::ReadOnly => error(ErrorKind::Unknown, text),
        }
    }
}

/// Answer to an existence check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existence {
    /// The route has no check; the host treats the request as an update.
    NotChecked,
    /// The entry exists, or not.
    Exists(bool),
    /// The check failed.
    Failed(Failure),
}
