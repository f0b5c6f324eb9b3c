//! Errors that AWS answers with, and calls that got no answer.

use std::fmt;

use http::StatusCode;
use serde_json::Value;
use thiserror::Error;

use super::call_refusal;
use super::calls::{Api, BudgetUsedUp};
use super::credentials_source::UnsendableCredentials;
use super::gave_up::GaveUp;
use super::signature_fault::SignatureFault;
use super::xml::{Node, Once, walk};
use crate::refusal::{Code, Coded, Hint};

/// The error document of an AWS service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// Code, such as `NoSuchEntity`.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// HTTP status.
    pub status: StatusCode,
    /// AWS's request id, for its support.
    pub request_id: String,
    /// The call that the server itself made, if it is one.
    pub call: Option<Api>,
}

/// How much of each part of an error document is kept, in bytes: it is shown to clients.
const MAX_SHOWN: usize = 2 * 1024;

/// Codes by which AWS says that the signer may not do this.
const DENIAL_CODES: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// Codes by which AWS says that it does not take a signature, or who made it.
const CREDENTIAL_CODES: [&str; 8] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes by which AWS says that it is asked too often.
const THROTTLING_CODES: [&str; 10] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

impl ServiceError {
    /// Reads the error document of STS and IAM (`ErrorResponse`), EC2 (`Response`) or of a service that
    /// answers in JSON (`__type`). An answer that is none keeps its status.
    #[must_use]
    pub fn parse(status: StatusCode, body: &[u8]) -> Self {
        let document = std::str::from_utf8(body).unwrap_or("");
        let parsed = Self::read(document, "ErrorResponse")
            .or_else(|| Self::read(document, "Response"))
            .or_else(|| Self::read_json(document));
        let (code, message, request_id) = parsed.unwrap_or_else(|| {
            ("UnknownError".to_owned(), "the answer is not an AWS error document".to_owned(), String::new())
        });
        let shown = |text: String| truncated(&text, MAX_SHOWN).to_owned();
        Self { code: shown(code), message: shown(message), status, request_id: shown(request_id), call: None }
    }

    fn read(document: &str, root: &str) -> Option<(String, String, String)> {
        let (mut code, mut message, mut request_id) = (Once::default(), Once::default(), Once::default());
        walk(document, root, |path, node| match (path, node) {
            (["Error", "Code"] | ["Errors", "Error", "Code"], Node::Close(text)) => code.set(text),
            (["Error", "Message"] | ["Errors", "Error", "Message"], Node::Close(text)) => message.set(text),
            (["RequestId" | "RequestID"], Node::Close(text)) => request_id.set(text),
            _ => Ok(()),
        })
        .ok()?;
        Some((
            code.required().ok()?,
            message.into_option().unwrap_or_default(),
            request_id.into_option().unwrap_or_default(),
        ))
    }

    /// The code is the part of `__type` behind the namespace.
    fn read_json(document: &str) -> Option<(String, String, String)> {
        let document: Value = serde_json::from_str(document).ok()?;
        let kind = document.get("__type")?.as_str()?;
        let code = kind.rsplit_once('#').map_or(kind, |(_, code)| code);
        let message = document.get("Message").or_else(|| document.get("message"));
        let message = message.and_then(Value::as_str).unwrap_or_default();
        (!code.is_empty()).then(|| (code.to_owned(), message.to_owned(), String::new()))
    }

    /// What it means that AWS refused a call of the server itself with it.
    fn cause(&self) -> Code {
        call_refusal::cause(&self.code, &self.message, self.call)
    }

