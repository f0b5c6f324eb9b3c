//! Why the evidence of a login is not taken.

use thiserror::Error;

use super::bounds::{FIELD, MAX_BYTES, MAX_REQUESTS};
use super::not_taken::NotTaken;
use crate::proof::signed_request::freshness::NotFresh;
use crate::refusal::{Code, Coded, Fact, Hint};

/// Why the evidence of a login is not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EvidenceError {
    /// The mount takes none.
    #[error("{FIELD} is not taken: iam_accept_evidence of config/client is off")]
    Off,
    /// The login has not signed it.
    #[error(transparent)]
    Unbound(#[from] Unbound),
    /// Longer than any client needs.
    #[error("invalid {FIELD}: longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Not in base64.
    #[error("failed to base64 decode {FIELD}")]
    NotBase64,
    /// Not a list of requests.
    #[error("invalid {FIELD}: not a JSON list of signed requests with the four fields of a login each")]
    NotJson,
    /// None, or too many.
    #[error("invalid {FIELD}: it must have one or {MAX_REQUESTS} requests")]
    Count,
    /// Two requests about one thing.
    #[error("invalid {FIELD}: more than one request about the principal or about the organization")]
    Twice,
    /// A request is not taken.
    #[error("invalid {FIELD}: request {number}: {cause}")]
    Request {
        /// Which one, from 1.
        number: usize,
        /// Why.
        cause: NotTaken,
    },
    /// A request is too old, or dated too far ahead.
    #[error("invalid {FIELD}: request {number}: {cause}")]
    NotFresh {
        /// Which one, from 1.
        number: usize,
        /// Which of both.
        cause: NotFresh,
    },
    /// A request asks about somebody else than the caller.
    #[error("invalid {FIELD}: request {number}: {asked} is not about the caller, {caller}")]
    AnotherPrincipal {
        /// Which one, from 1.
        number: usize,
        /// What it asks.
        asked: String,
        /// ARN of the caller.
        caller: String,
    },
}

/// Why evidence is not that which a login has signed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unbound {
    /// The login names evidence that is not there.
    #[error("missing {FIELD}, whose hash the header X-Vault-AWS-IAM-Evidence-SHA256 has")]
    NoEvidence,
    /// The login does not name it.
    #[error("missing header X-Vault-AWS-IAM-Evidence-SHA256, which {FIELD} needs")]
    NoHeader,
    /// The login names it more than once.
    #[error("invalid request header: X-Vault-AWS-IAM-Evidence-SHA256 is given more than once")]
    Repeated,
    /// The signature of the login does not cover the header.
    #[error("invalid request header: X-Vault-AWS-IAM-Evidence-SHA256 is not signed")]
    NotSigned,
    /// The login names other evidence.
    #[error(
        "invalid request header: X-Vault-AWS-IAM-Evidence-SHA256 is not the SHA-256 of {FIELD} in hexadecimal digits"
    )]
    OtherHash,
    /// The login is presigned.
    #[error("invalid {FIELD}: a login with it is signed in the Authorization header")]
    Presigned,
}

impl Coded for EvidenceError {
    fn code(&self) -> Code {
        match self {
            Self::Off => Code::EvidenceOff,
            Self::Unbound(_) => Code::EvidenceUnbound,
            Self::TooLong | Self::NotBase64 | Self::NotJson | Self::Count | Self::Twice => Code::EvidenceForm,
            Self::Request { cause, .. } => cause.code(),
            Self::NotFresh { cause, .. } => cause.code(),
            Self::AnotherPrincipal { .. } => Code::EvidencePrincipal,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::AnotherPrincipal { asked, caller, .. } => {
                vec![Fact { name: FIELD, seen: asked.clone(), wanted: caller.clone() }]
            }
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::NotFresh { cause, .. } => cause.hint(),
            _ => None,
        }
    }
}
