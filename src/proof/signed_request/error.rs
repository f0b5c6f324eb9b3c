//! Why the parts of a signed request are none.

use thiserror::Error;

use super::form::FormError;
use super::server_id_error::ServerIdError;
use super::strict_error::StrictError;
use crate::aws::endpoint::EndpointError;
use crate::refusal::{Code, Coded, Fact};

/// Why the parts that a client hands over are no signed request that this server forwards. The texts
/// are those of the API.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignedRequestError {
    /// The method is missing.
    #[error("missing iam_http_request_method")]
    NoMethod,
    /// Neither GET nor POST.
    #[error("invalid iam_http_request_method; currently only 'GET' and 'POST' are supported")]
    OtherMethod,
    /// The URL is missing.
    #[error("missing iam_request_url")]
    NoUrl,
    /// The URL is not in base64.
    #[error("failed to base64 decode iam_request_url")]
    UrlNotBase64,
    /// The text is no URL, or its query is no form.
    #[error("error parsing iam_request_url")]
    Url,
    /// The URL of a POST has a query.
    #[error("invalid request")]
    QueryOfPost,
    /// The body of a POST is missing.
    #[error("missing iam_request_body")]
    NoBody,
    /// The body of a POST is missing, as hosts say it that name the method.
    #[error("missing iam_request_body which is required for POST requests")]
    NoBodyOfPost,
    /// The body is not in base64.
    #[error("failed to base64 decode iam_request_body")]
    BodyNotBase64,
    /// The body is no form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The body asks for something else.
    #[error("iam request body is invalid")]
    OtherBody,
    /// A presigned request has a body.
    #[error("invalid iam_request_body: a presigned GET request has none")]
    BodyOfPresigned,
    /// The headers are missing.
    #[error("missing iam_request_headers")]
    NoHeaders,
    /// More signatures than one.
    #[error("invalid request header: Authorization")]
    TwoSignatures,
    /// A header that AWS acts upon and the configuration does not allow.
    #[error("invalid request header: {0}")]
    HeaderNotAllowed(String),
    /// A header binds the request to another product.
    #[error("invalid request header: {0} binds the request to another product")]
    OtherProduct(String),
    /// The header that names the server is not right.
    #[error("error validating X-Vault-AWS-IAM-Server-ID header: {0}")]
    ServerId(#[source] ServerIdError),
    /// A presigned query asks for nothing.
    #[error("no action found in request")]
    NoAction,
    /// A presigned query asks for something else.
    #[error("unexpected action parameter, {0}")]
    OtherAction(String),
    /// A presigned query asks more than once.
    #[error("found multiple actions")]
    ManyActions,
    /// A query parameter that is given twice, is malformed, or is not allowed.
    #[error("invalid request query param: {0}")]
    QueryParameter(String),
    /// More query parameters than the form has.
    #[error("invalid request query params: too many")]
    TooManyParameters,
    /// A query parameter of the presigned form is missing.
    #[error("missing request query param: {0}")]
    NoQueryParameter(&'static str),
    /// The signature names no region, and the configuration sends a request to the region of its
    /// signature.
    #[error("region missing from Authorization header")]
    NoRegion,
    /// The signature names a region that AWS does not have.
    #[error("unable to get regional STS endpoint for region: {0}")]
    UnknownRegion(String),
    /// The configured endpoint is no URL.
    #[error("error making upstream request: {0}")]
    Endpoint(#[from] EndpointError),
    /// What strict mode does not take.
    #[error(transparent)]
    Strict(#[from] StrictError),
}

impl Coded for SignedRequestError {
    fn code(&self) -> Code {
        match self {
            Self::NoMethod | Self::OtherMethod => Code::IamMethod,
            Self::NoUrl | Self::UrlNotBase64 | Self::Url | Self::QueryOfPost => Code::IamUrl,
            Self::NoBody
            | Self::NoBodyOfPost
            | Self::BodyNotBase64
            | Self::Form(_)
            | Self::BodyOfPresigned => Code::IamBody,
            Self::OtherBody | Self::NoAction | Self::OtherAction(_) | Self::ManyActions => Code::IamAction,
            Self::NoHeaders => Code::IamHeaders,
            Self::TwoSignatures => Code::IamTwoSignatures,
            Self::HeaderNotAllowed(_) => Code::IamHeaderNotAllowed,
            Self::OtherProduct(_) => Code::IamOtherProduct,
            Self::ServerId(error) => error.code(),
            Self::QueryParameter(_) | Self::TooManyParameters | Self::NoQueryParameter(_) => {
                Code::IamQueryParameter
            }
            Self::NoRegion => Code::IamRegionMissing,
            Self::UnknownRegion(_) => Code::IamRegionUnknown,
            Self::Endpoint(error) => error.code(),
            Self::Strict(error) => error.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::ServerId(error) => error.facts(),
            _ => Vec::new(),
        }
    }
}