    /// What helps when AWS refused a call of the server itself with it.
    fn own_hint(&self) -> Option<Hint> {
        let code = self.code.as_str();
        match SignatureFault::read(&self.message, None) {
            Some(SignatureFault::Clock(skew)) => return Some(Hint::ServerClock(skew)),
            Some(SignatureFault::Region) => {
                return Some(Hint::OwnRegion(
                    self.call.map_or("region and endpoint", |call| call.service().settings()),
                ));
            }
            None => {}
        }
        match self.call {
            _ if !matches!(self.cause(), Code::ServerRefused | Code::OrganizationsDenied) => None,
            Some(call) if DENIAL_CODES.contains(&code) => Some(Hint::OwnPermission(call.name())),
            call if CREDENTIAL_CODES.contains(&code) => {
                Some(Hint::OwnCredentials { code: code.to_owned(), action: call.map_or("", Api::name) })
            }
            _ => None,
        }
    }

    /// Whether AWS says that the credentials are no longer valid.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        matches!(self.code.as_str(), "ExpiredToken" | "ExpiredTokenException")
    }

    /// Whether AWS says that the signer may not do this.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        DENIAL_CODES.contains(&self.code.as_str())
    }

    /// Whether AWS asks for patience.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        THROTTLING_CODES.contains(&self.code.as_str())
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}\n\tstatus code: {}, request id: {}",
            self.code,
            self.message,
            self.status.as_u16(),
            self.request_id
        )
    }
}

/// Why a call of the server itself gave no result.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CallError {
    /// AWS refused it.
    #[error("{0}")]
    Service(Box<ServiceError>),
    /// AWS asks for patience, attempt after attempt.
    #[error("2 errors occurred:\n\t* {0}\n\t* upstream rate limited\n\n")]
    Throttled(Box<ServiceError>),
    /// There was no usable answer.
    #[error(transparent)]
    Failed(Box<FailedCall>),
}

/// A call without an answer that could be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{action} at {endpoint}: {cause}")]
pub struct FailedCall {
    /// Which one.
    pub action: &'static str,
    /// To which endpoint.
    pub endpoint: String,
    /// Why.
    pub cause: NoResult,
}

impl From<FailedCall> for CallError {
    fn from(call: FailedCall) -> Self {
        Self::Failed(Box::new(call))
    }
}

/// Why a call has no answer that could be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoResult {
    /// It cannot be sent to the endpoint.
    #[error("the endpoint has no URL")]
    NoUrl,
    /// It could not be signed.
    #[error("{0}")]
    NotSigned(String),
    /// It was tried as often as it may be.
    #[error(transparent)]
    GaveUp(GaveUp),
    /// There was no leave to make it.
    #[error(transparent)]
    Budget(BudgetUsedUp),
    /// The request that waits for it has no more time.
    #[error("no answer in the time of this request")]
    OutOfTime,
    /// Whoever made it for several requests did not get to its end.
    #[error("the call ended without an answer")]
    Ended,
    /// The answer is not what the action answers.
    #[error("the answer could not be read")]
    Unreadable,
    /// The answer has credentials that no request can carry.
    #[error(transparent)]
    Unsendable(UnsendableCredentials),
}

impl Coded for NoResult {
    fn code(&self) -> Code {
        match self {
            Self::NoUrl => Code::EndpointInvalid,
            Self::NotSigned(_) | Self::Ended => Code::PluginDefect,
            Self::GaveUp(gave_up) => gave_up.code(),
            Self::Budget(error) => error.code(),
            Self::OutOfTime => Code::OutOfTime,
            Self::Unreadable => Code::AwsUnreadable,
            Self::Unsendable(error) => error.code(),
        }
    }
}

impl Coded for CallError {
    fn code(&self) -> Code {
        match self {
            Self::Service(error) => error.cause(),
            Self::Throttled(_) => Code::AwsThrottled,
            Self::Failed(call) => call.cause.code(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Service(error) => error.own_hint(),
            Self::Throttled(_) => None,
            Self::Failed(call) => match &call.cause {
                NoResult::GaveUp(gave_up) => {
                    gave_up.hint(&call.endpoint, "the endpoints and the region of config/client")
                }
                _ => None,
            },
        }
    }
}

impl CallError {
    /// What happened, without the remark that AWS asks for patience.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Service(error) | Self::Throttled(error) => error.to_string(),
            Self::Failed(call) => call.to_string(),
        }
    }
}

