//! Why something could not be looked up in AWS.

use thiserror::Error;

use crate::aws::arn::{AccountId, ArnError, EntityKind};
use crate::aws::endpoint::{Endpoint, EndpointError};
use crate::aws::error::CallError;
use crate::aws::region::UnknownPartition;
use crate::go::text::quote;
use crate::ports::SystemViewError;
use crate::refusal::{Code, Coded, Fact};
use crate::store::StoreError;

/// Why something could not be looked up in AWS.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LookUpError {
    /// Not everything was answered by the deadline.
    #[error("gave up waiting for AWS")]
    OutOfTime,
    /// A call that others wait for as well was not answered by the deadline of this request.
    #[error("{action} at {endpoint}: no answer in the time of this request")]
    NotInTime {
        /// Which call.
        action: &'static str,
        /// To which endpoint.
        endpoint: Endpoint,
    },
    /// The entry of the account in `config/sts` cannot be read.
    #[error("error fetching STS config for account ID {}: {cause}", quote(.account.as_str()))]
    StsConfig {
        /// The account.
        account: AccountId,
        /// Why.
        #[source]
        cause: StoreError,
    },
    /// The account has no entry in `config/sts`, and the server's own credentials are of another.
    #[error(
        "unable to fetch client for account ID {} -- default client is for account {}",
        quote(.account.as_str()),
        quote(.own.as_str())
    )]
    AccountNotConfigured {
        /// The account.
        account: AccountId,
        /// That of the server's own credentials.
        own: AccountId,
    },
    /// The role that the account has in `config/sts` leads into another account.
    #[error("the role for account ID {} looks into account {}", quote(.account.as_str()), quote(.found.as_str()))]
    AccountElsewhere {
        /// The account.
        account: AccountId,
        /// Where it leads.
        found: AccountId,
    },
    /// Only one half of the server's key is configured.
    #[error(
        "static AWS client credentials haven't been properly configured (the access key or secret key were provided but not both)"
    )]
    CredentialsIncomplete,
    /// No source has credentials of the server; the text tells of each.
    #[error(
        "could not compile valid credential providers from static config, environment, shared, or instance metadata{0}"
    )]
    NoCredentials(String),
    /// The sources of credentials did not answer in time.
    #[error("looking for the server's own credentials took too long")]
    CredentialsTooLate,
    /// The host made no identity token.
    #[error("failed to generate plugin identity token: {0}")]
    IdentityToken(#[source] SystemViewError),
    /// Nobody knows whose the server's own credentials are.
    #[error("unable to fetch current caller: {0}")]
    OwnAccount(#[source] CallError),
    /// A call gave no result.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The client of IAM could not be made.
    #[error("error creating IAM client: {0}")]
    NoIamClient(#[source] Box<Self>),
    /// IAM did not tell about a user or role.
    #[error("error fetching {kind} {}: {cause}", quote(.name))]
    Entity {
        /// `user` or `role`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: CallError,
    },
    /// IAM knows somebody else by the name of the caller.
    #[error("IAM knows {} under unique id {}, the caller has {}", quote(.arn), quote(.unique_id), quote(.wanted))]
    Recreated {
        /// Whom IAM knows.
        arn: String,
        /// Under which unique id.
        unique_id: String,
        /// That of the caller.
        wanted: String,
        /// Whether it is in the account and of the name of the caller.
        same_place: bool,
    },
    /// Instance profiles do not log in.
    #[error("unrecognized entity type: {}", .0.as_str())]
    NotAPrincipal(EntityKind),
    /// Sessions have no unique id of their own.
    #[error("unrecognized error type {}", quote(.0.as_str()))]
    NoUniqueId(EntityKind),
    /// EC2 did not describe an instance.
    #[error("error fetching description for instance ID {}: {cause}", quote(.id))]
    Instance {
        /// Its id.
        id: String,
        /// Why.
        #[source]
        cause: CallError,
    },
    /// A configured region is none; `field` says where it is configured.
    #[error("the configured {field} {} is not a region", quote(.name))]
    Region {
        /// Where it is configured.
        field: &'static str,
        /// What stands there.
        name: String,
    },
    /// There is no endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// There is no such partition.
    #[error(transparent)]
    Partition(#[from] UnknownPartition),
    /// The text is no ARN of a principal.
    #[error(transparent)]
    Arn(#[from] ArnError),
}

impl Coded for LookUpError {
    fn code(&self) -> Code {
        match self {
            Self::OutOfTime | Self::NotInTime { .. } => Code::OutOfTime,
            Self::StsConfig { cause, .. } => cause.code(),
            Self::AccountNotConfigured { .. } => Code::AccountNotConfigured,
            Self::AccountElsewhere { .. } | Self::Recreated { same_place: false, .. } => {
                Code::AccountElsewhere
            }
            Self::Recreated { same_place: true, .. } => Code::PrincipalRecreated,
            Self::CredentialsIncomplete => Code::CredentialsIncomplete,
            Self::NoCredentials(_) | Self::CredentialsTooLate => Code::NoCredentials,
            Self::IdentityToken(_) => Code::SystemViewFailed,
            Self::OwnAccount(cause) | Self::Call(cause) | Self::Entity { cause, .. } => cause.code(),
            Self::NoIamClient(cause) => cause.code(),
            Self::NotAPrincipal(_) | Self::NoUniqueId(_) => Code::PrincipalKind,
            Self::Instance { cause, .. } => cause.code(),
            Self::Region { .. } => Code::RegionInvalid,
            Self::Endpoint(error) => error.code(),
            Self::Partition(error) => error.code(),
            Self::Arn(error) => error.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name, seen: &str, wanted: &str| {
            vec![Fact { name, seen: seen.to_owned(), wanted: wanted.to_owned() }]
        };
        match self {
            Self::AccountNotConfigured { account, own } => fact("account", own.as_str(), account.as_str()),
            Self::AccountElsewhere { account, found } => fact("account", found.as_str(), account.as_str()),
            Self::Recreated { unique_id, wanted, .. } => fact("unique_id", unique_id, wanted),
            Self::NoIamClient(cause) => cause.facts(),
            _ => Vec::new(),
        }
    }
}
