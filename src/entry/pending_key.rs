//! `rotation/key`: an access key of the server on its way into `config/client`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Entry, StoredTime};
use crate::ports::Secret;

/// The stored entry `rotation/key`, wrapped by the seal. It is there from when a rotation of the plugin itself has
/// made a key until the key before it is deleted: whoever finds it knows what is left to be done.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingKey {
    /// The IAM user of both keys.
    pub user: String,
    /// The id of the key that it takes the place of.
    pub replaces: String,
    /// The id of the new key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Secret,
    /// When it was made.
    pub created: StoredTime,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for PendingKey {}

impl PendingKey {
    /// Storage key.
    pub const KEY: &'static str = "rotation/key";
}

impl std::fmt::Debug for PendingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingKey").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_shown_when_debugging() {
        let key = PendingKey { secret_key: "hunter2".to_owned().into(), ..PendingKey::default() };
        assert!(!format!("{key:?}").contains("hunter2"));
        assert_eq!(PendingKey::decode(&key.encode().unwrap()).unwrap(), key);
    }
}
