//! By what the callers of a role of type iam may log in.

use super::{AuthType, BOUNDS, GoesWith, Role};

/// A kind of proof with which a caller logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginType {
    /// A signed `sts:GetCallerIdentity` request.
    IamRequest,
    /// A web identity token signed by AWS.
    Jwt,
}

impl LoginType {
    /// The names of all.
    pub const NAMES: [&'static str; 2] = ["iam_request", "jwt"];

    /// As it stands in requests and storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        let [request, token] = Self::NAMES;
        match self {
            Self::IamRequest => request,
            Self::Jwt => token,
        }
    }
}

impl Role {
    /// Whether callers may log in by this. Where nothing is set, they may by a signed request alone.
    #[must_use]
    pub fn allows(&self, login_type: LoginType) -> bool {
        let of_iam = self.auth_type() == Some(AuthType::Iam);
        of_iam
            && match &self.allowed_login_types {
                None => login_type == LoginType::IamRequest,
                Some(allowed) => allowed.iter().any(|allowed| allowed == login_type.as_str()),
            }
    }

    /// What a role demands that no token shows, by the name of its field; a token names a principal without its unique
    /// id, tags or session.
    #[must_use]
    pub fn not_shown_by_a_token(&self) -> Option<&'static str> {
        let ids = self.bound_iam_principal_id_list.as_deref().unwrap_or_default();
        if self.resolve_aws_unique_ids || !ids.is_empty() {
            return Some("resolve_aws_unique_ids");
        }
        if !self.inferred_entity_type.is_empty() {
            return Some("inferred_entity_type");
        }
        let is_shown = |name: &str, goes_with: GoesWith| match goes_with {
            GoesWith::Iam => name == "bound_iam_principal_arn",
            GoesWith::All => true,
            GoesWith::Instances | GoesWith::Ec2 => false,
        };
        BOUNDS
            .iter()
            .find(|bound| bound.is_set(self) && !is_shown(bound.name, bound.goes_with))
            .map(|bound| bound.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_allowed_where_it_is_named_alone() {
        let role = |auth_type: &str, allowed: Option<&[&str]>| Role {
            auth_type: auth_type.to_owned(),
            allowed_login_types: allowed.map(|list| list.iter().map(|&name| name.to_owned()).collect()),
            ..Role::default()
        };
        for (role, request, token) in [
            (role("iam", None), true, false),
            (role("iam", Some(&["iam_request"])), true, false),
            (role("iam", Some(&["jwt"])), false, true),
            (role("iam", Some(&["jwt", "iam_request"])), true, true),
            (role("iam", Some(&["JWT"])), false, false),
            (role("iam", Some(&[])), false, false),
            (role("ec2", None), false, false),
            (role("ec2", Some(&["jwt", "iam_request"])), false, false),
            (role("", Some(&["jwt"])), false, false),
        ] {
            assert_eq!(
                (role.allows(LoginType::IamRequest), role.allows(LoginType::Jwt)),
                (request, token),
                "{role:?}"
            );
        }
    }
}
