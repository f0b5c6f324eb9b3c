//! Role entries of older versions, brought to the current one.

use super::EntryError;
use super::role::{AuthType, Role};
use crate::go::GoDuration;
use crate::ports::{Random, random_id};

/// What loading an entry of an older version still needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleUpgrade {
    /// Nothing: the entry has the current version.
    None,
    /// The entry was changed and should be written back.
    Changed,
    /// First, the unique id of this principal must be known; then [`Role::upgrade`] again.
    NeedsPrincipalId(String),
}

impl Role {
    /// Brings an entry of an older version to the current one, as far as that needs nobody else.
    ///
    /// # Errors
    /// The version is newer than this code, or there is no randomness.
    pub fn upgrade(&mut self, random: &dyn Random) -> Result<RoleUpgrade, EntryError> {
        let before = self.version;
        if self.version == 0 {
            if let Some(principal) = self.unresolved_legacy_principal() {
                return Ok(RoleUpgrade::NeedsPrincipalId(principal));
            }
            self.turn_legacy_binds_into_lists();
            self.version = 1;
        }
        if self.version == 1 {
            // Versions before 2 compared these as prefixes.
            for list in [&mut self.bound_iam_role_arn_list, &mut self.bound_iam_instance_profile_arn_list] {
                for arn in list.iter_mut().flatten() {
                    arn.push('*');
                }
            }
            self.version = 2;
        }
        if self.version == 2 {
            self.role_id = random_id(random)?;
            self.version = 3;
        }
        if self.version != Self::VERSION {
            return Err(EntryError::Version(self.version));
        }
        self.take_over_deprecated_names();
        Ok(if before == self.version { RoleUpgrade::None } else { RoleUpgrade::Changed })
    }

    /// Sets the unique id of the principal of a version 0 entry.
    pub fn set_legacy_principal_id(&mut self, id: String) {
        self.legacy.bound_iam_principal_id = id;
    }

    fn unresolved_legacy_principal(&self) -> Option<String> {
        let legacy = &self.legacy;
        let wanted = self.auth_type == AuthType::Iam.as_str()
            && self.resolve_aws_unique_ids
            && !legacy.bound_iam_principal_arn.is_empty()
            && !legacy.bound_iam_principal_arn.ends_with('*')
            && legacy.bound_iam_principal_id.is_empty();
        wanted.then(|| legacy.bound_iam_principal_arn.clone())
    }

    fn turn_legacy_binds_into_lists(&mut self) {
        let legacy = std::mem::take(&mut self.legacy);
        let (role_arn, profile_arn) = if legacy.bound_iam_role_arn.contains(":instance-profile/") {
            (String::new(), legacy.bound_iam_role_arn)
        } else {
            (legacy.bound_iam_role_arn, legacy.bound_iam_instance_profile_arn)
        };
        if self.auth_type.is_empty() {
            AuthType::Ec2.as_str().clone_into(&mut self.auth_type);
        }
        for (value, list) in [
            (legacy.bound_ami_id, &mut self.bound_ami_id_list),
            (legacy.bound_account_id, &mut self.bound_account_id_list),
            (legacy.bound_iam_principal_arn, &mut self.bound_iam_principal_arn_list),
            (legacy.bound_iam_principal_id, &mut self.bound_iam_principal_id_list),
            (role_arn, &mut self.bound_iam_role_arn_list),
            (profile_arn, &mut self.bound_iam_instance_profile_arn_list),
            (legacy.bound_region, &mut self.bound_region_list),
            (legacy.bound_subnet_id, &mut self.bound_subnet_id_list),
            (legacy.bound_vpc_id, &mut self.bound_vpc_id_list),
        ] {
            if !value.is_empty() {
                *list = Some(vec![value]);
            }
        }
    }

