//! `whitelist/identity/<instance>`: instances that have logged in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Entry, StoredTime};

/// The stored entry `whitelist/identity/<instance>`. It is local to the cluster.
///
/// A login loads it with [`Store::load`](crate::store::Store::load), and writes it with
/// [`Store::renew`](crate::store::Store::renew), so that of two first logins of an instance one
/// sees the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessListEntry {
    /// Role of the first login.
    pub role: String,
    /// What later logins must present; empty where there may be none.
    pub client_nonce: String,
    /// When the instance first logged in.
    pub creation_time: StoredTime,
    /// Whether the instance may not log in again.
    pub disallow_reauthentication: bool,
    /// `pendingTime` of the newest instance identity document, as it stands there.
    pub pending_time: String,
    /// When the longest token of the last login ends.
    pub expiration_time: StoredTime,
    /// When the instance last logged in.
    pub last_updated_time: StoredTime,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for AccessListEntry {}

impl AccessListEntry {
    /// Prefix of the storage keys.
    pub const PREFIX: &'static str = "whitelist/identity/";

    /// Storage key of an instance; upper and lower case differ.
    #[must_use]
    pub fn key(instance_id: &str) -> String {
        format!("{}{instance_id}", Self::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_that_of_the_built_in_method() {
        let stored = concat!(
            r#"{"role":"dev","client_nonce":"n","creation_time":"2026-01-02T03:04:05.000000006Z","#,
            r#""disallow_reauthentication":true,"pending_time":"2026-01-01T00:00:00Z","#,
            r#""expiration_time":"2026-02-03T04:05:06Z","last_updated_time":"0001-01-01T00:00:00Z"}"#,
            "\n",
        );
        let entry = AccessListEntry::decode(stored.as_bytes()).unwrap();
        assert_eq!((entry.role.as_str(), entry.disallow_reauthentication), ("dev", true));
        assert_eq!(String::from_utf8(entry.encode().unwrap()).unwrap(), stored);
        assert_eq!(AccessListEntry::key("i-0A"), "whitelist/identity/i-0A");
    }
}
