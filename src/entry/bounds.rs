//! The bindings of a role: which there are, and what each goes with. What they demand of a caller is
//! compared in [`binding`](crate::binding).

use super::{AuthType, Role};

/// One binding: a list of values of which a caller must have one. An empty list admits all.
#[derive(Debug)]
pub struct Bound {
    /// Name of the field.
    pub name: &'static str,
    /// What its values are, for the help.
    pub description: &'static str,
    /// A value, for user interfaces and OpenAPI.
    pub example: &'static str,
    /// The roles that may have it.
    pub goes_with: GoesWith,
    /// Which of several bindings that a role may not have is named to the client: the lowest.
    pub refused_as: u8,
    /// Whether a read shows a list that was never set as null instead of empty.
    pub unset_is_null: bool,
    /// Whether the built-in method lacks it. Then it is neither stored nor shown while it is not set.
    pub own: bool,
    list: fn(&Role) -> &Option<Vec<String>>,
    list_mut: fn(&mut Role) -> &mut Option<Vec<String>>,
}

/// The roles that may have a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoesWith {
    /// Those whose callers are instances: of type ec2, or with an inferred entity.
    Instances,
    /// Those of type ec2: the value stands in the identity document.
    Ec2,
    /// Those of type iam.
    Iam,
    /// All.
    All,
}

impl GoesWith {
    /// Whether this role is one of them.
    #[must_use]
    pub fn admits(self, role: &Role) -> bool {
        let is = |kind| role.auth_type() == Some(kind);
        match self {
            Self::Instances => is(AuthType::Ec2) || !role.inferred_entity_type.is_empty(),
            Self::Ec2 => is(AuthType::Ec2),
            Self::Iam => is(AuthType::Iam),
            Self::All => role.auth_type().is_some(),
        }
    }

    /// What a client is told of a role that is none of them, after the name of the binding.
    #[must_use]
    pub const fn otherwise(self) -> &'static str {
        match self {
            Self::Instances => "but not specifying ec2 auth_type or inferring ec2_instance",
            Self::Ec2 => "but not specifying ec2 auth_type",
            Self::Iam => "but not specifying iam auth_type",
            Self::All => "but no auth_type that is known",
        }
    }
}

impl Bound {
    /// The values, as a role has them.
    #[must_use]
    pub fn list<'a>(&self, role: &'a Role) -> Option<&'a Vec<String>> {
        (self.list)(role).as_ref()
    }

    /// Gives a role these values instead of those it has.
    pub fn set(&self, role: &mut Role, values: Vec<String>) {
        *(self.list_mut)(role) = if self.own && values.is_empty() { None } else { Some(values) };
    }

    /// Whether a role demands anything by it.
    #[must_use]
    pub fn is_set(&self, role: &Role) -> bool {
        self.list(role).is_some_and(|list| !list.is_empty())
    }
}

