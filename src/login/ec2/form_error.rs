//! Why a request carries no proof of an ec2 login.

use thiserror::Error;

use crate::refusal::{Code, Coded};

/// Why a request carries no proof of one form.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FormError {
    /// The document is not in base64.
    #[error("failed to base64 decode the instance identity document")]
    Document,
    /// The signature is not in base64.
    #[error("failed to base64 decode the SHA256 RSA signature of the instance identity document")]
    Signature,
    /// Neither form.
    #[error(
        "either pkcs7 or a tuple containing the instance identity document and its SHA256 RSA signature needs to be provided"
    )]
    Neither,
    /// Both forms.
    #[error(
        "both pkcs7 and a tuple containing the instance identity document and its SHA256 RSA signature is supplied; provide only one"
    )]
    Both,
}

impl Coded for FormError {
    fn code(&self) -> Code {
        match self {
            Self::Document | Self::Signature => Code::Ec2FormBase64,
            Self::Neither => Code::Ec2FormMissing,
            Self::Both => Code::Ec2FormBoth,
        }
    }
}
