//! Why a role is not written.

use thiserror::Error;

use super::role_own_bounds::OwnBoundError;
use crate::framework::{Failure, Status, TokenParamsError};
use crate::go::GoDuration;
use crate::go::text::quote;
use crate::ports::RandomError;
use crate::refusal::{Code, Coded, Fact, Hint};

/// Why a role is not written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum RoleRefused {
    /// Unique ids shall no longer be resolved, which would admit recreated principals.
    #[error("changing resolve_aws_unique_ids from true to false is not allowed")]
    UniqueIdsOff,
    /// AWS did not tell the unique id of a principal.
    #[error("unable to resolve ARN {} to internal ID: {detail}", quote(.arn))]
    Unresolved { arn: String, detail: String, code: Code, facts: Vec<Fact>, hint: Option<Box<Hint>> },
    /// No type of logins has this name.
    #[error("unrecognized auth_type: {0}")]
    UnknownAuthType(String),
    /// A role keeps the type that it was made with.
    #[error("changing auth_type on a role is not allowed")]
    AuthTypeChanged,
    /// A region to look into, and nothing to look for.
    #[error("specified inferred_aws_region but not inferred_entity_type")]
    InferredRegionAlone,
    /// Only iam logins infer.
    #[error("specified inferred_entity_type but didn't allow iam auth_type")]
    InferenceWithoutIam,
    /// No kind of entities has this name.
    #[error("specified invalid inferred_entity_type: {0}")]
    UnknownEntity(String),
    /// Something to look for, and no region to look into.
    #[error("specified inferred_entity_type but not inferred_aws_region")]
    InferredEntityAlone,
    /// A bound that goes with other roles.
    #[error("specified {name} {otherwise}")]
    MisplacedBound { name: &'static str, otherwise: &'static str },
    /// Tags or an organization that nobody can have.
    #[error(transparent)]
    OwnBound(#[from] OwnBoundError),
    /// A role without bounds would admit everybody.
    #[error("at least one bound parameter should be specified on the role")]
    NoBound,
    /// Only ec2 logins can be limited to one.
    #[error("specified disallow_reauthentication when not using ec2 auth type")]
    ReauthenticationWithoutEc2,
    /// Only instances migrate.
    #[error("specified allow_instance_migration when not using ec2 auth type")]
    MigrationWithoutEc2,
    /// An instance that may log in once only cannot log in after it moved.
    #[error("cannot specify both disallow_reauthentication=true and allow_instance_migration=true")]
    MigrationWithoutReauthentication,
    /// The token fields.
    #[error(transparent)]
    Token(#[from] TokenParamsError),
    /// The first life of a token is longer than its longest.
    #[error("ttl should be shorter than max ttl")]
    TtlAboveMax,
    /// A period that no token of this mount may have.
    #[error(
        "period of {} is greater than the backend's maximum lease TTL of {}",
        quote(&.period.to_string()),
        quote(&.mount_max.to_string())
    )]
    PeriodAboveMount { period: GoDuration, mount_max: GoDuration },
    /// Only ec2 logins read tags.
    #[error("tried to enable role_tag when not using ec2 auth method")]
    TagWithoutEc2,
    /// EC2 has no such keys.
    #[error("length of role tag exceeds the EC2 key limit of 127 characters")]
    TagTooLong,
    /// A new role has no id.
    #[error("failed to generate role ID: {0}")]
    NoId(RandomError),
    /// A role has no key for its tags.
    #[error("failed to generate role HMAC key: {0}")]
    NoHmacKey(RandomError),
}

impl Coded for RoleRefused {
    fn code(&self) -> Code {
        match self {
            Self::UniqueIdsOff => Code::RoleUniqueIds,
            Self::Unresolved { code, .. } => *code,
            Self::UnknownAuthType(_) | Self::AuthTypeChanged => Code::RoleAuthType,
            Self::InferredRegionAlone
            | Self::InferenceWithoutIam
            | Self::UnknownEntity(_)
            | Self::InferredEntityAlone => Code::RoleInference,
            Self::MisplacedBound { .. } => Code::RoleBinds,
            Self::NoBound => Code::RoleBindsNothing,
            Self::OwnBound(error) => error.code(),
            Self::ReauthenticationWithoutEc2
            | Self::MigrationWithoutEc2
            | Self::MigrationWithoutReauthentication => Code::RoleReauthentication,
            Self::Token(error) => error.code(),
            Self::TtlAboveMax | Self::PeriodAboveMount { .. } => Code::RoleTtl,
            Self::TagWithoutEc2 | Self::TagTooLong => Code::RoleTagField,
            Self::NoId(_) | Self::NoHmacKey(_) => Code::RandomFailed,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Unresolved { facts, .. } => facts.clone(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Unresolved { hint, .. } => hint.as_deref().cloned(),
            _ => None,
        }
    }
}

impl From<RoleRefused> for Failure {
    fn from(error: RoleRefused) -> Self {
        let status = match error {
            RoleRefused::Token(_) => Status::Invalid,
            RoleRefused::NoId(_) | RoleRefused::NoHmacKey(_) => Status::Internal,
            _ => Status::BadRequest,
        };
        Self::new(status, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_randomness_a_role_gets_neither_id_nor_key() {
        for (error, text) in [
            (RoleRefused::NoId(RandomError), "failed to generate role ID: failed to read random bytes"),
            (
                RoleRefused::NoHmacKey(RandomError),
                "failed to generate role HMAC key: failed to read random bytes",
            ),
        ] {
            let failure = Failure::from(error);
            let seen = (failure.status(), failure.code(), failure.text());
            assert_eq!(seen, (Status::Internal, Code::RandomFailed, text));
        }
    }
}
