//! Why a signature is not bound to this server.

use thiserror::Error;

use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact};

/// Name of the header as documented.
const HEADER: &str = "X-Vault-AWS-IAM-Server-ID";

/// Why a signature is not bound to this server.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ServerIdError {
    /// The header is missing.
    #[error("missing header {}", quote(HEADER))]
    Missing,
    /// It names another server.
    #[error("expected {} but got {}", quote(required), quote(got))]
    Mismatch {
        /// The id of this server.
        required: String,
        /// The id in the request.
        got: String,
    },
    /// It names another server, to a client that is not told the name of this one.
    #[error("the header names another server")]
    Another {
        /// The id of this server.
        required: String,
        /// The id in the request.
        got: String,
    },
    /// There is no signature.
    #[error("missing Authorization header")]
    NoAuthorization,
    /// The signature does not cover it.
    #[error("vault header wasn't signed")]
    NotSigned,
}

impl ServerIdError {
    /// The same without the id of this server in its text.
    #[must_use]
    pub fn not_revealing(self) -> Self {
        match self {
            Self::Mismatch { required, got } => Self::Another { required, got },
            other => other,
        }
    }
}

impl Coded for ServerIdError {
    fn code(&self) -> Code {
        match self {
            Self::Missing => Code::ServerIdMissing,
            Self::Mismatch { .. } | Self::Another { .. } => Code::ServerIdMismatch,
            Self::NoAuthorization | Self::NotSigned => Code::ServerIdNotSigned,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Mismatch { required, got } | Self::Another { required, got } => {
                vec![Fact { name: HEADER, seen: got.clone(), wanted: required.clone() }]
            }
            _ => Vec::new(),
        }
    }
}
