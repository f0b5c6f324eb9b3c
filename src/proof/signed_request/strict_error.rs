//! Why strict mode does not take a signed request.

use thiserror::Error;

use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// Why strict mode does not take a signed request that is forwarded without it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StrictError {
    /// Not https.
    #[error("invalid iam_request_url: strict mode takes https alone")]
    Scheme,
    /// It names a user.
    #[error("invalid iam_request_url: strict mode takes no user name")]
    UserName,
    /// It has a fragment.
    #[error("invalid iam_request_url: strict mode takes no fragment")]
    Fragment,
    /// It asks for a path.
    #[error("invalid iam_request_url: strict mode takes no path but /")]
    Path,
    /// It names a port.
    #[error("invalid iam_request_url: strict mode takes no port")]
    Port,
    /// Its host is none of STS.
    #[error("invalid iam_request_url: {} is no host of STS, as strict mode demands", quote(.0))]
    Host(String),
    /// The header `Host` is not the host of the URL.
    #[error("invalid request header: Host is not the host of iam_request_url, as strict mode demands")]
    HostHeader,
    /// There is no signature, or it can be read in more ways than one.
    #[error("invalid request header: Authorization is no signature of version 4, as strict mode demands")]
    NoSignature,
    /// A header that AWS goes by, and the signature does not cover.
    #[error("invalid request header: {0} is not signed, as strict mode demands")]
    NotSigned(String),
    /// A header with more values than one.
    #[error("invalid request header: {0} is given more than once, which strict mode does not take")]
    RepeatedHeader(String),
    /// A parameter of the body with more values than one.
    #[error("invalid iam_request_body: {} is given more than once, which strict mode does not take", quote(.0))]
    RepeatedParameter(String),
    /// The request is bound to a server, and this one has no id.
    #[error("invalid request header: X-Vault-AWS-IAM-Server-ID binds the request to another server")]
    OtherServer,
}

impl Coded for StrictError {
    fn code(&self) -> Code {
        match self {
            Self::Scheme | Self::UserName | Self::Fragment | Self::Path | Self::Port => Code::IamStrictUrl,
            Self::Host(_) => Code::IamStrictHost,
            Self::HostHeader => Code::IamStrictHostHeader,
            Self::NoSignature | Self::NotSigned(_) => Code::IamStrictNotSigned,
            Self::RepeatedHeader(_) | Self::RepeatedParameter(_) => Code::IamStrictRepeated,
            Self::OtherServer => Code::IamStrictOtherServer,
        }
    }
}
