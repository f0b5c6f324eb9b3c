//! Why a role does not bind a principal that its operator most likely means.

use crate::aws::arn::{Arn, EntityKind};
use crate::entry::Role;

/// What keeps a role from binding a principal whose name stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NearMiss {
    /// Principals are bound by their unique ids, and that of this one is not among them: it was deleted and made
    /// again, or the role binds another one of the name.
    OtherId {
        /// That of the caller.
        seen: String,
        /// Those of the role.
        bound: Vec<String>,
    },
    /// The ARN is bound with a path, which STS does not tell.
    Path(String),
    /// The ARN of a session is bound in the place of its role's.
    Session(String),
}

/// What is nearly right about the principals of a role that does not bind this caller.
#[must_use]
pub fn near_miss(role: &Role, caller: &Arn, unique_id: &str) -> Option<NearMiss> {
    let canonical = caller.canonical();
    let bound = role.bound_iam_principal_arn_list.iter().flatten().filter_map(|text| Arn::parse(text).ok());
    bound.filter(|bound| bound.canonical() == canonical).find_map(|bound| {
        if bound.kind() == EntityKind::AssumedRole {
            return Some(NearMiss::Session(bound.as_str().to_owned()));
        }
        if role.resolve_aws_unique_ids {
            let bound = role.bound_iam_principal_id_list.clone().unwrap_or_default();
            return Some(NearMiss::OtherId { seen: unique_id.to_owned(), bound });
        }
        (bound.as_str() != canonical).then(|| NearMiss::Path(bound.as_str().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(arn: &str, ids: &[&str], resolve_aws_unique_ids: bool) -> Role {
        let ids = ids.iter().map(|&id| id.to_owned()).collect();
        Role {
            bound_iam_principal_arn_list: Some(vec!["arn:x".to_owned(), arn.to_owned()]),
            bound_iam_principal_id_list: Some(ids),
            resolve_aws_unique_ids,
            ..Role::default()
        }
    }

    #[test]
    fn what_is_nearly_right_is_told_apart() {
        let caller = Arn::parse("arn:aws:sts::1:assumed-role/App/s").unwrap();
        let found = |role: &Role| near_miss(role, &caller, "AROANEW");
        let other_id = || {
            let bound = vec!["AROAOLD".to_owned()];
            Some(NearMiss::OtherId { seen: "AROANEW".to_owned(), bound })
        };
        let (plain, path) = ("arn:aws:iam::1:role/App", "arn:aws:iam::1:role/team/App");
        assert_eq!(found(&role(plain, &["AROAOLD"], true)), other_id());
        assert_eq!(found(&role(path, &["AROAOLD"], true)), other_id());
        assert_eq!(found(&role(path, &[], false)), Some(NearMiss::Path(path.to_owned())));
        let session = "arn:aws:sts::1:assumed-role/App/other";
        assert_eq!(found(&role(session, &[], false)), Some(NearMiss::Session(session.to_owned())));
        for other in ["arn:aws:iam::2:role/App", "arn:aws:iam::1:user/App", "arn:aws:iam::1:role/*", "x", ""]
        {
            assert_eq!(found(&role(other, &["AROAOLD"], true)), None, "{other}");
            assert_eq!(found(&role(other, &[], false)), None, "{other}");
        }
    }
}
