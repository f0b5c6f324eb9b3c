//! Conversion of JSON values to field types.

use serde_json::Value;

use super::{Field, FieldValue};

pub(super) fn convert(_field: &Field, _value: Value) -> Result<Option<FieldValue>, String> {
    Err("not converted".to_owned())
}
