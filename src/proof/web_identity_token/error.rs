//! Why a web identity token is not taken.

use thiserror::Error;

use crate::refusal::{Code, Coded, Fact};

/// Why a token is not taken. The texts name nothing that this server has configured.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TokenError {
    /// No token in the form of AWS.
    #[error("the value of jwt is no web identity token: {0}")]
    Form(&'static str),
    /// Signed in another way than the issuer may.
    #[error("the token is signed by an algorithm that is not taken: {0}")]
    Algorithm(String),
    /// None of the issuers that are configured.
    #[error("the issuer of the token is not configured")]
    Issuer,
    /// The issuer has no such key.
    #[error("the issuer of the token has no key of its kid and algorithm")]
    Key,
    /// Signed by somebody else, or changed since.
    #[error("the signature of the token is wrong")]
    Signature,
    /// A claim that is needed is not there, or of another type.
    #[error("the token has no usable claim {0}")]
    Claim(&'static str),
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience {
        /// For whom it is.
        seen: String,
        /// For whom it should be.
        wanted: String,
    },
    /// No longer good.
    #[error("the token has expired")]
    Expired {
        /// When it did, in seconds since 1970.
        expires: i64,
        /// Now.
        now: i64,
    },
    /// Not yet good.
    #[error("the token is of the future: the clocks of AWS and of this server differ")]
    Future {
        /// From when on it is good, in seconds since 1970.
        from: i64,
        /// Now.
        now: i64,
    },
    /// Issued before its issuer was configured as it is now: nobody kept whether it was used.
    #[error("the token is older than the configuration of its issuer: get a new one")]
    Before,
    /// Of another account than that of the issuer.
    #[error("the token is not of the account of its issuer")]
    Account {
        /// Whose it is.
        seen: String,
        /// Whose the issuer is.
        wanted: String,
    },
}

impl Coded for TokenError {
    fn code(&self) -> Code {
        match self {
            Self::Form(_) => Code::JwtForm,
            Self::Algorithm(_) => Code::JwtAlgorithm,
            Self::Issuer => Code::JwtIssuer,
            Self::Key => Code::JwtKey,
            Self::Signature => Code::JwtSignature,
            Self::Claim(_) => Code::JwtClaim,
            Self::Audience { .. } => Code::JwtAudience,
            Self::Expired { .. } => Code::JwtExpired,
            Self::Future { .. } => Code::JwtFuture,
            Self::Before => Code::JwtBefore,
            Self::Account { .. } => Code::JwtAccount,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name, seen: &str, wanted: &str| {
            vec![Fact { name, seen: seen.to_owned(), wanted: wanted.to_owned() }]
        };
        match self {
            Self::Audience { seen, wanted } => fact("audience", seen, wanted),
            Self::Account { seen, wanted } => fact("aws_account", seen, wanted),
            Self::Expired { expires, now } => fact("exp", &expires.to_string(), &format!("after {now}")),
            Self::Future { from, now } => fact("iat", &from.to_string(), &format!("until {now}")),
            _ => Vec::new(),
        }
    }
}
