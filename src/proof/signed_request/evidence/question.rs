//! What a further request asks AWS.

use super::super::form;
use super::not_taken::NotTaken;
use crate::aws::arn::{Arn, EntityKind};
use crate::aws::calls::Api;
use crate::go::text::quote;

/// The version of IAM.
const IAM_VERSION: &[u8] = b"2010-05-08";
/// The action of Organizations, as its header names it.
pub(super) const DESCRIBE_ORGANIZATION: &str = "AWSOrganizationsV20161128.DescribeOrganization";
/// The body of that action.
const NO_MEMBERS: &[u8] = b"{}";
/// Longest name of a role or user, in bytes.
const MAX_NAME: usize = 64;

/// What a further request asks AWS. There is nothing else that one can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The role of that name, in the account of the signer.
    Role(String),
    /// The user of that name, in the account of the signer; without one the signer.
    User(Option<String>),
    /// The organization of the account of the signer.
    Organization,
}

impl Question {
    /// Reads the form that is sent to IAM: an action with the parameters that it must have and no others, each once.
    pub(super) fn of_iam(body: &[u8]) -> Result<Self, NotTaken> {
        let pairs = form::parse(body).map_err(NotTaken::Form)?;
        if body.split(|byte| *byte == b'&').count() != pairs.len() {
            return Err(NotTaken::Parameters);
        }
        let (mut action, mut version, mut role, mut user) = (None, None, None, None);
        for (name, value) in &pairs {
            let place = match name.as_slice() {
                b"Action" => &mut action,
                b"Version" => &mut version,
                b"RoleName" => &mut role,
                b"UserName" => &mut user,
                _ => return Err(NotTaken::Parameters),
            };
            if place.replace(value.as_slice()).is_some() {
                return Err(NotTaken::Parameters);
            }
        }
        let question = match (action, role, user) {
            (Some(b"GetRole"), Some(role), None) => Self::Role(name(role)?),
            (Some(b"GetUser"), None, user) => Self::User(user.map(name).transpose()?),
            (Some(b"GetRole" | b"GetUser"), ..) => return Err(NotTaken::Parameters),
            _ => return Err(NotTaken::Action),
        };
        if version == Some(IAM_VERSION) { Ok(question) } else { Err(NotTaken::Parameters) }
    }

    /// Reads what is sent to Organizations: the action in the header, and an empty object.
    pub(super) fn of_organizations(target: &str, body: &[u8]) -> Result<Self, NotTaken> {
        if target != DESCRIBE_ORGANIZATION {
            return Err(NotTaken::Action);
        }
        if body == NO_MEMBERS { Ok(Self::Organization) } else { Err(NotTaken::Parameters) }
    }

    /// The action.
    #[must_use]
    pub const fn api(&self) -> Api {
        match self {
            Self::Role(_) => Api::GetRole,
            Self::User(_) => Api::GetUser,
            Self::Organization => Api::DescribeOrganization,
        }
    }

    pub(super) const fn is_about_organization(&self) -> bool {
        matches!(self, Self::Organization)
    }

    /// Whether the answer is about the principal of this ARN, or about its account, if the principal is the signer.
    pub(super) fn is_about(&self, arn: &Arn) -> bool {
        match self {
            Self::Role(name) => arn.kind() == EntityKind::AssumedRole && name == arn.name(),
            Self::User(name) => {
                arn.kind() == EntityKind::User && name.as_ref().is_none_or(|name| name == arn.name())
            }
            Self::Organization => true,
        }
    }

    /// Action and name, for people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Role(name) | Self::User(Some(name)) => {
                format!("{} of {}", self.api().action(), quote(name))
            }
            Self::User(None) | Self::Organization => self.api().action().to_owned(),
        }
    }
}

