//! Why a renewal ends the life of a token.

use thiserror::Error;

use crate::accounts::instance::InstanceError;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::ArnError;
use crate::binding::organization::OrganizationError;
use crate::binding::{BoundError, CannotTell, Mismatch};
use crate::entry::EntryError;
use crate::framework::Failure;
use crate::go::text::quote;
use crate::login::token_data::TokenDataError;
use crate::mount::role_error::RoleError;
use crate::refusal::{Code, Coded, Fact, Hint};
use crate::store::StoreError;

/// Why a token is not renewed, whichever login issued it. The texts are those of the API.
#[derive(Debug, Error)]
pub(crate) enum Ended {
    /// The host sent no token.
    #[error("request auth was nil")]
    NoAuth,
    /// A token of a login that is not known.
    #[error("unrecognized auth_type: {}", quote(.0))]
    AuthType(String),
    /// The token lacks what its login left behind.
    #[error(transparent)]
    TokenData(#[from] TokenDataError),
    /// What the role tag allowed is no duration; the text says why.
    #[error("{0}")]
    TagMaxTtl(String),
    /// The token does not say which role it is of.
    #[error("error retrieving role_name during renewal")]
    NoRoleName,
    /// The role was deleted.
    #[error("role entry not found")]
    RoleGone,
    /// The role has a value that nobody knows.
    #[error(transparent)]
    Role(#[from] EntryError),
    /// The instance is not known to run.
    #[error("failed to verify instance ID {}: {cause}", quote(id))]
    Instance {
        /// Which one.
        id: String,
        #[source]
        cause: Box<InstanceError>,
    },
    /// The instance is no longer in the access list.
    #[error("failed to verify the access list identity entry for instance ID: {}", quote(.0))]
    AccessList(String),
    /// The role does not bind the principal any more.
    #[error("role {} no longer bound to ARN {}", quote(role), quote(arn))]
    NotBound { role: String, arn: String },
    /// The role does not bind the instance any more.
    #[error("error validating instance: {0}")]
    InstanceNotBound(#[source] Mismatch),
    /// Nobody can tell whether it does.
    #[error(transparent)]
    CannotTell(#[from] CannotTell),
    /// The ARN in the token is none.
    #[error("error parsing ARN {} when updating login for role {}: {cause}", quote(arn), quote(role))]
    Arn {
        arn: String,
        role: String,
        #[source]
        cause: ArnError,
    },
    /// The path of the principal is not known.
    #[error(
        "error looking up full ARN of entity {entity} when updating login for role {}: {cause}",
        quote(role)
    )]
    FullArn {
        entity: String,
        role: String,
        #[source]
        cause: Box<LookUpError>,
    },
    /// The tags of the principal are not known.
    #[error(
        "error looking up the tags of entity {entity} when updating login for role {}: {cause}",
        quote(role)
    )]
    Tags {
        entity: String,
        role: String,
        #[source]
        cause: Box<LookUpError>,
    },
    /// The organization of the account is not known.
    #[error(transparent)]
    Organization(Box<OrganizationError>),
    /// What the mount or its host could not do.
    #[error(transparent)]
    Mount(#[from] Failure),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Mount(error.into())
    }
}

impl From<RoleError> for Ended {
    fn from(error: RoleError) -> Self {
        Self::Mount(error.into())
    }
}

impl From<BoundError> for Ended {
    fn from(error: BoundError) -> Self {
        match error {
            BoundError::Mismatch(mismatch) => Self::InstanceNotBound(mismatch),
            BoundError::CannotTell(why) => Self::CannotTell(why),
        }
    }
}

impl Coded for Ended {
    fn code(&self) -> Code {
        match self {
            Self::NoAuth | Self::AuthType(_) | Self::TagMaxTtl(_) | Self::NoRoleName | Self::Arn { .. } => {
                Code::RenewalTokenData
            }
            Self::TokenData(cause) => cause.code(),
            Self::RoleGone => Code::RenewalRoleGone,
            Self::Role(_) => Code::RoleStored,
            // A login may have named a wrong instance. Here it was the right one.
            Self::Instance { cause, .. } => match cause.code() {
                Code::InstanceUnknown | Code::InstanceNotRunning => Code::RenewalInstance,
                code => code,
            },
            Self::AccessList(_) => Code::RenewalAccessList,
            Self::NotBound { .. } => Code::RenewalNotBound,
            Self::InstanceNotBound(cause) => cause.code(),
            Self::CannotTell(cause) => cause.code(),
            Self::FullArn { cause, .. } | Self::Tags { cause, .. } => cause.code(),
            Self::Organization(cause) => cause.code(),
            Self::Mount(failure) => failure.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Instance { cause, .. } => cause.facts(),
            Self::InstanceNotBound(cause) => cause.facts(),
            Self::CannotTell(cause) => cause.facts(),
            Self::FullArn { cause, .. } | Self::Tags { cause, .. } => cause.facts(),
            Self::Organization(cause) => cause.facts(),
            Self::Mount(failure) => failure.facts().to_vec(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Instance { cause, .. } => cause.hint(),
            Self::InstanceNotBound(cause) => cause.hint(),
            Self::CannotTell(cause) => cause.hint(),
            Self::FullArn { cause, .. } | Self::Tags { cause, .. } => cause.hint(),
            Self::Organization(cause) => cause.hint(),
            Self::Mount(failure) => failure.hint(),
            _ => None,
        }
    }
}
