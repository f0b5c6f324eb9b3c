//! Which IAM principals a role admits.

use crate::entry::Role;

/// What is known about a principal when it is compared with a role.
#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    /// Unique id.
    pub unique_id: &'a str,
    /// ARN without path and session.
    pub canonical_arn: &'a str,
}

/// The outcome of comparing a principal with a role's bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalMatch {
    /// The role binds no principals, neither by ARN nor by id, or this one.
    Admitted,
    /// No binding can match.
    Refused,
    /// Only a pattern can match, and patterns are compared with the full ARN, path included.
    NeedsFullArn,
}

/// Compares what needs no call to AWS.
#[must_use]
pub fn check_principal(role: &Role, principal: Principal<'_>) -> PrincipalMatch {
    let arns = role.bound_iam_principal_arn_list.as_deref().unwrap_or_default();
    let ids = role.bound_iam_principal_id_list.as_deref().unwrap_or_default();
    if (arns.is_empty() && ids.is_empty()) || ids.iter().any(|id| id == principal.unique_id) {
        return PrincipalMatch::Admitted;
    }
    if !role.resolve_aws_unique_ids && arns.iter().any(|arn| arn == principal.canonical_arn) {
        return PrincipalMatch::Admitted;
    }
    if arns.iter().any(|arn| arn.ends_with('*')) {
        PrincipalMatch::NeedsFullArn
    } else {
        PrincipalMatch::Refused
    }
}

/// Whether a pattern of the role matches a full ARN.
#[must_use]
pub fn matches_pattern(role: &Role, full_arn: &str) -> bool {
    let arns = role.bound_iam_principal_arn_list.as_deref().unwrap_or_default();
    arns.iter().any(|pattern| glob(pattern, full_arn))
}

/// `prefix*` and `*inner*`; a `*` elsewhere, or alone, is only itself.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        None => false,
        Some("") => text == pattern,
        Some(rest) => match rest.strip_prefix('*') {
            Some(inner) => text.contains(inner),
            None => text.starts_with(rest),
        },
    }
}

/// Whether a list of ARNs, those ending in `*` as prefixes, has one that matches.
#[must_use]
pub fn list_matches_arn(list: &[String], arn: &str) -> bool {
    list.iter().any(|bound| match bound.strip_suffix('*') {
        Some(prefix) => arn.starts_with(prefix),
        None => bound == arn,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(arns: &[&str], ids: &[&str], resolve: bool) -> Role {
        let list = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect());
        Role {
            bound_iam_principal_arn_list: list(arns),
            bound_iam_principal_id_list: list(ids),
            resolve_aws_unique_ids: resolve,
            ..Role::default()
        }
    }

    #[test]
    fn ids_first_then_arns_then_patterns() {
        let principal = Principal { unique_id: "AIDA", canonical_arn: "arn:u" };
        for (role, expected) in [
            (role(&[], &[], true), PrincipalMatch::Admitted),
            (role(&["arn:x"], &["AIDA"], true), PrincipalMatch::Admitted),
            (role(&[], &["AIDA"], true), PrincipalMatch::Admitted),
            (role(&[], &["AIDB"], true), PrincipalMatch::Refused),
            (role(&["arn:u"], &["AIDB"], true), PrincipalMatch::Refused),
            (role(&["arn:u"], &[], false), PrincipalMatch::Admitted),
            (role(&["arn:U"], &[], false), PrincipalMatch::Refused),
            (role(&["arn:x", "arn:*"], &[], true), PrincipalMatch::NeedsFullArn),
        ] {
            assert_eq!(check_principal(&role, principal), expected);
        }
    }

    #[test]
    fn patterns_are_prefixes_or_inner_texts() {
        for (pattern, text, matches) in [
            ("arn:aws:iam::1:user/team/*", "arn:aws:iam::1:user/team/u", true),
            ("arn:aws:iam::1:user/team/*", "arn:aws:iam::1:user/other/u", false),
            ("*team*", "arn:aws:iam::1:user/team/u", true),
            ("**", "anything", true),
            ("*", "anything", false),
            ("*", "*", true),
            ("a*b*", "axb", false),
            ("exact", "exact", false),
        ] {
            assert_eq!(matches_pattern(&role(&[pattern], &[], true), text), matches, "{pattern}");
        }
        assert!(list_matches_arn(&["a*".to_owned()], "abc"));
        assert!(!list_matches_arn(&["a".to_owned()], "abc"));
    }
}
