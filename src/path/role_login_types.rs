//! The field by which a role says how its callers may log in.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::entry::{AuthType, LoginType, Role};
use crate::framework::{Failure, Field, FieldKind, Fields};
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

const NAME: &str = "allowed_login_types";

/// By what callers may log in.
pub(super) const LOGIN_TYPES: Field = Field::new(NAME, FieldKind::CommaStringSlice, "How callers of a role of type iam may log in: `iam_request`, a signed request, and `jwt`, a token of sts:GetWebIdentityToken whose issuer config/jwt-issuer has. Not set, a signed request alone. With jwt the role must demand what a token shows: no resolve_aws_unique_ids, tags and inferencing.")
    .allowed(&LoginType::NAMES)
    .own();

/// Why the types are not written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum LoginTypesRefused {
    #[error("allowed_login_types has {}, please select from {}", quote(.0), quote(&LoginType::NAMES.join(", ")))]
    Unknown(String),
    #[error("specified allowed_login_types when not using iam auth type")]
    WithoutIam,
    #[error("allowed_login_types has jwt, and a token does not show what the role demands by {0}")]
    NotShown(&'static str),
}

impl Coded for LoginTypesRefused {
    fn code(&self) -> Code {
        Code::RoleLoginTypes
    }
}

impl From<LoginTypesRefused> for Failure {
    fn from(error: LoginTypesRefused) -> Self {
        Self::refused(&error)
    }
}

/// Takes over what is given. To be called when all that the role demands is set.
///
/// # Errors
/// What is given, or what the role now has of it, could admit nobody.
pub(super) fn set(role: &mut Role, fields: &Fields) -> Result<(), LoginTypesRefused> {
    if let Some(names) = fields.list(NAME) {
        let unknown = names.iter().find(|name| !LoginType::NAMES.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(LoginTypesRefused::Unknown(name.clone()));
        }
        role.allowed_login_types = (!names.is_empty()).then(|| names.to_vec());
    }
    if role.allowed_login_types.is_some() && role.auth_type() != Some(AuthType::Iam) {
        return Err(LoginTypesRefused::WithoutIam);
    }
    if role.allows(LoginType::Jwt)
        && let Some(demand) = role.not_shown_by_a_token()
    {
        return Err(LoginTypesRefused::NotShown(demand));
    }
    Ok(())
}

/// Shows what says something.
pub(super) fn show(role: &Role, data: &mut Map<String, Value>) {
    if let Some(names) = &role.allowed_login_types {
        data.insert(NAME.to_owned(), json!(names));
    }
}
