//! The API: one file per path, with its fields, help and handlers.

mod config_certificate;
mod config_client;
mod config_identity;
mod config_rotate_root;
mod config_sts;
mod login;
mod role;
mod role_write;
mod roles;

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::framework::{DisplayAttributes, Endpoint, Handler, Operation, Response, RouteTable};
use crate::mount::Mount;

/// Names of roles, accounts and the like, in the notation of patterns.
macro_rules! name_pattern {
    ($field:literal) => {
        concat!("(?P<", $field, r">\w(([\w-.]+)?\w)?)")
    };
}
pub(crate) use name_pattern;

static ROUTES: LazyLock<Result<RouteTable<Mount>, String>> = LazyLock::new(|| {
    RouteTable::new(vec![
        login::route(),
        roles::role_route(),
        roles::roles_route(),
        role::route(),
        config_client::route(),
        config_certificate::route(),
        config_identity::route(),
        config_rotate_root::route(),
        config_sts::route(),
        config_sts::list_route(),
        config_certificate::list_route(),
    ])
});

/// All routes; of those that match a path the first wins.
///
/// # Errors
/// A mistake in a route, which a test excludes.
pub fn routes() -> &'static Result<RouteTable<Mount>, String> {
    &ROUTES
}

/// A path as it is meant: role names are the same in upper and lower case, all else is as written.
pub(crate) fn canonical(path: &str) -> Cow<'_, str> {
    let of_role =
        path.strip_prefix("role/").is_some_and(|rest| is_name(rest.strip_suffix("/tag").unwrap_or(rest)));
    if of_role { Cow::Owned(path.to_ascii_lowercase()) } else { Cow::Borrowed(path) }
}

/// Whether a text matches [`name_pattern`].
fn is_name(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = text.as_bytes();
    bytes.first().is_some_and(is_word)
        && bytes.last().is_some_and(is_word)
        && bytes.iter().all(|byte| is_word(byte) || matches!(byte, b'-' | b'.'))
}

/// What every operation id of this method starts with.
const fn display(suffix: &'static str) -> DisplayAttributes {
    verb("", suffix)
}

const fn verb(verb: &'static str, suffix: &'static str) -> DisplayAttributes {
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

fn endpoint(operation: Operation, handler: Handler<Mount>) -> Endpoint<Mount> {
    Endpoint { operation, handler, display: DisplayAttributes::default(), forward_to_writer: false }
}

/// Names as a list answer shows them; none is an answer without `keys`.
fn list_response(keys: &[String]) -> Response {
    let mut data = Map::new();
    if !keys.is_empty() {
        data.insert("keys".to_owned(), json!(keys));
    }
    Response::with_data(data)
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_table_has_no_mistake() {
        assert_eq!(routes().as_ref().err(), None);
    }

    #[test]
    fn only_role_names_are_folded() {
        for (path, folded) in [
            ("role/PROD", "role/prod"),
            ("role/A.b-C_1", "role/a.b-c_1"),
            ("role/Prod/tag", "role/prod/tag"),
            ("role/", "role/"),
            ("role/-A", "role/-A"),
            ("role/PROD/other", "role/PROD/other"),
            ("roles", "roles"),
            ("config/sts/ABC", "config/sts/ABC"),
            ("Role/PROD", "Role/PROD"),
        ] {
            assert_eq!(canonical(path), folded);
        }
    }
}
