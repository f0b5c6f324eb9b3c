//! IAM and STS principal ARNs.
//!
//! `arn:<partition>:<iam|sts>:<ignored>:<account>:<type>/<path>/<name>`; see "IAM identifiers" in
//! the IAM user guide.

use std::fmt;

use thiserror::Error;

use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// An AWS account number, as it stands in an ARN or a configuration path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
    /// Takes the text as it is: accounts come from AWS and from paths of the API, which accept any
    /// name.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of IAM entity an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// A session of an IAM role.
    AssumedRole,
    /// An instance profile.
    InstanceProfile,
}

impl EntityKind {
    /// As it stands in ARNs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::AssumedRole => "assumed-role",
            Self::InstanceProfile => "instance-profile",
        }
    }
}

/// A parsed principal ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    text: String,
    partition: String,
    account: AccountId,
    kind: EntityKind,
    path: String,
    name: String,
    session: String,
}

/// Why a text is no principal ARN.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ArnError {
    /// Not six parts between colons.
    #[error("unrecognized arn: contains {0} colon-separated parts, expected 6")]
    PartCount(usize),
    /// Not an ARN.
    #[error("unrecognized arn: does not begin with \"arn:\"")]
    Prefix,
    /// Of another AWS service.
    #[error("unrecognized service: {0}, not one of iam or sts")]
    Service(String),
    /// The resource has too few parts.
    #[error("unrecognized arn: {} contains fewer than {at_least} slash-separated parts", quote(resource))]
    TooFewParts {
        /// The resource part of the ARN.
        resource: String,
        /// How many it needs.
        at_least: usize,
    },
    /// The resource has a part too many.
    #[error("unrecognized arn: {} contains more than 3 slash-separated parts", quote(.0))]
    TooManyParts(String),
    /// The name of the principal is missing.
    #[error("unrecognized arn: {} contains an empty name", quote(.0))]
    EmptyName(String),
    /// A kind of principal that cannot log in.
    #[error("unrecognized principal type: {}", quote(.0))]
    Kind(String),
}

impl Coded for ArnError {
    fn code(&self) -> Code {
        Code::ArnMalformed
    }
}

impl Arn {
    /// Parses a principal ARN.
    ///
    /// ```
    /// use vault_plugin_auth_aws::aws::arn::{Arn, EntityKind};
    ///
    /// let arn = Arn::parse("arn:aws:sts::123456789012:assumed-role/App/i-0a1b2c3d")?;
    /// assert_eq!(arn.kind(), EntityKind::AssumedRole);
    /// assert_eq!((arn.name(), arn.session()), ("App", "i-0a1b2c3d"));
    /// // The role behind the session, as roles of the auth method name it.
    /// assert_eq!(arn.canonical(), "arn:aws:iam::123456789012:role/App");
    /// # Ok::<(), vault_plugin_auth_aws::aws::arn::ArnError>(())
    /// ```
    ///
    /// # Errors
    /// Says what about the text is not recognised.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let parts: Vec<&str> = text.split(':').collect();
        let [arn, partition, service, _region, account, resource] = parts.as_slice() else {
            return Err(ArnError::PartCount(parts.len()));
        };
        if *arn != "arn" {
            return Err(ArnError::Prefix);
        }
        if *service != "iam" && *service != "sts" {
            return Err(ArnError::Service((*service).to_owned()));
        }
        let pieces: Vec<&str> = resource.split('/').collect();
        let too_few = |at_least| ArnError::TooFewParts { resource: (*resource).to_owned(), at_least };
        let [kind, middle @ .., last] = pieces.as_slice() else {
            return Err(too_few(2));
        };
        let kind = match *kind {
            "user" => EntityKind::User,
            "role" => EntityKind::Role,
            "assumed-role" => EntityKind::AssumedRole,
            "instance-profile" => EntityKind::InstanceProfile,
            other => return Err(ArnError::Kind(other.to_owned())),
        };
        let (path, name, session) = match (kind, middle) {
            (EntityKind::AssumedRole, []) => return Err(too_few(3)),
            (EntityKind::AssumedRole, [role]) => (String::new(), *role, *last),
            (EntityKind::AssumedRole, _) => return Err(ArnError::TooManyParts((*resource).to_owned())),
            (_, middle) => (middle.join("/"), *last, ""),
        };
        if name.is_empty() || (kind == EntityKind::AssumedRole && session.is_empty()) {
            return Err(ArnError::EmptyName((*resource).to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            partition: (*partition).to_owned(),
            account: AccountId::new(*account),
            kind,
            path,
            name: name.to_owned(),
            session: session.to_owned(),
        })
    }

