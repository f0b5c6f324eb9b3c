//! Why the role tag of an instance refuses its login.

use thiserror::Error;

use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact};

/// Why the role tag of an instance refuses its login.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TagError {
    /// The instance has no tag with the key that the role names, or an empty one.
    #[error("missing tag with key {} on the instance", quote(.0))]
    Missing(String),
    /// The tag was made for another role.
    #[error("role on the tag is not matching the role supplied")]
    OtherRole {
        /// The role of the tag.
        tag: String,
        /// The role of the login.
        login: String,
    },
    /// The tag was made for another instance.
    #[error("role tag is being used by an unauthorized instance")]
    OtherInstance {
        /// The instance of the tag.
        tag: String,
        /// The instance of the login.
        login: String,
    },
    /// The tag is on the deny list.
    #[error("role tag is deny listed")]
    Denied,
    /// The tag names policies that the role does not have.
    #[error("policies on the role tag must be subset of policies on the role")]
    Policies {
        /// Those of the tag.
        tag: Vec<String>,
        /// Those of the role.
        role: Vec<String>,
    },
}

impl Coded for TagError {
    fn code(&self) -> Code {
        match self {
            Self::Missing(_) => Code::RoleTagMissing,
            Self::OtherRole { .. } => Code::RoleTagOtherRole,
            Self::OtherInstance { .. } => Code::RoleTagOtherInstance,
            Self::Denied => Code::RoleTagDenied,
            Self::Policies { .. } => Code::RoleTagPolicies,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name, seen: String, wanted: String| vec![Fact { name, seen, wanted }];
        match self {
            Self::Missing(_) | Self::Denied => Vec::new(),
            Self::OtherRole { tag, login } => fact("role", tag.clone(), login.clone()),
            Self::OtherInstance { tag, login } => fact("instance_id", login.clone(), tag.clone()),
            Self::Policies { tag, role } => fact("policies", tag.join(","), role.join(",")),
        }
    }
}
