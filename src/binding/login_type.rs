//! By what a role lets its callers log in, and what it may demand of those who do it by a token.

use thiserror::Error;

use crate::entry::{AuthType, LoginType, Role};
use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact};

/// A role does not let its callers log in in this way.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("logins by {} are not allowed for the role {}", login_type.as_str(), quote(role_name))]
pub struct LoginTypeNotAllowed {
    login_type: LoginType,
    role_name: String,
    allowed: String,
}

impl Coded for LoginTypeNotAllowed {
    fn code(&self) -> Code {
        Code::LoginTypeNotAllowed
    }

    fn facts(&self) -> Vec<Fact> {
        let seen = self.login_type.as_str().to_owned();
        vec![Fact { name: "allowed_login_types", seen, wanted: self.allowed.clone() }]
    }
}

/// Checks that callers of a role may log in by this.
///
/// # Errors
/// They may not.
pub fn check_login_type(
    role: &Role,
    role_name: &str,
    login_type: LoginType,
) -> Result<(), LoginTypeNotAllowed> {
    if role.allows(login_type) {
        return Ok(());
    }
    let default = vec![LoginType::IamRequest.as_str().to_owned()];
    let allowed = role.allowed_login_types.as_ref().unwrap_or(&default).join(",");
    Err(LoginTypeNotAllowed { login_type, role_name: role_name.to_owned(), allowed })
}

/// A role demands what a web identity token does not show.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("a token does not show what the role {} demands: {demand}", quote(role_name))]
pub struct NotShown {
    role_name: String,
    demand: &'static str,
}

impl Coded for NotShown {
    fn code(&self) -> Code {
        Code::JwtNotShown
    }

    fn facts(&self) -> Vec<Fact> {
        vec![Fact { name: "role", seen: String::new(), wanted: self.demand.to_owned() }]
    }
}

/// Checks that a token shows all that a role demands.
///
/// # Errors
/// It does not.
pub fn check_shown(role: &Role, role_name: &str) -> Result<(), NotShown> {
    match role.not_shown_by_a_token() {
        None if role.auth_type() == Some(AuthType::Iam) => Ok(()),
        None => Err(NotShown { role_name: role_name.to_owned(), demand: "auth_type" }),
        Some(demand) => Err(NotShown { role_name: role_name.to_owned(), demand }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::BOUNDS;

    fn role() -> Role {
        Role {
            auth_type: "iam".to_owned(),
            bound_iam_principal_arn_list: Some(vec!["arn:aws:iam::1:role/App".to_owned()]),
            ..Role::default()
        }
    }

    #[test]
    fn a_role_that_demands_more_is_refused() {
        assert_eq!(check_shown(&role(), "r"), Ok(()));
        for bound in &BOUNDS {
            let mut role = role();
            bound.set(&mut role, vec!["x".to_owned()]);
            let shown =
                ["bound_iam_principal_arn", "bound_organization_ids", "bound_organization_unit_paths"];
            let expected = (!shown.contains(&bound.name)).then_some(bound.name);
            assert_eq!(role.not_shown_by_a_token(), expected, "{}", bound.name);
        }
        for (role, demand) in [
            (Role { resolve_aws_unique_ids: true, ..role() }, "resolve_aws_unique_ids"),
            (
                Role { bound_iam_principal_id_list: Some(vec![String::new()]), ..role() },
                "resolve_aws_unique_ids",
            ),
            (Role { inferred_entity_type: "nonsense".to_owned(), ..role() }, "inferred_entity_type"),
            (Role { auth_type: "ec2".to_owned(), ..role() }, "auth_type"),
        ] {
            let text = format!("a token does not show what the role \"r\" demands: {demand}");
            assert_eq!(check_shown(&role, "r").unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn the_facts_name_what_is_allowed() {
        let refused = check_login_type(&role(), "r", LoginType::Jwt).unwrap_err();
        assert_eq!(refused.to_string(), "logins by jwt are not allowed for the role \"r\"");
        assert_eq!(
            (refused.facts()[0].seen.as_str(), refused.facts()[0].wanted.as_str()),
            ("jwt", "iam_request")
        );
        let role = Role { allowed_login_types: Some(vec!["jwt".to_owned()]), ..role() };
        assert_eq!(check_login_type(&role, "r", LoginType::Jwt), Ok(()));
        assert!(check_login_type(&role, "r", LoginType::IamRequest).is_err());
    }
}
