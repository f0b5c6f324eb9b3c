//! `blacklist/roletag/<tag>`: role tags that no longer admit anybody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Entry, EntryError, StoredTime};

/// The stored entry `blacklist/roletag/<tag in standard base64>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DenyListEntry {
    /// When the tag was first put on the list.
    pub creation_time: StoredTime,
    /// From when on the entry may be removed: no token that the tag gave lives any more.
    pub expiration_time: StoredTime,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for DenyListEntry {}

impl DenyListEntry {
    /// Prefix of the storage keys.
    pub const PREFIX: &'static str = "blacklist/roletag/";

    /// Storage key of a tag. Its base64 may hold slashes, so keys may be nested.
    #[must_use]
    pub fn key(tag: &str) -> String {
        format!("{}{}", Self::PREFIX, STANDARD.encode(tag))
    }

    /// The tag of a storage key without its prefix.
    ///
    /// # Errors
    /// The name is not base64.
    pub fn tag_of(name: &str) -> Result<String, EntryError> {
        let bytes = STANDARD.decode(name)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_padded_standard_base64() {
        assert_eq!(DenyListEntry::key("v1:a?"), "blacklist/roletag/djE6YT8=");
        assert_eq!(DenyListEntry::key("x??>"), "blacklist/roletag/eD8/Pg==");
        assert_eq!(DenyListEntry::tag_of("eD8/Pg=="), Ok("x??>".to_owned()));
        assert!(DenyListEntry::tag_of("not base64").is_err());
    }

    #[test]
    fn an_entry_keeps_what_it_does_not_know() {
        let stored = br#"{"creation_time":"2026-01-02T03:04:05.6+02:00","expiration_time":null,"later":1}"#;
        let entry = DenyListEntry::decode(stored).unwrap();
        assert_eq!(entry.expiration_time, StoredTime::UNSET);
        let written = String::from_utf8(entry.encode().unwrap()).unwrap();
        assert_eq!(
            written,
            "{\"creation_time\":\"2026-01-02T03:04:05.6+02:00\",\"expiration_time\":\"0001-01-01T00:00:00Z\",\"later\":1}\n"
        );
    }
}
