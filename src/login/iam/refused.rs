//! Why an iam login is refused.

use std::sync::Arc;

use thiserror::Error;

use super::not_shown::NotShown;
use crate::accounts::instance::InstanceError;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::instance_id::is_instance_id;
use crate::aws::sts::ForwardError;
use crate::binding::binds_anything::BindsNothing;
use crate::binding::login_type::LoginTypeNotAllowed;
use crate::binding::near_miss::NearMiss;
use crate::binding::organization::OrganizationError;
use crate::binding::partition::OtherPartition;
use crate::binding::tags::TagsNotBound;
use crate::binding::{BoundError, CannotTell, Mismatch};
use crate::entry::EntryError;
use crate::framework::Failure;
use crate::go::text::quote;
use crate::mount::role_error::RoleError;
use crate::mount::single_use_error::SingleUseError;
use crate::mount::strictness::RoleSpelling;
use crate::proof::signed_request::SignedRequestError;
use crate::proof::signed_request::evidence::EvidenceError;
use crate::proof::signed_request::freshness::NotFresh;
use crate::proof::verified_caller::CallerError;
use crate::refusal::{Code, Coded, Fact, Hint};
use crate::store::StoreError;

/// Why an iam login is refused. The texts are those of the API.
#[derive(Debug, Error)]
pub enum Refused {
    /// There is no signed request that this server forwards.
    #[error(transparent)]
    Request(#[from] SignedRequestError),
    /// It is too old, or cannot be told to be fresh.
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
    /// What came with it is not taken.
    #[error(transparent)]
    Evidence(Box<EvidenceError>),
    /// AWS does not answer what came with it, or answers about somebody else.
    #[error("error checking iam_evidence when attempting login for role {}: {cause}", quote(role))]
    Shown {
        /// The role.
        role: String,
        /// Why not.
        #[source]
        cause: Box<NotShown>,
    },
    /// It cannot be used, or not once more.
    #[error(transparent)]
    Use(#[from] SingleUseError),
    /// As many logins as may wait for STS already.
    #[error("too many logins are waiting for STS")]
    TooManyWait,
    /// STS does not say who signed it.
    #[error("error making upstream request: {0}")]
    Upstream(#[from] ForwardError),
    /// Who signed it cannot log in.
    #[error(transparent)]
    Caller(#[from] CallerError),
    /// There is no such role.
    #[error("entry for role {name} not found")]
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
    #[error("auth method iam not allowed for role {0}")]
    WrongType(String),
    /// The role lets its callers log in by other proofs.
    #[error(transparent)]
    LoginType(#[from] LoginTypeNotAllowed),
    /// The role would admit everybody.
    #[error(transparent)]
    BindsNothing(#[from] BindsNothing),
    /// The role has a value that nobody knows.
    #[error(transparent)]
    Role(#[from] EntryError),
    /// The role does not bind the caller.
    #[error("IAM Principal {} does not belong to the role {}", quote(arn), quote(role))]
    NotBound {
        /// The caller.
        arn: String,
        /// The same with its path, where IAM was asked for it.
        full_arn: Option<Arc<str>>,
        /// The role.
        role: String,
        /// The principals that the role binds.
        bound: Vec<String>,
        /// What is nearly right about them.
        near_miss: Option<Box<NearMiss>>,
    },
    /// The path of the caller is not known.
    #[error(
        "error looking up full ARN of entity {entity} when attempting login for role {}: {cause}",
        quote(role)
    )]
    FullArn {
        /// The caller.
        entity: String,
        /// The role.
        role: String,
        /// Why not.
        #[source]
        cause: Box<LookUpError>,
    },
    /// The tags of the caller are not known.
    #[error(
        "error looking up the tags of entity {entity} when attempting login for role {}: {cause}",
        quote(role)
    )]
    Tags {
        /// The caller.
        entity: String,
        /// The role.
        role: String,
        /// Why not.
        #[source]
        cause: Box<LookUpError>,
    },
    /// The caller has not the tags that the role binds.
    #[error(transparent)]
    TagsNotBound(#[from] TagsNotBound),
    /// The account is not of an organization that the role binds.
    #[error(transparent)]
    Organization(#[from] Box<OrganizationError>),
    /// The session is not named after a running instance.
    #[error("failed to verify {id} as a valid EC2 instance in region {region}: {cause}")]
    Instance {
        /// The name of the session.
        id: String,
        /// The region of the role.
        region: String,
        /// Why not.
        #[source]
        cause: Box<InstanceError>,
    },
    /// The caller cannot be an instance of the region.
    #[error("failed to verify {id} as a valid EC2 instance in region {region}: {cause}")]
    OtherPartition {
        /// The name of the session.
        id: String,
        /// The region of the role.
        region: String,
        /// Why not.
        #[source]
        cause: OtherPartition,
    },
    /// The instance is not one that the role binds.
    #[error("error validating instance: {0}")]
    InstanceNotBound(#[source] Mismatch),
    /// Nobody can tell whether it is.
    #[error(transparent)]
    CannotTell(#[from] CannotTell),
    /// The stored configuration names a source of the alias that nobody knows.
    #[error("unknown iam_alias {} is stored", quote(.0))]
    Alias(String),
    /// What the mount, its host or the token parameters of the role refuse.
    #[error(transparent)]
    Mount(#[from] Failure),
}

impl From<EvidenceError> for Refused {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(Box::new(error))
    }
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

/// Nobody has named the entities that IAM is asked for in a login: STS or EC2 has told them.
fn of_caller(code: Code) -> Code {
    if code == Code::IamEntityUnknown { Code::IamEntityMissing } else { code }
}

impl Coded for Refused {
    fn code(&self) -> Code {
        match self {
            Self::Request(cause) => cause.code(),
            Self::NotFresh(cause) => cause.code(),
            Self::Evidence(cause) => cause.code(),
            Self::Shown { cause, .. } => cause.code(),
            Self::Use(cause) => cause.code(),
            Self::TooManyWait => Code::StsTooManyWait,
            Self::Upstream(cause) => cause.code(),
            Self::Caller(cause) => cause.code(),
            Self::NoRole { .. } => Code::LoginRoleUnknown,
            Self::Spelling(cause) => cause.code(),
            Self::WrongType(_) => Code::LoginRoleWrongType,
            Self::LoginType(cause) => cause.code(),
            Self::BindsNothing(cause) => cause.code(),
            Self::Role(_) => Code::RoleStored,
            Self::NotBound { near_miss, .. } => match near_miss.as_deref() {
                None => Code::PrincipalNotBound,
                Some(NearMiss::OtherId { .. }) => Code::PrincipalIdChanged,
                Some(NearMiss::Path(_)) => Code::PrincipalPath,
                Some(NearMiss::Session(_)) => Code::PrincipalSession,
            },
            Self::FullArn { cause, .. } | Self::Tags { cause, .. } => of_caller(cause.code()),
            Self::TagsNotBound(cause) => cause.code(),
            Self::Organization(cause) => cause.code(),
            Self::Instance { cause, .. } => cause.code(),
            Self::OtherPartition { cause, .. } => cause.code(),
            Self::InstanceNotBound(cause) => cause.code(),
            Self::CannotTell(cause) => cause.code(),
            Self::Alias(_) => Code::AliasUnknown,
            Self::Mount(failure) => failure.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Request(cause) => cause.facts(),
            Self::Evidence(cause) => cause.facts(),
            Self::Shown { cause, .. } => cause.facts(),
            Self::NotBound { arn, full_arn, bound, near_miss, .. } => match near_miss.as_deref() {
                Some(NearMiss::OtherId { seen, bound }) => {
                    vec![Fact { name: "unique_id", seen: seen.clone(), wanted: bound.join(",") }]
                }
                _ => {
                    let seen = full_arn.as_deref().unwrap_or(arn).to_owned();
                    vec![Fact { name: "bound_iam_principal_arn", seen, wanted: bound.join(",") }]
                }
            },
            Self::LoginType(cause) => cause.facts(),
            Self::FullArn { cause, .. } | Self::Tags { cause, .. } => cause.facts(),
            Self::TagsNotBound(cause) => cause.facts(),
            Self::Organization(cause) => cause.facts(),
            Self::Instance { cause, .. } => cause.facts(),
            Self::OtherPartition { cause, .. } => cause.facts(),
            Self::InstanceNotBound(cause) => cause.facts(),
            Self::CannotTell(cause) => cause.facts(),
            Self::Mount(failure) => failure.facts().to_vec(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::NotFresh(cause) => cause.hint(),
            Self::Evidence(cause) => cause.hint(),
            Self::Shown { cause, .. } => cause.hint(),
            Self::Upstream(cause) => cause.hint(),
            Self::NoRole { name, is_named: false } => {
                Some(Hint::NoRoleNamed { from: "the name of the principal", name: name.clone() })
            }
            Self::FullArn { cause, .. } | Self::Tags { cause, .. } => cause.hint(),
            Self::Organization(cause) => cause.hint(),
            Self::Instance { id, cause, .. } => match cause.code() {
                Code::InstanceUnknown if !is_instance_id(id) => Some(Hint::NoInstanceSession(id.clone())),
                _ => cause.hint(),
            },
            Self::CannotTell(cause) => cause.hint(),
            Self::Mount(failure) => failure.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_role_from_binding_its_principal_is_told() {
        let id = || NearMiss::OtherId { seen: "AIDANEW".to_owned(), bound: vec!["AIDAOLD".to_owned()] };
        let arn = || "arn:aws:iam::1:user/u".to_owned();
        for (near_miss, code, seen) in [
            (None, Code::PrincipalNotBound, "arn:aws:iam::1:user/u"),
            (Some(id()), Code::PrincipalIdChanged, "AIDANEW"),
            (Some(NearMiss::Path(arn())), Code::PrincipalPath, "arn:aws:iam::1:user/u"),
            (Some(NearMiss::Session(arn())), Code::PrincipalSession, "arn:aws:iam::1:user/u"),
        ] {
            let near_miss = near_miss.map(Box::new);
            let (role, bound) = ("r".to_owned(), vec![arn()]);
            let refused = Refused::NotBound { arn: arn(), full_arn: None, role, bound, near_miss };
            let words = "IAM Principal \"arn:aws:iam::1:user/u\" does not belong to the role \"r\"";
            assert_eq!((refused.to_string().as_str(), refused.code(), refused.hint()), (words, code, None));
            assert_eq!(refused.facts()[0].seen, seen);
        }
    }
}
