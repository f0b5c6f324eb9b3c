//! What a role demands of the organization of the caller's account.

use thiserror::Error;

use crate::accounts::look_up::LookUp;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::AccountId;
use crate::aws::organizations::Membership;
use crate::aws::region::Partition;
use crate::entry::Role;
use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact, Hint};

/// Why an account is not one of those that a role binds by their organization.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OrganizationError {
    /// It is none of them.
    #[error(
        "account ID {} does not belong to an organization or organizational unit of the role {}",
        quote(account),
        quote(role_name)
    )]
    NotBound {
        /// The account.
        account: String,
        /// The role.
        role_name: String,
        /// The binding that decided.
        field: &'static str,
        /// Where the account is.
        seen: String,
        /// Where it would have to be.
        bound: Vec<String>,
    },
    /// The endpoint does not tell where in its organization it is.
    #[error("Organizations does not tell the organizational unit of account ID {}", quote(.0))]
    NoPaths(String),
    /// Nobody could be asked, or there was no answer.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
}

impl Coded for OrganizationError {
    fn code(&self) -> Code {
        match self {
            Self::NotBound { .. } => Code::OrganizationNotBound,
            Self::NoPaths(_) => Code::OrganizationNoPaths,
            Self::LookUp(error) => error.code(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NotBound { field, seen, bound, .. } => {
                vec![Fact { name: field, seen: seen.clone(), wanted: bound.join(",") }]
            }
            Self::NoPaths(_) => Vec::new(),
            Self::LookUp(error) => error.facts(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::LookUp(error) => error.hint(),
            Self::NotBound { .. } | Self::NoPaths(_) => None,
        }
    }
}

/// Compares the organization of an account with those that a role binds. A role that binds none asks nobody.
///
/// # Errors
/// The account is none of those, or nobody can tell.
pub async fn check_organization(
    look_up: LookUp<'_>,
    role: &Role,
    role_name: &str,
    partition: Partition,
    account: &AccountId,
) -> Result<(), OrganizationError> {
    if !binds_organization(role) {
        return Ok(());
    }
    let membership = Box::pin(look_up.membership(partition, account)).await?;
    check_membership(role, role_name, account, &membership)
}

/// Whether a role binds a unit of an organization.
#[must_use]
pub fn binds_unit(role: &Role) -> bool {
    role.bound_organization_unit_paths_list.as_ref().is_some_and(|list| !list.is_empty())
}

/// Whether a role binds an organization or a unit of one.
#[must_use]
pub fn binds_organization(role: &Role) -> bool {
    let is_set = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    is_set(&role.bound_organization_ids_list) || is_set(&role.bound_organization_unit_paths_list)
}

/// Compares where an account is with where it would have to be.
///
/// # Errors
/// It is not there, or nobody can tell.
pub fn check_membership(
    role: &Role,
    role_name: &str,
    account: &AccountId,
    membership: &Membership,
) -> Result<(), OrganizationError> {
    let ids = role.bound_organization_ids_list.as_deref().unwrap_or_default();
    let paths = role.bound_organization_unit_paths_list.as_deref().unwrap_or_default();
    let not_bound = |seen: &str| {
        let (field, bound) = if ids.is_empty() {
            ("bound_organization_unit_paths", paths)
        } else {
            ("bound_organization_ids", ids)
        };
        let (account, role_name, seen) = (account.as_str().to_owned(), role_name.to_owned(), seen.to_owned());
        Err(OrganizationError::NotBound { account, role_name, field, seen, bound: bound.to_vec() })
    };
    let (organization_id, unit_paths) = match membership {
        Membership::Outside => return not_bound("no organization"),
        Membership::Inactive(state) => return not_bound(state),
        Membership::Member { organization_id, unit_paths } => (organization_id, unit_paths),
    };
    if !ids.is_empty() && !ids.contains(organization_id) {
        return not_bound(organization_id);
    }
    if paths.is_empty() {
        return Ok(());
    }
    let Some(units) = unit_paths else {
        return Err(OrganizationError::NoPaths(account.as_str().to_owned()));
    };
    if units.iter().any(|unit| paths.iter().any(|path| is_within(unit, path))) {
        return Ok(());
    }
    Err(OrganizationError::NotBound {
        account: account.as_str().to_owned(),
        role_name: role_name.to_owned(),
        field: "bound_organization_unit_paths",
        seen: units.join(","),
        bound: paths.to_vec(),
    })
}

/// Whether a unit is another one or below it. Both paths end in a slash, so a whole segment ends where one ends.
fn is_within(unit: &str, other: &str) -> bool {
    other.ends_with('/') && unit.starts_with(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "o-abcdefghij/r-abcd/ou-abcd-11111111/ou-abcd-22222222/";

    fn role(ids: &[&str], paths: &[&str]) -> Role {
        let list = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect());
        Role {
            bound_organization_ids_list: list(ids),
            bound_organization_unit_paths_list: list(paths),
            ..Role::default()
        }
    }

    fn member(unit_paths: Option<&[&str]>) -> Membership {
        let unit_paths = unit_paths.map(|paths| paths.iter().map(|&path| path.to_owned()).collect());
        Membership::Member { organization_id: "o-abcdefghij".to_owned(), unit_paths }
    }

    fn code(role: &Role, membership: &Membership) -> Option<Code> {
        check_membership(role, "r", &AccountId::new("1"), membership).err().map(|error| error.code())
    }

    #[test]
    fn a_unit_binds_itself_and_what_is_below_it() {
        for (path, is_bound) in [
            (UNIT, true),
            ("o-abcdefghij/r-abcd/ou-abcd-11111111/", true),
            ("o-abcdefghij/r-abcd/", true),
            ("o-abcdefghij/r-abcd/ou-abcd-11111111/ou-abcd-2222222/", false),
            ("o-abcdefghij/r-abcd/ou-abcd-11111111/ou-abcd-222222222/", false),
            ("o-abcdefghij/r-abcd/ou-abcd-22222222/", false),
            ("o-abcdefghij/r-abcd/ou-abcd-11111111/ou-abcd-22222222/ou-abcd-33333333/", false),
            // Nobody can write these; what is stored may be of others.
            ("o-abcdefghij/r-abcd/ou-abcd-1", false),
            ("o-abcdefghij/r-abcd/ou-abcd-11111111", false),
            ("", false),
        ] {
            let seen = code(&role(&[], &[path]), &member(Some(&[UNIT])));
            assert_eq!(seen, (!is_bound).then_some(Code::OrganizationNotBound), "{path}");
        }
    }

    #[test]
    fn both_bindings_must_be_satisfied() {
        let other = "o-zzzzzzzzzz";
        for (ids, paths, expected) in [
            (&["o-abcdefghij"][..], &[][..], None),
            (&[other, "o-abcdefghij"], &[UNIT], None),
            (&[other], &[], Some(Code::OrganizationNotBound)),
            (&[other], &[UNIT], Some(Code::OrganizationNotBound)),
            (&["o-abcdefghij"], &["o-zzzzzzzzzz/r-abcd/"], Some(Code::OrganizationNotBound)),
        ] {
            assert_eq!(code(&role(ids, paths), &member(Some(&[UNIT]))), expected, "{ids:?} {paths:?}");
        }
    }

    #[test]
    fn without_paths_only_the_organization_is_known() {
        assert_eq!(code(&role(&["o-abcdefghij"], &[]), &member(None)), None);
        assert_eq!(code(&role(&[], &[UNIT]), &member(None)), Some(Code::OrganizationNoPaths));
        let not_bound = Some(Code::OrganizationNotBound);
        assert_eq!(code(&role(&["o-zzzzzzzzzz"], &[UNIT]), &member(None)), not_bound);
    }

    #[test]
    fn who_is_outside_or_not_in_use_is_not_bound() {
        for membership in [Membership::Outside, Membership::Inactive("SUSPENDED".to_owned())] {
            for role in [role(&["o-abcdefghij"], &[]), role(&[], &[UNIT])] {
                let error = check_membership(&role, "r", &AccountId::new("1"), &membership).unwrap_err();
                assert_eq!(error.code(), Code::OrganizationNotBound);
                assert_eq!(
                    error.to_string(),
                    "account ID \"1\" does not belong to an organization or organizational unit of the role \"r\""
                );
            }
        }
    }
}
