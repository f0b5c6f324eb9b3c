//! `config/sts/<account>`: the role by which another account is looked into.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Entry;
use crate::aws::arn::AccountId;

/// The stored entry `config/sts/<account>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StsConfig {
    /// ARN of the role to assume.
    pub sts_role: String,
    /// External id that the role's trust policy asks for; empty sends none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub external_id: String,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for StsConfig {}

impl StsConfig {
    /// Prefix of the storage keys.
    pub const PREFIX: &'static str = "config/sts/";

    /// Storage key of an account.
    #[must_use]
    pub fn key(account: &AccountId) -> String {
        format!("{}{account}", Self::PREFIX)
    }
}
