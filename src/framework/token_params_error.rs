//! Why token fields of a role are not taken.

use thiserror::Error;

use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// What the operator must change in the token fields.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TokenParamsError {
    /// Neither an address nor a network.
    #[error(
        "error parsing address {address}: Unable to convert {address} to an IPv4 or IPv6 address, or a UNIX Socket",
        address = quote(.0)
    )]
    Cidr(String),
    /// No type of tokens has this name.
    #[error("invalid 'token_type' value {}", quote(.0))]
    Type(String),
    /// A number of uses below zero.
    #[error("'token_num_uses' cannot be negative")]
    NegativeUses,
    /// A batch token with a period.
    #[error("'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens")]
    PeriodicBatch,
    /// A batch token with a number of uses.
    #[error(
        "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count"
    )]
    CountedBatch,
    /// A first life longer than the longest.
    #[error("'token_ttl' cannot be greater than 'token_max_ttl'")]
    TtlAboveMax,
    /// Bound to the address of the login and to others.
    #[error("'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one")]
    StrictBind,
}

impl Coded for TokenParamsError {
    fn code(&self) -> Code {
        match self {
            Self::Cidr(_) => Code::TokenCidrs,
            Self::Type(_) => Code::TokenType,
            Self::NegativeUses => Code::TokenNumUses,
            Self::PeriodicBatch | Self::CountedBatch => Code::TokenBatch,
            Self::TtlAboveMax => Code::TokenTtl,
            Self::StrictBind => Code::TokenStrictBind,
        }
    }
}
