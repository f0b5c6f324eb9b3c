//! `config/version`: how far a mount was brought.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Entry;

/// The stored entry `config/version`: how far the entries of a mount have been brought. Roles have a
/// version of their own beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountVersion {
    /// The version; zero before there were any.
    pub version: i64,
    /// Since when the mount keeps which signed requests were used, in seconds since 1970: those signed until
    /// then are not taken where that counts. Absent while it never counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam_requests_kept_since: Option<i64>,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for MountVersion {}

impl MountVersion {
    /// Storage key.
    pub const KEY: &'static str = "config/version";
    /// The version whose roles have all been brought to the current one.
    pub const CURRENT: i64 = 1;
}
