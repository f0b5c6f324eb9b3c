//! `role/<name>`: who may log in, and what token they get.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Entry, EntryError, RequestRules};
use crate::framework::TokenParams;
use crate::go::GoDuration;
use crate::ports::Secret;

/// By what a role's callers prove themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// A signed `sts:GetCallerIdentity` request.
    Iam,
    /// A signed instance identity document.
    Ec2,
}

impl AuthType {
    /// As it stands in requests and storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Ec2 => "ec2",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Iam, Self::Ec2].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What a caller's session name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InferredEntity {
    /// An EC2 instance.
    Ec2Instance,
}

impl InferredEntity {
    /// As it stands in requests and storage.
    pub const EC2_INSTANCE: &'static str = "ec2_instance";
}

/// The stored entry `role/<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Token parameters.
    #[serde(flatten)]
    pub token: TokenParams,
    /// Stable id; the default alias of callers.
    pub role_id: String,
    /// `iam` or `ec2`.
    pub auth_type: String,
    /// Images an instance may run.
    pub bound_ami_id_list: Option<Vec<String>>,
    /// Accounts an instance may belong to.
    pub bound_account_id_list: Option<Vec<String>>,
    /// Instances that may log in.
    pub bound_ec2_instance_id_list: Option<Vec<String>>,
    /// IAM principals that may log in; those ending in `*` are patterns.
    pub bound_iam_principal_arn_list: Option<Vec<String>>,
    /// Unique ids of those principals.
    pub bound_iam_principal_id_list: Option<Vec<String>>,
    /// Roles of the instance profile.
    pub bound_iam_role_arn_list: Option<Vec<String>>,
    /// Instance profiles.
    pub bound_iam_instance_profile_arn_list: Option<Vec<String>>,
    /// Regions of an instance identity document.
    pub bound_region_list: Option<Vec<String>>,
    /// Subnets of an instance.
    pub bound_subnet_id_list: Option<Vec<String>>,
    /// VPCs of an instance.
    pub bound_vpc_id_list: Option<Vec<String>>,
    /// Tags of a principal, `key=value`; a value that ends in `*` is a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_iam_principal_tags_list: Option<Vec<String>>,
    /// Organizations of an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_organization_ids_list: Option<Vec<String>>,
    /// Organizational units of an account, by their paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_organization_unit_paths_list: Option<Vec<String>>,
    /// `ec2_instance` or empty.
    pub inferred_entity_type: String,
    /// Where inferred instances are looked up.
    pub inferred_aws_region: String,
    /// Whether principals are bound by unique id.
    pub resolve_aws_unique_ids: bool,
    /// Tag key of role tags.
    pub role_tag: String,
    /// Whether a new instance may take over an instance's identity.
    pub allow_instance_migration: bool,
    /// Whether an instance may log in only once.
    pub disallow_reauthentication: bool,
    /// Key of role tags.
    pub hmac_key: Secret,
    /// Version of the entry's form.
    pub version: i64,
    /// Deprecated name of `token_ttl`.
    pub ttl: GoDuration,
    /// Deprecated name of `token_max_ttl`.
    pub max_ttl: GoDuration,
    /// Deprecated name of `token_period`.
    pub period: GoDuration,
    /// Deprecated name of `token_policies`.
    pub policies: Option<Vec<String>>,
    /// Whether strict mode holds for the role even where it does not for its mount.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub iam_strict_request: bool,
    /// By what its callers may log in, by name; where nothing is set, by a signed request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_login_types: Option<Vec<String>>,
    /// What its logins by a signed request are held to, beside the rules of the mount.
    #[serde(flatten)]
    pub request_rules: RequestRules,
    /// The single values of entries before lists.
    #[serde(flatten)]
    pub legacy: LegacyBinds,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for Role {}

/// Bindings of entries of version 0, one value each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegacyBinds {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_ami_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_account_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_iam_principal_arn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_iam_principal_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_iam_role_arn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_iam_instance_profile_arn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_region: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_subnet_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) bound_vpc_id: String,
}

impl Role {
    /// Prefix of the storage keys.
    pub const PREFIX: &'static str = "role/";
    /// Version of entries this code writes.
    pub const VERSION: i64 = 3;

    /// Storage key of a role; names are folded to lower case everywhere.
    #[must_use]
    pub fn key(name: &str) -> String {
        format!("{}{}", Self::PREFIX, name.to_lowercase())
    }

    /// The auth type; `None` for a stored value nobody knows, which admits nobody.
    #[must_use]
    pub fn auth_type(&self) -> Option<AuthType> {
        AuthType::from_name(&self.auth_type)
    }

    /// What the session name of a caller stands for.
    ///
    /// # Errors
    /// A stored value nobody knows: then nobody may log in.
    pub fn inferred_entity(&self) -> Result<Option<InferredEntity>, EntryError> {
        match self.inferred_entity_type.as_str() {
            "" => Ok(None),
            InferredEntity::EC2_INSTANCE => Ok(Some(InferredEntity::Ec2Instance)),
            other => Err(EntryError::InferredEntityType(other.to_owned())),
        }
    }
}
