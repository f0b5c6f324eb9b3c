//! Why a further request is not taken.

use thiserror::Error;

use super::super::form::FormError;
use super::super::server_id_error::ServerIdError;
use crate::aws::endpoint::EndpointError;
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// Why a further request is not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotTaken {
    /// Not POST.
    #[error("the method must be POST")]
    Method,
    /// Not in base64, no URL, or one with more than a host.
    #[error("the URL must be https, with a host and nothing else")]
    Url,
    /// Another host than that which is asked.
    #[error("{} is not the host that is asked, {}", quote(.host), quote(.wanted))]
    Host {
        /// The host that was signed.
        host: String,
        /// The host of the service.
        wanted: String,
    },
    /// The operator's endpoint is no URL.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// They are not what headers are written as.
    #[error("the headers are no JSON object of names and values, or too many")]
    Headers,
    /// A header that none of these requests needs.
    #[error("header {} is not taken", quote(.0))]
    Header(String),
    /// A header with more values than one.
    #[error("header {} is given more than once", quote(.0))]
    Repeated(String),
    /// A header that the signature does not cover.
    #[error("header {} is not signed", quote(.0))]
    NotSigned(String),
    /// A header whose value does not go with the request.
    #[error("header {} does not go with the request", quote(.0))]
    Value(&'static str),
    /// The body is not in base64.
    #[error("failed to base64 decode the body")]
    Body,
    /// The body is no form.
    #[error(transparent)]
    Form(FormError),
    /// It asks for something else.
    #[error("the action must be GetRole, GetUser or DescribeOrganization")]
    Action,
    /// Other parameters than the action has to have.
    #[error("the parameters must be those of the action alone, each once")]
    Parameters,
    /// The signature is missing, or another one than that of AWS's own clients.
    #[error(
        "the signature must be AWS4-HMAC-SHA256 in the Authorization header, for the service {0}, with one X-Amz-Date that is signed"
    )]
    Signature(&'static str),
    /// It is signed for another region.
    #[error("the signature must be for the region {0}")]
    Region(String),
    /// It is signed with other credentials than the login.
    #[error("it must be signed with the key and session of the login")]
    OtherSigner,
    /// It is not bound to this server.
    #[error("error validating X-Vault-AWS-IAM-Server-ID header: {0}")]
    ServerId(ServerIdError),
    /// It is bound to a server, and this one has no id.
    #[error("X-Vault-AWS-IAM-Server-ID binds it to another server")]
    OtherServer,
}

impl Coded for NotTaken {
    fn code(&self) -> Code {
        match self {
            Self::Method | Self::Url | Self::Host { .. } => Code::EvidenceUrl,
            Self::Endpoint(error) => error.code(),
            Self::Headers | Self::Header(_) | Self::Repeated(_) | Self::NotSigned(_) | Self::Value(_) => {
                Code::EvidenceHeaders
            }
            Self::Body | Self::Form(_) | Self::Action | Self::Parameters => Code::EvidenceAction,
            Self::Signature(_) | Self::Region(_) => Code::EvidenceSignature,
            Self::OtherSigner => Code::EvidenceSigner,
            Self::ServerId(_) | Self::OtherServer => Code::EvidenceServerId,
        }
    }
}
