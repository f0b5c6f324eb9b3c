//! Why a jwt login is refused.

use thiserror::Error;

use super::bounds::Unbound;
use crate::aws::arn::Arn;
use crate::binding::account::names_account;
use crate::binding::login_type::{LoginTypeNotAllowed, NotShown};
use crate::binding::near_miss::near_miss;
use crate::entry::Role;
use crate::framework::Failure;
use crate::login::iam::Refused as Common;
use crate::mount::role_error::RoleError;
use crate::mount::token_use::TokenUseError;
use crate::mount::web_identity_keys::NoKey;
use crate::proof::web_identity_token::TokenError;
use crate::refusal::{Code, Coded, Fact, Hint};
use crate::store::StoreError;

/// Why a jwt login is refused. The texts are those of the API.
#[derive(Debug, Error)]
pub enum Refused {
    /// The token is not taken.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There is no key to verify it with.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// It cannot be used, or not once more.
    #[error(transparent)]
    Use(#[from] TokenUseError),
    /// The role does not let callers log in by a token.
    #[error(transparent)]
    LoginType(#[from] LoginTypeNotAllowed),
    /// The role demands what no token shows.
    #[error(transparent)]
    NotShown(#[from] NotShown),
    /// The configuration wants of an alias what no token shows.
    #[error("a token does not show what config/identity wants of an alias: {0}")]
    AliasNotShown(&'static str),
    /// What an iam login is refused for as well.
    #[error(transparent)]
    Common(#[from] Common),
}

impl Refused {
    /// That a role does not bind the principal of a token.
    pub(super) fn unbound(unbound: Unbound, role: &Role, role_name: &str, arn: &Arn) -> Self {
        Self::Common(match unbound {
            Unbound::NotBound(full_arn) => Common::NotBound {
                arn: arn.as_str().to_owned(),
                full_arn,
                role: role_name.to_owned(),
                bound: role.bound_iam_principal_arn_list.clone().unwrap_or_default(),
                near_miss: near_miss(role, arn, "").map(Box::new),
            },
            Unbound::FullArn(cause) => {
                let named = names_account(role, arn.account());
                Common::FullArn {
                    entity: arn.entity_text(),
                    role: role_name.to_owned(),
                    cause: Box::new(if named { cause } else { cause.chosen_by_client() }),
                }
            }
        })
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Common(failure.into())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Common(error.into())
    }
}

impl From<RoleError> for Refused {
    fn from(error: RoleError) -> Self {
        Self::Common(error.into())
    }
}

impl Coded for Refused {
    fn code(&self) -> Code {
        match self {
            Self::Token(cause) => cause.code(),
            Self::Key(cause) => cause.code(),
            Self::Use(cause) => cause.code(),
            Self::LoginType(cause) => cause.code(),
            Self::NotShown(cause) => cause.code(),
            Self::AliasNotShown(_) => Code::JwtAliasNotShown,
            Self::Common(cause) => cause.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Token(cause) => cause.facts(),
            Self::Key(cause) => cause.facts(),
            Self::LoginType(cause) => cause.facts(),
            Self::NotShown(cause) => cause.facts(),
            Self::Common(cause) => cause.facts(),
            Self::Use(_) | Self::AliasNotShown(_) => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Common(cause) => cause.hint(),
            _ => None,
        }
    }
}