impl From<ServiceError> for CallError {
    fn from(error: ServiceError) -> Self {
        if error.is_throttling() { Self::Throttled(Box::new(error)) } else { Self::Service(Box::new(error)) }
    }
}

/// The beginning of a text, at most `limit` bytes, cut between characters.
#[must_use]
pub fn truncated(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_document_shapes_are_read() {
        let iam = b"<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>gone</Message></Error><RequestId>r</RequestId></ErrorResponse>";
        let error = ServiceError::parse(StatusCode::NOT_FOUND, iam);
        assert_eq!(error.to_string(), "NoSuchEntity: gone\n\tstatus code: 404, request id: r");
        let ec2 = b"<?xml version=\"1.0\"?><Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors><RequestID>q</RequestID></Response>";
        let error = ServiceError::parse(StatusCode::SERVICE_UNAVAILABLE, ec2);
        assert!(error.is_throttling());
        assert_eq!(error.request_id, "q");
    }

    #[test]
    fn an_error_in_json_is_read() {
        for (kind, code) in [
            ("AccountNotFoundException", "AccountNotFoundException"),
            ("com.amazonaws.organizations#TooManyRequestsException", "TooManyRequestsException"),
        ] {
            for message in ["Message", "message"] {
                let body = format!(r#"{{"__type":"{kind}","{message}":"no"}}"#);
                let error = ServiceError::parse(StatusCode::BAD_REQUEST, body.as_bytes());
                assert_eq!((error.code.as_str(), error.message.as_str()), (code, "no"));
                assert_eq!(error.is_throttling(), code.starts_with("TooMany"));
            }
        }
        for body in ["{}", r#"{"__type":""}"#, r#"{"__type":1}"#, r#"{"Message":"no"}"#, "[]", "{"] {
            assert_eq!(ServiceError::parse(StatusCode::BAD_REQUEST, body.as_bytes()).code, "UnknownError");
        }
    }

    #[test]
    fn what_organizations_refuses_has_codes_of_its_own() {
        let code = |text: &str, call| {
            let (message, request_id) = (String::new(), String::new());
            let status = StatusCode::BAD_REQUEST;
            CallError::from(ServiceError { code: text.to_owned(), message, status, request_id, call }).code()
        };
        let asked = Some(Api::DescribeAccount);
        assert_eq!(code("AccessDeniedException", asked), Code::OrganizationsDenied);
        assert_eq!(code("AccessDeniedException", Some(Api::GetRole)), Code::ServerRefused);
        assert_eq!(code("AWSOrganizationsNotInUseException", asked), Code::OrganizationsNotInUse);
        assert_eq!(code("TooManyRequestsException", asked), Code::AwsThrottled);
    }

    #[test]
    fn the_cause_leaves_out_the_remark_on_patience() {
        let body =
            b"<ErrorResponse><Error><Code>Throttling</Code><Message>slow</Message></Error></ErrorResponse>";
        let error = ServiceError::parse(StatusCode::BAD_REQUEST, body);
        let call = CallError::from(error.clone());
        assert!(call.to_string().contains("upstream rate limited"));
        assert_eq!(call.cause(), error.to_string());
    }

    #[test]
    fn anything_else_keeps_its_status() {
        let error = ServiceError::parse(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!((error.code.as_str(), error.status.as_u16()), ("UnknownError", 502));
    }

    #[test]
    fn what_is_shown_to_clients_is_short() {
        let long = "x".repeat(100_000);
        let body =
            format!("<ErrorResponse><Error><Code>C</Code><Message>{long}</Message></Error></ErrorResponse>");
        let error = ServiceError::parse(StatusCode::FORBIDDEN, body.as_bytes());
        assert_eq!((error.code.as_str(), error.message.len()), ("C", MAX_SHOWN));
    }

    #[test]
    fn truncation_respects_characters() {
        assert_eq!(truncated("aé", 2), "a");
        assert_eq!(truncated("abc", 10), "abc");
    }
}