    /// The ARN as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition's name, such as `aws` or `aws-us-gov`; not checked to exist.
    #[must_use]
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The account that owns the entity.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// What it names.
    #[must_use]
    pub fn kind(&self) -> EntityKind {
        self.kind
    }

    /// The path without slashes at its ends; empty for `/`, for sessions always.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The friendly name: of the user, the role or the instance profile; never the session's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The session name of an assumed role; empty for all others.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The ARN without path and session, with sessions turned into their role: what bindings
    /// without a wildcard compare.
    #[must_use]
    pub fn canonical(&self) -> String {
        let kind = match self.kind {
            EntityKind::AssumedRole => EntityKind::Role,
            kind => kind,
        };
        format!("arn:{}:iam::{}:{}/{}", self.partition, self.account, kind.as_str(), self.name)
    }

    /// The entity as error texts of the API show it.
    #[must_use]
    pub fn entity_text(&self) -> String {
        format!(
            "&{{{} {} {} {} {} {}}}",
            self.partition,
            self.account,
            self.kind.as_str(),
            self.path,
            self.name,
            self.session
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_taken_apart() {
        for (text, kind, path, name, session, canonical) in [
            (
                "arn:aws:iam::123456789012:user/UserPath/MyUserName",
                EntityKind::User,
                "UserPath",
                "MyUserName",
                "",
                "arn:aws:iam::123456789012:user/MyUserName",
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/RoleName/RoleSessionName",
                EntityKind::AssumedRole,
                "",
                "RoleName",
                "RoleSessionName",
                "arn:aws:iam::123456789012:role/RoleName",
            ),
            (
                "arn:aws-us-gov:iam::1:role/a/b/R",
                EntityKind::Role,
                "a/b",
                "R",
                "",
                "arn:aws-us-gov:iam::1:role/R",
            ),
            (
                "arn:aws-cn:iam::1:instance-profile/p/N",
                EntityKind::InstanceProfile,
                "p",
                "N",
                "",
                "arn:aws-cn:iam::1:instance-profile/N",
            ),
        ] {
            let arn = Arn::parse(text).unwrap();
            assert_eq!(
                (arn.kind(), arn.path.as_str(), arn.name(), arn.session()),
                (kind, path, name, session)
            );
            assert_eq!(arn.canonical(), canonical);
            assert_eq!(arn.as_str(), text);
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (text, reason) in [
            (
                "arn:aws:iam::1:root",
                r#"unrecognized arn: "root" contains fewer than 2 slash-separated parts"#,
            ),
            ("arn:aws:sts::1:federated-user/bob", r#"unrecognized principal type: "federated-user""#),
            (
                "arn:aws:sts::1:assumed-role/R",
                r#"unrecognized arn: "assumed-role/R" contains fewer than 3 slash-separated parts"#,
            ),
            ("arn:aws:iam", "unrecognized arn: contains 3 colon-separated parts, expected 6"),
            ("", "unrecognized arn: contains 1 colon-separated parts, expected 6"),
            ("xrn:aws:iam::1:user/u", r#"unrecognized arn: does not begin with "arn:""#),
            ("arn:aws:ec2::1:user/u", "unrecognized service: ec2, not one of iam or sts"),
            ("arn:aws:iam::1:/", r#"unrecognized principal type: """#),
            ("arn:aws:iam::1:user/", r#"unrecognized arn: "user/" contains an empty name"#),
            (
                "arn:aws:sts::1:assumed-role/R/s/x",
                r#"unrecognized arn: "assumed-role/R/s/x" contains more than 3 slash-separated parts"#,
            ),
            ("arn:aws:iam::1:user/a:b", "unrecognized arn: contains 7 colon-separated parts, expected 6"),
        ] {
            assert_eq!(Arn::parse(text).unwrap_err().to_string(), reason, "{text}");
        }
    }

    #[test]
    fn the_entity_text_keeps_empty_places() {
        let arn = Arn::parse("arn:aws:sts::999988887777:assumed-role/App/s1").unwrap();
        assert_eq!(arn.entity_text(), "&{aws 999988887777 assumed-role  App s1}");
    }
}
