//! How entries stand in storage: one JSON object and a line break.
//!
//! Readers are lenient as Go's decoder is: a missing or null member is its zero value. Members this
//! version does not know are kept and written back, so that an entry may travel between servers.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

/// A stored entry is not what it should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct EntryError(pub String);

/// An entry of one JSON object.
pub trait Entry: Serialize + DeserializeOwned {
    /// Reads a stored entry.
    ///
    /// # Errors
    /// When it is no JSON object of this form.
    fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut value: Value =
            serde_json::from_slice(bytes).map_err(|error| EntryError(error.to_string()))?;
        drop_nulls(&mut value);
        serde_json::from_value(value).map_err(|error| EntryError(error.to_string()))
    }

    /// The bytes to store.
    ///
    /// # Errors
    /// Cannot happen for the entries of this crate; stands instead of a panic.
    fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| EntryError(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
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