/// All bindings, in the order of the fields.
pub static BOUNDS: [Bound; 12] = [
    Bound {
        name: "bound_ami_id",
        description: "Images (AMIs) of which an instance must run one.",
        example: "ami-0a1b2c3d4e5f60718",
        goes_with: GoesWith::Instances,
        refused_as: 3,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_ami_id_list,
        list_mut: |role| &mut role.bound_ami_id_list,
    },
    Bound {
        name: "bound_account_id",
        description: "Accounts of which an instance must belong to one.",
        example: "123456789012",
        goes_with: GoesWith::Instances,
        refused_as: 1,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_account_id_list,
        list_mut: |role| &mut role.bound_account_id_list,
    },
    Bound {
        name: "bound_iam_principal_arn",
        description: "IAM principals of which the caller must be one. An ARN that ends in `*` is a pattern for the full ARN, path included; others are bound by unique id, see resolve_aws_unique_ids.",
        example: "arn:aws:iam::123456789012:role/dev",
        goes_with: GoesWith::Iam,
        refused_as: 7,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_iam_principal_arn_list,
        list_mut: |role| &mut role.bound_iam_principal_arn_list,
    },
    Bound {
        name: "bound_region",
        description: "Regions of which an instance must run in one; ec2 login only.",
        example: "eu-west-1",
        goes_with: GoesWith::Ec2,
        refused_as: 2,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_region_list,
        list_mut: |role| &mut role.bound_region_list,
    },
    Bound {
        name: "bound_iam_role_arn",
        description: "Roles of which the instance profile must hold one; an ARN that ends in `*` is a prefix.",
        example: "arn:aws:iam::123456789012:role/dev",
        goes_with: GoesWith::Instances,
        refused_as: 6,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_iam_role_arn_list,
        list_mut: |role| &mut role.bound_iam_role_arn_list,
    },
    Bound {
        name: "bound_iam_instance_profile_arn",
        description: "Instance profiles of which an instance must have one; an ARN that ends in `*` is a prefix.",
        example: "arn:aws:iam::123456789012:instance-profile/web",
        goes_with: GoesWith::Instances,
        refused_as: 4,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_iam_instance_profile_arn_list,
        list_mut: |role| &mut role.bound_iam_instance_profile_arn_list,
    },
    Bound {
        name: "bound_ec2_instance_id",
        description: "Instances of which the caller must be one.",
        example: "i-0a1b2c3d4e5f60718",
        goes_with: GoesWith::Instances,
        refused_as: 5,
        unset_is_null: true,
        own: false,
        list: |role| &role.bound_ec2_instance_id_list,
        list_mut: |role| &mut role.bound_ec2_instance_id_list,
    },
    Bound {
        name: "bound_vpc_id",
        description: "VPCs of which an instance must run in one.",
        example: "vpc-0a1b2c3d",
        goes_with: GoesWith::Instances,
        refused_as: 8,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_vpc_id_list,
        list_mut: |role| &mut role.bound_vpc_id_list,
    },
    Bound {
        name: "bound_subnet_id",
        description: "Subnets of which an instance must run in one.",
        example: "subnet-0a1b2c3d",
        goes_with: GoesWith::Instances,
        refused_as: 9,
        unset_is_null: false,
        own: false,
        list: |role| &role.bound_subnet_id_list,
        list_mut: |role| &mut role.bound_subnet_id_list,
    },
    Bound {
        name: "bound_iam_principal_tags",
        description: "Tags that the IAM role or user of the caller must have, as `key=value`: of each key that is named, one of its values. A value that ends in `*` is a prefix. Tags of sessions do not count.",
        example: "team=payments",
        goes_with: GoesWith::Iam,
        refused_as: 10,
        unset_is_null: false,
        own: true,
        list: |role| &role.bound_iam_principal_tags_list,
        list_mut: |role| &mut role.bound_iam_principal_tags_list,
    },
    Bound {
        name: "bound_organization_ids",
        description: "Organizations of which the account of the caller must be an active member of one.",
        example: "o-abcdefghij",
        goes_with: GoesWith::All,
        refused_as: 11,
        unset_is_null: false,
        own: true,
        list: |role| &role.bound_organization_ids_list,
        list_mut: |role| &mut role.bound_organization_ids_list,
    },
    Bound {
        name: "bound_organization_unit_paths",
        description: "Organizational units of which the account of the caller must be in one, or anywhere below it: the path from the organization down, with a slash at its end.",
        example: "o-abcdefghij/r-abcd/ou-abcd-abcdefgh/",
        goes_with: GoesWith::All,
        refused_as: 12,
        unset_is_null: false,
        own: true,
        list: |role| &role.bound_organization_unit_paths_list,
        list_mut: |role| &mut role.bound_organization_unit_paths_list,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::entry::Entry as _;

    #[test]
    fn each_row_names_one_list_of_the_entry() {
        for bound in &BOUNDS {
            let mut role = Role::default();
            assert!(!bound.is_set(&role), "{}", bound.name);
            bound.set(&mut role, vec!["x".to_owned()]);
            assert_eq!(bound.list(&role).map(Vec::len), Some(1), "{}", bound.name);
            let stored: Value = serde_json::from_slice(&role.encode().unwrap()).unwrap();
            assert_eq!(stored[format!("{}_list", bound.name)], json!(["x"]), "{}", bound.name);
        }
    }

    #[test]
    fn what_is_our_own_is_stored_only_while_it_is_set() {
        let before = Role::default().encode().unwrap();
        for bound in BOUNDS.iter().filter(|bound| bound.own) {
            let mut role = Role::default();
            assert!(!String::from_utf8_lossy(&before).contains(bound.name), "{}", bound.name);
            bound.set(&mut role, vec!["x".to_owned()]);
            bound.set(&mut role, Vec::new());
            assert_eq!(role.encode().unwrap(), before, "{}", bound.name);
        }
    }

    #[test]
    fn no_two_rows_are_alike() {
        let names: BTreeSet<_> = BOUNDS.iter().map(|bound| bound.name).collect();
        let places: BTreeSet<_> = BOUNDS.iter().map(|bound| bound.refused_as).collect();
        assert_eq!((names.len(), places.len()), (BOUNDS.len(), BOUNDS.len()));
    }
}
