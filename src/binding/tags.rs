//! What a role demands of the tags of an IAM role or user.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::aws::principal_tags::PrincipalTags;
use crate::binding::principal::list_matches_arn;
use crate::entry::{Role, tag_pair};
use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact};

/// A principal has not the tags that a role binds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("IAM Principal {} does not have the tags that the role {} binds", quote(arn), quote(role_name))]
pub struct TagsNotBound {
    arn: String,
    role_name: String,
    /// What is there of the key that decided.
    seen: String,
    /// What of it would do.
    wanted: String,
}

impl Coded for TagsNotBound {
    fn code(&self) -> Code {
        Code::TagsNotBound
    }

    fn facts(&self) -> Vec<Fact> {
        vec![Fact { name: "bound_iam_principal_tags", seen: self.seen.clone(), wanted: self.wanted.clone() }]
    }
}

/// Whether a role binds tags.
#[must_use]
pub fn binds_tags(role: &Role) -> bool {
    role.bound_iam_principal_tags_list.as_ref().is_some_and(|list| !list.is_empty())
}

/// Compares the tags of a principal with those of a role: of each key that the role names one of its values.
///
/// # Errors
/// The first key that is not satisfied.
pub fn check_tags(role: &Role, role_name: &str, arn: &str, tags: &PrincipalTags) -> Result<(), TagsNotBound> {
    let bound = role.bound_iam_principal_tags_list.as_deref().unwrap_or_default();
    let not_bound = |seen: String, wanted: String| {
        Err(TagsNotBound { arn: arn.to_owned(), role_name: role_name.to_owned(), seen, wanted })
    };
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for text in bound {
        // What is stored may be of others: what is no tag is had by nobody.
        let Some((key, value)) = tag_pair(text) else { return not_bound(String::new(), text.clone()) };
        values.entry(key).or_default().push(value.to_owned());
    }
    for (key, values) in values {
        let seen = tags.value(key);
        if !seen.is_some_and(|seen| list_matches_arn(&values, seen)) {
            let wanted = values.iter().map(|value| format!("{key}={value}")).collect::<Vec<_>>().join(",");
            return not_bound(seen.map(|seen| format!("{key}={seen}")).unwrap_or_default(), wanted);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bound: &[&str], tags: &[(&str, &str)]) -> Option<TagsNotBound> {
        let list = bound.iter().map(|&text| text.to_owned()).collect();
        let role = Role { bound_iam_principal_tags_list: Some(list), ..Role::default() };
        check_tags(&role, "r", "arn", &PrincipalTags::for_test(tags)).err()
    }

    #[test]
    fn of_each_key_one_value_must_match() {
        let tags = [("team", "payments"), ("stage", "prod-eu"), ("empty", "")];
        for (bound, is_bound) in [
            (&[][..], true),
            (&["team=payments"], true),
            (&["team=billing", "team=payments"], true),
            (&["team=payments", "stage=prod-*"], true),
            (&["stage=prod-eu*"], true),
            (&["empty="], true),
            (&["team=billing"], false),
            (&["team=payments", "stage=test"], false),
            (&["team=payment"], false),
            (&["team=paymentss"], false),
            (&["team=Payments"], false),
            (&["Team=payments"], false),
            (&["team="], false),
            (&["absent="], false),
            (&["absent=x*"], false),
            (&["absent=*"], false),
            (&["stage=*eu"], false),
            (&["team"], false),
            (&["=payments"], false),
            (&["team=payments", "nonsense"], false),
        ] {
            assert_eq!(check(bound, &tags).is_none(), is_bound, "{bound:?}");
        }
    }

    #[test]
    fn the_facts_name_the_key_that_decided() {
        let refused =
            check(&["team=payments", "stage=a", "stage=b*"], &[("team", "payments"), ("stage", "c")]);
        let fact = Fact {
            name: "bound_iam_principal_tags",
            seen: "stage=c".to_owned(),
            wanted: "stage=a,stage=b*".to_owned(),
        };
        let refused = refused.unwrap();
        assert_eq!(refused.facts(), [fact]);
        assert_eq!(
            refused.to_string(),
            "IAM Principal \"arn\" does not have the tags that the role \"r\" binds"
        );
    }
}