    /// Entries from before the `token_` names hold only the old ones.
    fn take_over_deprecated_names(&mut self) {
        for (new, old) in [
            (&mut self.token.token_ttl, self.ttl),
            (&mut self.token.token_max_ttl, self.max_ttl),
            (&mut self.token.token_period, self.period),
        ] {
            if *new == GoDuration::ZERO && old.is_positive() {
                *new = old;
            }
        }
        if self.token.policies().is_empty() && self.policies.as_ref().is_some_and(|old| !old.is_empty()) {
            self.token.token_policies.clone_from(&self.policies);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::entry::Entry as _;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) -> bool {
            for (number, byte) in (0_u8..).zip(buffer) {
                *byte = number;
            }
            true
        }
    }

    fn upgraded(stored: Value) -> (Role, RoleUpgrade) {
        let mut role = Role::decode(stored.to_string().as_bytes()).unwrap();
        let upgrade = role.upgrade(&Counting).unwrap();
        (role, upgrade)
    }

    #[test]
    fn version_0_becomes_lists_with_prefixes_and_an_id() {
        let (role, upgrade) = upgraded(json!({
            "bound_ami_id": "ami-1", "bound_iam_role_arn": "arn:aws:iam::1:instance-profile/p",
            "policies": ["a"], "ttl": 5_000_000_000_i64, "max_ttl": 0,
        }));
        assert_eq!(upgrade, RoleUpgrade::Changed);
        assert_eq!(role.auth_type(), Some(AuthType::Ec2));
        assert_eq!(role.bound_ami_id_list, Some(vec!["ami-1".to_owned()]));
        assert_eq!(role.bound_iam_role_arn_list, None);
        assert_eq!(
            role.bound_iam_instance_profile_arn_list,
            Some(vec!["arn:aws:iam::1:instance-profile/p*".to_owned()])
        );
        assert_eq!(role.role_id, "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!((role.version, role.token.token_ttl), (3, GoDuration::from_secs(5)));
        assert_eq!(role.token.policies(), ["a"]);
        let written: Value = serde_json::from_slice(&role.encode().unwrap()).unwrap();
        assert_eq!(written.get("bound_ami_id"), None);
        assert_eq!(written["bound_region_list"], Value::Null);
    }

    #[test]
    fn version_0_with_unique_ids_asks_for_the_principal_first() {
        let stored = json!({"auth_type": "iam", "resolve_aws_unique_ids": true, "bound_iam_principal_arn": "arn:aws:iam::1:user/u"});
        let (mut role, upgrade) = upgraded(stored);
        assert_eq!(upgrade, RoleUpgrade::NeedsPrincipalId("arn:aws:iam::1:user/u".to_owned()));
        role.set_legacy_principal_id("AIDA1".to_owned());
        assert_eq!(role.upgrade(&Counting), Ok(RoleUpgrade::Changed));
        assert_eq!(role.bound_iam_principal_id_list, Some(vec!["AIDA1".to_owned()]));
    }

    #[test]
    fn later_versions_go_on_from_where_they_are() {
        let (role, _) = upgraded(json!({"version": 1, "bound_iam_role_arn_list": ["a"], "auth_type": "ec2"}));
        assert_eq!(role.bound_iam_role_arn_list, Some(vec!["a*".to_owned()]));
        let (role, upgrade) =
            upgraded(json!({"version": 2, "bound_iam_role_arn_list": ["a"], "auth_type": "ec2"}));
        assert_eq!(
            (role.bound_iam_role_arn_list, upgrade),
            (Some(vec!["a".to_owned()]), RoleUpgrade::Changed)
        );
        let (role, upgrade) = upgraded(json!({"version": 3, "role_id": "r", "from_later": [1]}));
        assert_eq!((role.role_id.as_str(), upgrade), ("r", RoleUpgrade::None));
        assert_eq!(role.unknown["from_later"], json!([1]));
        let mut role = Role { version: 5, ..Role::default() };
        assert_eq!(role.upgrade(&Counting).unwrap_err().to_string(), "unrecognized role version: '\\x05'");
    }
}
