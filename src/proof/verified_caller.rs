//! Who signed a login request.

use thiserror::Error;

use crate::aws::arn::{AccountId, Arn, ArnError, EntityKind};
use crate::aws::region::Partition;
use crate::aws::sts::CallerIdentity;
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// Why an answer of STS names nobody who can log in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CallerError {
    /// The ARN is not of a user or role.
    #[error("error parsing arn {}: {cause}", quote(arn))]
    Arn {
        /// The ARN as STS gave it.
        arn: String,
        /// What about it is not recognised.
        #[source]
        cause: ArnError,
    },
    /// The parts of the answer contradict each other.
    #[error("error making upstream request: error parsing STS response")]
    Disagrees,
}

impl Coded for CallerError {
    fn code(&self) -> Code {
        match self {
            Self::Arn { .. } => Code::PrincipalKind,
            Self::Disagrees => Code::StsDisagrees,
        }
    }
}

/// A caller that STS vouched for. It can be made from nothing but an answer of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCaller {
    arn: Arn,
    unique_id: String,
    agrees_in_all: bool,
    request_id: String,
}

impl VerifiedCaller {
    /// Reads who STS says it is. The parts of the answer must agree with each other.
    ///
    /// # Errors
    /// The ARN is of a principal that cannot log in, or the parts disagree.
    pub fn from_identity(identity: &CallerIdentity) -> Result<Self, CallerError> {
        let arn = Arn::parse(identity.arn())
            .map_err(|cause| CallerError::Arn { arn: identity.arn().to_owned(), cause })?;
        let (unique_id, session) = match identity.user_id().split_once(':') {
            Some((unique_id, session)) => (unique_id, Some(session)),
            None => (identity.user_id(), None),
        };
        let session_agrees = arn.kind() != EntityKind::AssumedRole || session == Some(arn.session());
        if identity.account() != arn.account().as_str() || !session_agrees || unique_id.is_empty() {
            return Err(CallerError::Disagrees);
        }
        let agrees_in_all = agrees_in_all(&arn, unique_id, session);
        let unique_id = unique_id.to_owned();
        Ok(Self { arn, unique_id, agrees_in_all, request_id: identity.request_id().to_owned() })
    }

    /// Checks the rest of what the parts of an answer say of each other, as strict mode demands: the id is one of
    /// the kind of principal that the ARN names, with a session where there is one, the ARN is of the service that
    /// answers for that kind, of a partition of AWS, and of an account that has a number.
    ///
    /// # Errors
    /// The parts disagree.
    pub fn check_strictly(&self) -> Result<(), CallerError> {
        if self.agrees_in_all { Ok(()) } else { Err(CallerError::Disagrees) }
    }

    /// The ARN as STS gave it.
    #[must_use]
    pub fn arn(&self) -> &Arn {
        &self.arn
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        self.arn.account()
    }

    /// The unique id of the user or role, without the session.
    #[must_use]
    pub fn unique_id(&self) -> &str {
        &self.unique_id
    }

    /// The id that AWS gave the request which told it; empty where it gave none.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The name a token shows: of the user or role, with the session if there is one.
    #[must_use]
    pub fn display_name(&self) -> String {
        match self.arn.session() {
            "" => self.arn.name().to_owned(),
            session => format!("{}/{session}", self.arn.name()),
        }
    }
}

/// Unique ids begin with the prefix of their kind; see "IAM identifiers" in the IAM user guide.
fn agrees_in_all(arn: &Arn, unique_id: &str, session: Option<&str>) -> bool {
    let (prefix, service, has_session) = match arn.kind() {
        EntityKind::User => ("AIDA", "iam", false),
        EntityKind::AssumedRole => ("AROA", "sts", true),
        EntityKind::Role | EntityKind::InstanceProfile => return false,
    };
    let account = arn.account().as_str();
    unique_id.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())
        && unique_id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && session.is_some() == has_session
        && arn.as_str().split(':').nth(2) == Some(service)
        && Partition::of(arn).is_ok()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(arn: &str, user_id: &str, account: &str) -> Result<VerifiedCaller, String> {
        let document = format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        let identity = CallerIdentity::parse(document.as_bytes()).unwrap();
        VerifiedCaller::from_identity(&identity).map_err(|error| error.to_string())
    }

    #[test]
    fn users_and_sessions_are_told_apart() {
        let user = caller("arn:aws:iam::1:user/p/u", "AIDA", "1").unwrap();
        assert_eq!((user.unique_id(), user.display_name().as_str()), ("AIDA", "u"));
        let session = caller("arn:aws:sts::1:assumed-role/App/s1", "AROA:s1", "1").unwrap();
        assert_eq!((session.unique_id(), session.display_name().as_str()), ("AROA", "App/s1"));
    }

    #[test]
    fn an_answer_that_disagrees_with_itself_is_refused() {
        let refused = "error making upstream request: error parsing STS response";
        for (arn, user_id, account) in [
            ("arn:aws:iam::1:user/u", "AIDA", "2"),
            ("arn:aws:sts::1:assumed-role/App/s1", "AROA:s2", "1"),
            ("arn:aws:sts::1:assumed-role/App/s1", "AROA", "1"),
            ("arn:aws:iam::1:user/u", ":x", "1"),
        ] {
            assert_eq!(caller(arn, user_id, account).unwrap_err(), refused, "{arn} {user_id}");
        }
        assert_eq!(
            caller("arn:aws:iam::1:root", "1", "2").unwrap_err(),
            r#"error parsing arn "arn:aws:iam::1:root": unrecognized arn: "root" contains fewer than 2 slash-separated parts"#
        );
    }

    #[test]
    fn strict_mode_wants_all_parts_to_agree() {
        const ACCOUNT: &str = "111122223333";
        let check = |arn: &str, user_id: &str, account: &str| {
            caller(arn, user_id, account).unwrap().check_strictly().map_err(|error| error.to_string())
        };
        let user = "arn:aws:iam::111122223333:user/u";
        let session = "arn:aws-cn:sts::111122223333:assumed-role/App/s1";
        assert_eq!(check(user, "AIDA1", ACCOUNT), Ok(()));
        assert_eq!(check(session, "AROA1:s1", ACCOUNT), Ok(()));
        let refused = "error making upstream request: error parsing STS response";
        for (arn, user_id, account) in [
            (user, "AROA1", ACCOUNT),
            (user, "AIDA", ACCOUNT),
            (user, "AIDA1:s1", ACCOUNT),
            (user, "AIDAx", ACCOUNT),
            (session, "AIDA1:s1", ACCOUNT),
            (session, "ASIA1:s1", ACCOUNT),
            ("arn:aws:sts::111122223333:user/u", "AIDA1", ACCOUNT),
            ("arn:aws:iam::111122223333:assumed-role/App/s1", "AROA1:s1", ACCOUNT),
            ("arn:aws:iam::111122223333:role/App", "AROA1", ACCOUNT),
            ("arn:aws:iam::111122223333:instance-profile/App", "AIPA1", ACCOUNT),
            ("arn:aws-mars:iam::111122223333:user/u", "AIDA1", ACCOUNT),
            ("arn:aws:iam::1:user/u", "AIDA1", "1"),
            ("arn:aws:iam::11112222333x:user/u", "AIDA1", "11112222333x"),
        ] {
            assert_eq!(check(arn, user_id, account).unwrap_err(), refused, "{arn} {user_id}");
        }
    }
}
