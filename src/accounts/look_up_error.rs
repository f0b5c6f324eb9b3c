//! Why something could not be looked up in AWS.

use thiserror::Error;

use crate::aws::arn::{AccountId, ArnError, EntityKind};
use crate::aws::credentials_source::UnsendableCredentials;
use crate::aws::endpoint::{Endpoint, EndpointError};
use crate::aws::error::CallError;
use crate::aws::principal_tags::TagsFault;
use crate::aws::region::UnknownPartition;
use crate::go::text::quote;
use crate::issuer::IssuerError;
use crate::ports::SystemViewError;
use crate::refusal::{Code, Coded, Fact, Hint};
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
    /// The same of an account that the client of a login chose, and nobody else ever named.
    #[error(transparent)]
    AccountOfStranger(Box<Self>),
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
    /// The server's credentials cannot be sent.
    #[error(transparent)]
    CredentialsUnsendable(#[from] UnsendableCredentials),
    /// The sources of credentials ended in a panic: a value that they were given went into a request.
    #[error("the credentials chain failed")]
    ChainFailed,
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
    /// The mount, which is an issuer of its own, made no identity token.
    #[error("failed to generate identity token: {0}")]
    OwnToken(#[source] IssuerError),
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
    /// IAM tells tags that cannot be compared.
    #[error("the tags of entity {entity} cannot be compared: {cause}")]
    Tags {
        /// Whose they are.
        entity: String,
        /// Why.
        #[source]
        cause: TagsFault,
    },
    /// Organizations did not tell about an account.
    #[error("error looking up the organization of account ID {}: {cause}", quote(.account.as_str()))]
    Organization {
        /// The account.
        account: AccountId,
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

impl LookUpError {
    /// The error of a login whose account only the client chose. That nobody configured that account is no
    /// fault of the operator.
    #[must_use]
    pub fn chosen_by_client(self) -> Self {
        match self {
            Self::AccountNotConfigured { .. } => Self::AccountOfStranger(Box::new(self)),
            Self::NoIamClient(cause) => Self::NoIamClient(Box::new(cause.chosen_by_client())),
            _ => self,
        }
    }
}

impl Coded for LookUpError {
    fn code(&self) -> Code {
        match self {
            Self::OutOfTime | Self::NotInTime { .. } => Code::OutOfTime,
            Self::StsConfig { cause, .. } => cause.code(),
            Self::AccountNotConfigured { .. } => Code::AccountNotConfigured,
            Self::AccountOfStranger(_) => Code::LoginAccountForeign,
            Self::AccountElsewhere { .. } | Self::Recreated { same_place: false, .. } => {
                Code::AccountElsewhere
            }
            Self::Recreated { same_place: true, .. } => Code::PrincipalRecreated,
            Self::CredentialsIncomplete => Code::CredentialsIncomplete,
            Self::CredentialsUnsendable(error) => error.code(),
            Self::ChainFailed | Self::NoCredentials(_) | Self::CredentialsTooLate => Code::NoCredentials,
            Self::IdentityToken(_) => Code::SystemViewFailed,
            Self::OwnToken(cause) => cause.code(),
            Self::OwnAccount(cause) | Self::Call(cause) | Self::Entity { cause, .. } => cause.code(),
            Self::NoIamClient(cause) => cause.code(),
            Self::NotAPrincipal(_) | Self::NoUniqueId(_) => Code::PrincipalKind,
            Self::Instance { cause, .. } | Self::Organization { cause, .. } => cause.code(),
            Self::Tags { cause: TagsFault::Ambiguous(..), .. } => Code::TagsAmbiguous,
            Self::Tags { cause: TagsFault::Unreadable, .. } => Code::AwsUnreadable,
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
            Self::NoIamClient(cause) | Self::AccountOfStranger(cause) => cause.facts(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::OwnAccount(cause)
            | Self::Call(cause)
            | Self::Entity { cause, .. }
            | Self::Instance { cause, .. }
            | Self::Organization { cause, .. } => cause.hint(),
            Self::NoIamClient(cause) => cause.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::aws::error::ServiceError;

    fn refused(code: &str) -> CallError {
        let status = StatusCode::BAD_REQUEST;
        let (message, request_id) = ("no".to_owned(), "r".to_owned());
        ServiceError { code: code.to_owned(), message, status, request_id, call: None }.into()
    }

    fn recreated(same_place: bool) -> LookUpError {
        let [arn, unique_id, wanted] = ["a", "AIDANEW", "AIDAOLD"].map(str::to_owned);
        LookUpError::Recreated { arn, unique_id, wanted, same_place }
    }

    #[test]
    fn each_cause_has_its_text_and_its_code() {
        let [account, other] = ["1", "2"].map(AccountId::new);
        let user = |cause| LookUpError::Entity { kind: "user", name: "u".to_owned(), cause };
        let instance = |code| LookUpError::Instance { id: "i-1".to_owned(), cause: refused(code) };
        for (error, text, code) in [
            (LookUpError::OutOfTime, "gave up waiting for AWS", Code::OutOfTime),
            (
                LookUpError::AccountNotConfigured { account: account.clone(), own: other.clone() },
                "unable to fetch client for account ID \"1\" -- default client is for account \"2\"",
                Code::AccountNotConfigured,
            ),
            (
                LookUpError::AccountElsewhere { account, found: other },
                "the role for account ID \"1\" looks into account \"2\"",
                Code::AccountElsewhere,
            ),
            (
                LookUpError::CredentialsTooLate,
                "looking for the server's own credentials took too long",
                Code::NoCredentials,
            ),
            (
                LookUpError::IdentityToken(SystemViewError::Failed("no key".to_owned())),
                "failed to generate plugin identity token: no key",
                Code::SystemViewFailed,
            ),
            (
                recreated(true),
                "IAM knows \"a\" under unique id \"AIDANEW\", the caller has \"AIDAOLD\"",
                Code::PrincipalRecreated,
            ),
            (
                recreated(false),
                "IAM knows \"a\" under unique id \"AIDANEW\", the caller has \"AIDAOLD\"",
                Code::AccountElsewhere,
            ),
            (
                user(refused("NoSuchEntity")),
                "error fetching user \"u\": NoSuchEntity: no\n\tstatus code: 400, request id: r",
                Code::IamEntityUnknown,
            ),
            (
                LookUpError::NoIamClient(Box::new(refused("AccessDenied").into())),
                "error creating IAM client: AccessDenied: no\n\tstatus code: 400, request id: r",
                Code::ServerRefused,
            ),
            (
                user(refused("Throttling")),
                "error fetching user \"u\": 2 errors occurred:\n\t* Throttling: no\n\tstatus code: 400, request id: r\n\t* upstream rate limited\n\n",
                Code::AwsThrottled,
            ),
            (
                instance("InvalidInstanceID.NotFound"),
                "error fetching description for instance ID \"i-1\": InvalidInstanceID.NotFound: no\n\tstatus code: 400, request id: r",
                Code::InstanceUnknown,
            ),
        ] {
            assert_eq!((error.to_string().as_str(), error.code()), (text, code));
        }
    }

    #[test]
    fn an_account_that_the_client_chose_is_not_the_operators_to_configure() {
        let [account, own] = ["1", "2"].map(AccountId::new);
        let error = LookUpError::AccountNotConfigured { account, own };
        for error in [error.clone(), LookUpError::NoIamClient(Box::new(error))] {
            let of_login = error.clone().chosen_by_client();
            assert_eq!(of_login.to_string(), error.to_string());
            assert_eq!(of_login.facts(), error.facts());
            assert_eq!(
                (of_login.code(), error.code()),
                (Code::LoginAccountForeign, Code::AccountNotConfigured)
            );
        }
        let other = LookUpError::Call(refused("AccessDenied"));
        assert_eq!(other.clone().chosen_by_client(), other);
    }

    #[test]
    fn what_was_compared_is_told_apart_from_the_text() {
        let wanted = Fact { name: "unique_id", seen: "AIDANEW".to_owned(), wanted: "AIDAOLD".to_owned() };
        for error in [recreated(true), LookUpError::NoIamClient(Box::new(recreated(true)))] {
            assert_eq!(error.facts(), std::slice::from_ref(&wanted));
        }
    }
}
