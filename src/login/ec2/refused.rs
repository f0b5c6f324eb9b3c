//! Why an ec2 login is refused.

use thiserror::Error;

use super::form_error::FormError;
use super::reauthentication::ReauthenticationError;
use super::tag_error::TagError;
use crate::accounts::instance::InstanceError;
use crate::binding::binds_anything::BindsNothing;
use crate::binding::organization::OrganizationError;
use crate::binding::{BoundError, CannotTell, Mismatch};
use crate::framework::Failure;
use crate::go::text::quote;
use crate::mount::document_verification::TooManyDocuments;
use crate::mount::role_error::RoleError;
use crate::mount::strictness::RoleSpelling;
use crate::ports::RandomError;
use crate::proof::identity_document::VerificationError;
use crate::refusal::{Code, Coded, Fact, Hint};
use crate::store::StoreError;

/// Why an ec2 login is refused. The texts are those of the API.
#[derive(Debug, Error)]
pub enum Refused {
    /// The request has no proof of one form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The proof is none.
    #[error(transparent)]
    Document(#[from] VerificationError),
    /// Too many are looked at.
    #[error(transparent)]
    Busy(#[from] TooManyDocuments),
    /// A stored certificate went away while it was read.
    #[error("certificate storage has a nil entry under the name: {}", quote(.0))]
    CertificateGone(String),
    /// Neither request nor document names a role.
    #[error("missing role name")]
    NoRoleName,
    /// There is no such role.
    #[error("entry for role {} not found", quote(name))]
    NoRole {
        /// The name that was looked for.
        name: String,
        /// Whether the request named it.
        is_named: bool,
    },
    /// The role is not named in lower case, where strict mode holds.
    #[error(transparent)]
    Spelling(#[from] RoleSpelling),
    /// The role is one of the other login.
    #[error("auth method ec2 not allowed for role {0}")]
    WrongType(String),
    /// The role would admit everybody.
    #[error(transparent)]
    BindsNothing(#[from] BindsNothing),
    /// The document is not of a running instance.
    #[error("failed to verify instance ID: {0}")]
    Instance(#[source] Box<InstanceError>),
    /// The region is not one that the role binds.
    #[error(transparent)]
    RegionNotBound(Mismatch),
    /// The instance is not one that the role binds. The capital letter sets the ec2 login apart.
    #[error("Error validating instance: {0}")]
    InstanceNotBound(#[source] Mismatch),
    /// The account is not of an organization that the role binds.
    #[error(transparent)]
    Organization(#[from] Box<OrganizationError>),
    /// Nobody can tell whether it is.
    #[error(transparent)]
    CannotTell(#[from] CannotTell),
    /// The instance logged in before and may not again.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// The nonce is too long to be stored.
    #[error("client nonce exceeding the limit of 128 characters")]
    NonceTooLong,
    /// No nonce could be made.
    #[error("failed to generate nonce: {0}")]
    Nonce(#[from] RandomError),
    /// The role tag of the instance forbids it.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The stored configuration names a source of the alias that nobody knows.
    #[error("unknown ec2_alias {} is stored", quote(.0))]
    Alias(String),
    /// What the mount, its host or the token parameters of the role refuse.
    #[error(transparent)]
    Mount(#[from] Failure),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Mount(error.into())
    }
}

impl From<RoleError> for Refused {
    fn from(error: RoleError) -> Self {
        Self::Mount(error.into())
    }
}

impl From<BoundError> for Refused {
    fn from(error: BoundError) -> Self {
        match error {
            BoundError::Mismatch(mismatch) => Self::InstanceNotBound(mismatch),
            BoundError::CannotTell(why) => Self::CannotTell(why),
        }
    }
}

impl Coded for Refused {
    fn code(&self) -> Code {
        match self {
            Self::Form(cause) => cause.code(),
            Self::Document(cause) => cause.code(),
            Self::Busy(cause) => cause.code(),
            Self::CertificateGone(_) => Code::Ec2StoredCertificate,
            Self::NoRoleName => Code::LoginRoleMissing,
            Self::NoRole { .. } => Code::LoginRoleUnknown,
            Self::Spelling(cause) => cause.code(),
            Self::WrongType(_) => Code::LoginRoleWrongType,
            Self::BindsNothing(cause) => cause.code(),
            Self::Instance(cause) => cause.code(),
            Self::RegionNotBound(cause) | Self::InstanceNotBound(cause) => cause.code(),
            Self::Organization(cause) => cause.code(),
            Self::CannotTell(cause) => cause.code(),
            Self::Reauthentication(cause) => cause.code(),
            Self::NonceTooLong => Code::NonceTooLong,
            Self::Nonce(_) => Code::RandomFailed,
            Self::Tag(cause) => cause.code(),
            Self::Alias(_) => Code::AliasUnknown,
            Self::Mount(failure) => failure.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Instance(cause) => cause.facts(),
            Self::RegionNotBound(cause) | Self::InstanceNotBound(cause) => cause.facts(),
            Self::Organization(cause) => cause.facts(),
            Self::CannotTell(cause) => cause.facts(),
            Self::Reauthentication(cause) => cause.facts(),
            Self::Tag(cause) => cause.facts(),
            Self::Mount(failure) => failure.facts().to_vec(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::NoRole { name, is_named: false } => {
                Some(Hint::NoRoleNamed { from: "the AMI id", name: name.clone() })
            }
            Self::Instance(cause) => cause.hint(),
            Self::Organization(cause) => cause.hint(),
            Self::CannotTell(cause) => cause.hint(),
            Self::Mount(failure) => failure.hint(),
            _ => None,
        }
    }
}
