//! That a role demands anything of its callers. A write of a role sees to it, but what is stored may be of others.

use thiserror::Error;

use crate::entry::{AuthType, BOUNDS, Role};
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// Nothing that a role binds is compared with its callers, so everybody would be admitted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("nothing is bound by the role {}, so it admits nobody", quote(.0))]
pub struct BindsNothing(String);

impl Coded for BindsNothing {
    fn code(&self) -> Code {
        Code::LoginRoleBindsNothing
    }
}

/// Refuses a role that binds nothing of which its kind of login is told.
///
/// # Errors
/// It is one.
pub fn check_binds_anything(role: &Role, role_name: &str) -> Result<(), BindsNothing> {
    let ids = role.bound_iam_principal_id_list.as_deref().unwrap_or_default();
    let binds_ids = role.auth_type() == Some(AuthType::Iam) && !ids.is_empty();
    if binds_ids || BOUNDS.iter().any(|bound| bound.is_set(role) && bound.goes_with.admits(role)) {
        return Ok(());
    }
    Err(BindsNothing(role_name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::InferredEntity;

    fn roles() -> [(&'static str, Role); 3] {
        let of = |kind: AuthType| Role { auth_type: kind.as_str().to_owned(), ..Role::default() };
        let inferred_entity_type = InferredEntity::EC2_INSTANCE.to_owned();
        let inferring = Role { inferred_entity_type, ..of(AuthType::Iam) };
        [("iam", of(AuthType::Iam)), ("ec2", of(AuthType::Ec2)), ("inferring", inferring)]
    }

    #[test]
    fn a_role_of_any_kind_that_binds_nothing_is_refused() {
        for (name, role) in roles() {
            let refused = check_binds_anything(&role, name).unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!("nothing is bound by the role {name:?}, so it admits nobody")
            );
            let emptied = |mut role: Role| {
                BOUNDS.iter().for_each(|bound| bound.set(&mut role, Vec::new()));
                role
            };
            assert_eq!(check_binds_anything(&emptied(role), name), Err(refused));
        }
    }

    #[test]
    fn only_what_is_compared_in_its_kind_of_login_counts() {
        for bound in &BOUNDS {
            for (name, mut role) in roles() {
                bound.set(&mut role, vec!["x".to_owned()]);
                let counts = check_binds_anything(&role, name).is_ok();
                assert_eq!(counts, bound.goes_with.admits(&role), "{name}: {}", bound.name);
            }
        }
        let by_id = roles().map(|(name, role)| {
            let role = Role { bound_iam_principal_id_list: Some(vec!["AIDA".to_owned()]), ..role };
            check_binds_anything(&role, name).is_ok()
        });
        assert_eq!(by_id, [true, false, true]);
    }
}
