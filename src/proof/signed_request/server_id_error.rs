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
    /// There is no signature.
    #[error("missing Authorization header")]
    NoAuthorization,
    /// The signature does not cover it.
    #[error("vault header wasn't signed")]
    NotSigned,
}

impl Coded for ServerIdError {
    fn code(&self) -> Code {
        match self {
            Self::Missing => Code::ServerIdMissing,
            Self::Mismatch { .. } => Code::ServerIdMismatch,
            Self::NoAuthorization | Self::NotSigned => Code::ServerIdNotSigned,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Mismatch { required, got } => {
                vec![Fact { name: HEADER, seen: got.clone(), wanted: required.clone() }]
            }
            _ => Vec::new(),
        }
    }
}
