//! Which accounts a role speaks of.

use crate::aws::arn::AccountId;
use crate::entry::Role;

/// Whether a role names an account: as one of its accounts, or in an ARN it binds. A pattern names the account
/// that stands in it whole.
#[must_use]
pub fn names_account(role: &Role, account: &AccountId) -> bool {
    let is_bound = role.bound_account_id_list.iter().flatten().any(|bound| bound == account.as_str());
    let arns = [
        &role.bound_iam_principal_arn_list,
        &role.bound_iam_role_arn_list,
        &role.bound_iam_instance_profile_arn_list,
    ];
    let mut arns = arns.into_iter().flatten().flatten();
    is_bound || arns.any(|arn| arn.split(':').nth(4) == Some(account.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_itself_or_in_an_arn() {
        let account = AccountId::new("444455556666");
        let list = |text: &str| Some(vec!["x".to_owned(), text.to_owned()]);
        let in_arns = |arn: &str| {
            [
                Role { bound_iam_principal_arn_list: list(arn), ..Role::default() },
                Role { bound_iam_role_arn_list: list(arn), ..Role::default() },
                Role { bound_iam_instance_profile_arn_list: list(arn), ..Role::default() },
            ]
        };
        let by_itself = |text: &str| Role { bound_account_id_list: list(text), ..Role::default() };
        assert!(names_account(&by_itself("444455556666"), &account));
        assert!(!names_account(&by_itself("111122223333"), &account));
        assert!(!names_account(&Role::default(), &account));
        for (arn, named) in [
            ("arn:aws:iam::444455556666:role/App", true),
            ("arn:aws:iam::444455556666:*", true),
            ("arn:aws:iam::444455556666:user/people/*", true),
            ("arn:aws:iam::111122223333:role/444455556666", false),
            ("arn:aws:iam::4444*", false),
            ("arn:aws:iam::*", false),
            ("*444455556666*", false),
            ("", false),
        ] {
            for role in in_arns(arn) {
                assert_eq!(names_account(&role, &account), named, "{arn}");
            }
        }
    }
}
