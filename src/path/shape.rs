//! The shape that the paths share: how they are displayed, matched and answered.

use serde_json::{Map, Value, json};

use crate::framework::{DisplayAttributes, Endpoint, Fields, Handler, Operation, Response};
use crate::mount::Mount;

/// Names of roles, accounts and the like, in the notation of patterns.
macro_rules! name_pattern {
    ($field:literal) => {
        concat!("(?P<", $field, r">\w(([\w-.]+)?\w)?)")
    };
}
pub(super) use name_pattern;

/// What every operation id of this method starts with.
pub(super) const fn display(suffix: &'static str) -> DisplayAttributes {
    verb("", suffix)
}

/// The same with a verb of its own instead of that of the HTTP method.
pub(super) const fn verb(verb: &'static str, suffix: &'static str) -> DisplayAttributes {
    DisplayAttributes {
        name: "",
        value: None,
        sensitive: false,
        edit_type: "",
        group: "",
        operation_prefix: "aws",
        operation_verb: verb,
        operation_suffix: suffix,
    }
}

/// An operation that is displayed as its route is and answered by the node that was asked.
pub(super) fn endpoint(operation: Operation, handler: Handler<Mount>) -> Endpoint<Mount> {
    Endpoint { operation, handler, display: DisplayAttributes::default(), forward_to_writer: false }
}

/// Names as a list answer shows them; none is an answer without `keys`.
pub(super) fn list_response(keys: &[String]) -> Response {
    let mut data = Map::new();
    if !keys.is_empty() {
        data.insert("keys".to_owned(), json!(keys));
    }
    Response::with_data(data)
}

/// A JSON object with these members.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Name of the role that the path is about, as it was written there.
pub(super) fn role_name(fields: &Fields) -> &str {
    fields.text("role").unwrap_or("")
}
