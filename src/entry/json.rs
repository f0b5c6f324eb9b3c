//! How entries stand in storage: one JSON object and a line break.
//!
//! Readers are lenient as Go's decoder is: a missing or null member is its zero value. Members this
//! version does not know are kept and written back, so that an entry may travel between servers.

use super::EntryError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// An entry of one JSON object.
pub trait Entry: Serialize + DeserializeOwned {
    /// Reads a stored entry.
    ///
    /// # Errors
    /// When it is no JSON object of this form.
    fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut value: Value =
            serde_json::from_slice(bytes).map_err(|error| EntryError::Unreadable(error.to_string()))?;
        drop_nulls(&mut value);
        serde_json::from_value(value)
            .map_err(|error| EntryError::Unreadable(without_value(&error.to_string())))
    }

    /// The bytes to store.
    ///
    /// # Errors
    /// Cannot happen for the entries of this crate; stands instead of a panic.
    fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let mut bytes =
            serde_json::to_vec(self).map_err(|error| EntryError::Unwritable(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The text about a member of the wrong type, without the member: it may be a secret, and clients
/// see the text.
fn without_value(text: &str) -> String {
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if text.starts_with("invalid ") && first < last => {
            let (before, after) = (text.get(..first), text.get(last.saturating_add(1)..));
            format!("{}{}", before.unwrap_or("").trim_end(), after.unwrap_or(""))
        }
        _ => text.to_owned(),
    }
}

fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        let kept: Map<String, Value> = std::mem::take(members)
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, mut value)| {
                drop_nulls(&mut value);
                (name, value)
            })
            .collect();
        *members = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::ClientConfig;

    #[test]
    fn an_unreadable_member_is_not_quoted() {
        let refused = |stored: &[u8]| ClientConfig::decode(stored).unwrap_err().to_string();
        let text = refused(br#"{"max_retries": "hunter2 \" hunter3"}"#);
        assert!(text.starts_with("invalid type: string, expected"), "{text}");
        assert!(!text.contains("hunter"), "{text}");
        assert!(!refused(br#"{"secret_key": ["hunter2"]}"#).contains("hunter"));
    }
}
