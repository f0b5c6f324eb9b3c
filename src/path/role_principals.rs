//! What the writing of a role tells about its principals.

use std::collections::HashSet;

use super::role_refused::RoleRefused;
use crate::aws::arn::Arn;
use crate::mount::role_principals::Unresolved;
use crate::mount::unwritten_principals::{Principal, REMEMBERED_MINUTES};
use crate::refusal::{Blame, Coded};

/// The refusal of a role with a principal that AWS did not tell about. Where AWS is to blame, it says how
/// far the write came.
pub(super) fn unresolved(error: Unresolved) -> RoleRefused {
    let Unresolved { arn, cause, remembered, all } = error;
    let mut detail = cause.to_string();
    if cause.code().blame() == Blame::Aws && remembered > 0 {
        let progress = format!(
            "; {remembered} of {all} principals are resolved and remembered for {REMEMBERED_MINUTES} min: write the role again to go on"
        );
        detail.truncate(detail.trim_end().len());
        detail.push_str(&progress);
    }
    let (code, facts) = (cause.code(), cause.facts());
    RoleRefused::Unresolved { arn, detail, code, facts, hint: cause.hint().map(Box::new) }
}

/// A warning for each ARN whose path is not that of its principal: a unique id binds whoever has the name,
/// whatever the path.
pub(super) fn moved(arns: &[String], principals: &[Principal]) -> Vec<String> {
    let mut seen = HashSet::new();
    let each = arns.iter().zip(principals).filter(|(arn, _)| seen.insert(arn.as_str()));
    each.filter_map(|(arn, principal)| {
        let real = principal.arn.as_deref()?;
        let (bound, found) = (Arn::parse(arn).ok()?, Arn::parse(real).ok()?);
        // Of another partition nothing can be said: AWS was asked in the account of the mount's own keys.
        (bound.partition() == found.partition() && bound.path() != found.path())
            .then(|| format!("bound_iam_principal_arn {arn} is {real} in AWS; it is bound by its unique id"))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::look_up_error::LookUpError;

    #[test]
    fn only_paths_of_one_partition_are_compared() {
        let principal =
            |arn: Option<&str>| Principal { unique_id: "AIDA".to_owned(), arn: arn.map(Into::into) };
        let real = "arn:aws:iam::1:user/team/pat";
        for (bound, real, warns) in [
            ("arn:aws:iam::1:user/team/pat", Some(real), false),
            ("arn:aws-cn:iam::1:user/pat", Some(real), false),
            // The region of a principal is ignored.
            ("arn:aws:iam:eu-west-1:1:user/team/pat", Some(real), false),
            ("arn:aws:iam::1:user/pat", Some(real), true),
            ("arn:aws:iam::1:user/team/deep/pat", Some(real), true),
            ("arn:aws:iam::1:user/team/pat", Some("arn:aws:iam::1:user/pat"), true),
            ("arn:aws:iam::1:instance-profile/pat", None, false),
        ] {
            let bound = [bound, bound].map(str::to_owned);
            let warnings = moved(&bound, &[principal(real), principal(real)]);
            assert_eq!(warnings.len(), usize::from(warns), "{bound:?}");
        }
    }

    #[test]
    fn the_way_so_far_is_told_where_another_try_may_help() {
        let text = |cause, remembered| {
            unresolved(Unresolved { arn: "a".to_owned(), cause, remembered, all: 9 }).to_string()
        };
        let start = "unable to resolve ARN \"a\" to internal ID: ";
        assert_eq!(text(LookUpError::OutOfTime, 0), format!("{start}gave up waiting for AWS"));
        assert_eq!(
            text(LookUpError::OutOfTime, 4),
            format!(
                "{start}gave up waiting for AWS; 4 of 9 principals are resolved and remembered for 10 min: write the role again to go on"
            )
        );
        let incomplete = text(LookUpError::CredentialsIncomplete, 4);
        assert!(incomplete.ends_with("not both)"), "{incomplete}");
    }
}
