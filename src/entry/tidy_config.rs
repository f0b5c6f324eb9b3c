//! `config/tidy/…`: how expired entries of the two lists are removed each hour.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AccessListEntry, DenyListEntry, Entry};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A list whose entries expire and are tidied away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TidyList {
    /// Role tags that admit nobody.
    RoleTagDenyList,
    /// Instances that have logged in.
    IdentityAccessList,
}

impl TidyList {
    /// Prefix of the list's storage keys.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::RoleTagDenyList => DenyListEntry::PREFIX,
            Self::IdentityAccessList => AccessListEntry::PREFIX,
        }
    }

    /// Storage key of the list's [`TidyConfig`].
    #[must_use]
    pub const fn config_key(self) -> &'static str {
        match self {
            Self::RoleTagDenyList => "config/tidy/roletag-blacklist",
            Self::IdentityAccessList => "config/tidy/identity-whitelist",
        }
    }
}

/// The stored entries `config/tidy/roletag-blacklist` and `config/tidy/identity-whitelist`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TidyConfig {
    /// How long an entry stays beyond its expiration, in seconds.
    pub safety_buffer: i64,
    /// Whether the hourly run leaves the list alone.
    pub disable_periodic_tidy: bool,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for TidyConfig {}

impl TidyConfig {
    /// Safety buffer of a run that an operator asks for, in seconds: for both lists, whatever is
    /// configured.
    pub const ON_DEMAND_BUFFER: i64 = 3 * DAY;

    /// What holds for a list where nothing is stored.
    #[must_use]
    pub fn default_of(list: TidyList) -> Self {
        let safety_buffer = match list {
            TidyList::RoleTagDenyList => 180 * DAY,
            TidyList::IdentityAccessList => 3 * DAY,
        };
        Self { safety_buffer, ..Self::default() }
    }
}