/// A name as IAM gives them.
fn name(value: &[u8]) -> Result<String, NotTaken> {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(byte);
    if value.is_empty() || value.len() > MAX_NAME || !value.iter().all(is_of_name) {
        return Err(NotTaken::Parameters);
    }
    Ok(String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_a_user_and_an_organization_can_be_asked_for() {
        for (body, expected) in [
            ("Action=GetRole&RoleName=App&Version=2010-05-08", Question::Role("App".to_owned())),
            ("Version=2010-05-08&RoleName=a%2Bb%3D&Action=GetRole", Question::Role("a+b=".to_owned())),
            ("Action=GetUser&Version=2010-05-08", Question::User(None)),
            ("Action=GetUser&UserName=u&Version=2010-05-08", Question::User(Some("u".to_owned()))),
        ] {
            assert_eq!(Question::of_iam(body.as_bytes()), Ok(expected), "{body}");
        }
        assert_eq!(Question::of_organizations(DESCRIBE_ORGANIZATION, b"{}"), Ok(Question::Organization));
    }

    #[test]
    fn nothing_else_can() {
        for body in [
            "",
            "Version=2010-05-08",
            "Action=GetRole&Version=2010-05-08",
            "Action=GetRole&RoleName=&Version=2010-05-08",
            "Action=GetRole&RoleName=a%2Fb&Version=2010-05-08",
            "Action=GetRole&RoleName=a%00&Version=2010-05-08",
            "Action=GetRole&RoleName=%C3%A9&Version=2010-05-08",
            "Action=GetRole&RoleName=App",
            "Action=GetRole&RoleName=App&Version=2011-06-15",
            "Action=GetRole&RoleName=App&Version=2010-05-08&",
            "Action=GetRole&&RoleName=App&Version=2010-05-08",
            "Action=GetRole&RoleName=App&RoleName=App&Version=2010-05-08",
            "Action=GetRole&Action=GetRole&RoleName=App&Version=2010-05-08",
            "Action=GetRole&RoleName=App&Version=2010-05-08&Version=2010-05-08",
            "Action=GetRole&RoleName=App&UserName=u&Version=2010-05-08",
            "Action=GetRole&RoleName=App&Version=2010-05-08&X=1",
            "action=GetRole&RoleName=App&Version=2010-05-08",
            "Action=GetRole&rolename=App&Version=2010-05-08",
            "Action=getrole&RoleName=App&Version=2010-05-08",
            "Action=GetUser&RoleName=App&Version=2010-05-08",
            "Action=GetUser&UserName=&Version=2010-05-08",
            "Action=ListRoles&Version=2010-05-08",
            "Action=DeleteRole&RoleName=App&Version=2010-05-08",
            "Action=GetCallerIdentity&Version=2011-06-15",
            "Action=GetRole;RoleName=App&Version=2010-05-08",
            "Action=GetRole%zz&RoleName=App&Version=2010-05-08",
        ] {
            assert!(Question::of_iam(body.as_bytes()).is_err(), "{body}");
        }
        let long = format!("Action=GetRole&RoleName={}&Version=2010-05-08", "a".repeat(65));
        assert!(Question::of_iam(long.as_bytes()).is_err());
        for (target, body) in [
            ("AWSOrganizationsV20161128.DescribeAccount", "{}"),
            ("AWSOrganizationsV20161128.describeOrganization", "{}"),
            ("DescribeOrganization", "{}"),
            (DESCRIBE_ORGANIZATION, ""),
            (DESCRIBE_ORGANIZATION, "{} "),
            (DESCRIBE_ORGANIZATION, "{\"a\":1}"),
        ] {
            assert!(Question::of_organizations(target, body.as_bytes()).is_err(), "{target} {body}");
        }
    }

    #[test]
    fn a_question_is_about_one_principal() {
        let arn = |text: &str| Arn::parse(text).unwrap();
        let session = arn("arn:aws:sts::1:assumed-role/App/s");
        let user = arn("arn:aws:iam::1:user/App");
        for (question, of_session, of_user) in [
            (Question::Role("App".to_owned()), true, false),
            (Question::Role("app".to_owned()), false, false),
            (Question::Role("s".to_owned()), false, false),
            (Question::User(None), false, true),
            (Question::User(Some("App".to_owned())), false, true),
            (Question::User(Some("other".to_owned())), false, false),
            (Question::Organization, true, true),
        ] {
            let about = (question.is_about(&session), question.is_about(&user));
            assert_eq!(about, (of_session, of_user), "{question:?}");
        }
    }
}
