//! `config/identity`: under which name and with what metadata a caller enters the host's identity
//! store.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Entry;

/// The metadata that can be selected for one login type.
#[derive(Debug)]
pub struct MetadataFields {
    /// Set where nothing is selected.
    pub default: &'static [&'static str],
    /// All that can be selected, the default ones first.
    pub available: &'static [&'static str],
}

/// Metadata of the iam login type.
pub const IAM_METADATA: MetadataFields = MetadataFields {
    default: &["account_id", "auth_type"],
    available: &[
        "account_id",
        "auth_type",
        "canonical_arn",
        "client_arn",
        "client_user_id",
        "inferred_aws_region",
        "inferred_entity_id",
        "inferred_entity_type",
        "inferred_hostname",
    ],
};

/// Metadata of the ec2 login type.
pub const EC2_METADATA: MetadataFields = MetadataFields {
    default: &["account_id", "auth_type"],
    available: &["account_id", "auth_type", "ami_id", "instance_id", "region"],
};

/// Metadata of the token of an iam or jwt login by which its request is found in AWS's records; the last is of jwt
/// logins alone.
pub const IAM_AUDIT_METADATA: [&str; 5] =
    ["aws_access_key_id", "aws_region", "aws_request_id", "aws_signed_at", "aws_token_id"];

/// A choice of metadata fields. Stored as `null` where the default holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetadataSelection {
    /// The chosen names; `None` is the default set.
    pub auth_metadata: Option<Vec<String>>,
}

impl MetadataSelection {
    /// The names that are in force.
    pub fn names<'a>(&'a self, fields: &'a MetadataFields) -> impl Iterator<Item = &'a str> {
        let chosen = self.auth_metadata.as_deref();
        let default = if chosen.is_none() { fields.default } else { &[] };
        chosen.unwrap_or_default().iter().map(String::as_str).chain(default.iter().copied())
    }
}

/// What the alias of a caller is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasSource {
    /// The id of the role logged into.
    RoleId,
    /// The unique id of the IAM principal.
    UniqueId,
    /// The ARN as STS gives it, session included.
    FullArn,
    /// The ARN of the user or role.
    CanonicalArn,
}

impl AliasSource {
    /// Allowed values of `iam_alias`.
    pub const IAM: [&'static str; 4] = ["role_id", "unique_id", "full_arn", "canonical_arn"];
    /// Allowed values of `ec2_alias`.
    pub const EC2: [&'static str; 3] = ["role_id", "instance_id", "image_id"];
}

/// The stored entry `config/identity`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityConfig {
    /// `iam_alias`; empty is `role_id`.
    pub iam_alias: String,
    /// `iam_metadata`.
    pub iam_auth_metadata_handler: MetadataSelection,
    /// `ec2_alias`; empty is `role_id`. Very old entries spell it with dashes.
    pub ec2_alias: String,
    /// `ec2_metadata`.
    pub ec2_auth_metadata_handler: MetadataSelection,
    /// `iam_alias_tags`: tag and key of the alias metadata, with `=` between them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub iam_alias_tags: Vec<String>,
    /// `iam_audit_metadata`: names out of [`IAM_AUDIT_METADATA`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub iam_audit_metadata: Vec<String>,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for IdentityConfig {}

impl IdentityConfig {
    /// Storage key.
    pub const KEY: &'static str = "config/identity";
    /// The alias where none is configured.
    pub const DEFAULT_ALIAS: &'static str = "role_id";

    /// `iam_alias` with its default.
    #[must_use]
    pub fn iam_alias(&self) -> &str {
        if self.iam_alias.is_empty() { Self::DEFAULT_ALIAS } else { &self.iam_alias }
    }

    /// `ec2_alias` with its default.
    #[must_use]
    pub fn ec2_alias(&self) -> &str {
        if self.ec2_alias.is_empty() { Self::DEFAULT_ALIAS } else { &self.ec2_alias }
    }

    /// What an iam login's alias is made of; `None` for a stored value nobody knows.
    #[must_use]
    pub fn iam_alias_source(&self) -> Option<AliasSource> {
        Some(match self.iam_alias() {
            "role_id" => AliasSource::RoleId,
            "unique_id" => AliasSource::UniqueId,
            "full_arn" => AliasSource::FullArn,
            "canonical_arn" => AliasSource::CanonicalArn,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_and_empty_selections_differ() {
        let config =
            IdentityConfig::decode(br#"{"iam_alias":"","iam_auth_metadata_handler":{"auth_metadata":null}}"#)
                .unwrap();
        assert_eq!(config.iam_alias_source(), Some(AliasSource::RoleId));
        let names: Vec<_> = config.iam_auth_metadata_handler.names(&IAM_METADATA).collect();
        assert_eq!(names, ["account_id", "auth_type"]);
        let none = MetadataSelection { auth_metadata: Some(Vec::new()) };
        assert_eq!(none.names(&IAM_METADATA).count(), 0);
    }

    #[test]
    fn an_entry_older_than_metadata_reads() {
        let config =
            IdentityConfig::decode(br#"{"iam_alias":"unique_id","ec2_alias":"instance-id"}"#).unwrap();
        assert_eq!(config.ec2_alias(), "instance-id");
        assert_eq!(config.iam_alias_source(), Some(AliasSource::UniqueId));
    }
}
