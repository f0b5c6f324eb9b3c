//! The API: one file per path, with its fields, help and handlers.

mod config_client;
mod config_identity;
mod config_sts;
mod login;
mod role;
mod role_write;
mod roles;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::framework::{DisplayAttributes, Endpoint, Handler, Operation, Response, Route, RouteTable};
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
        config_identity::route(),
        config_sts::route(),
        config_sts::list_route(),
    ])
});

/// All routes; of those that match a path the first wins.
///
/// # Errors
/// A mistake in a route, which a test excludes.
pub fn routes() -> &'static Result<RouteTable<Mount>, String> {
    &ROUTES
}

/// Whether the names in a route's path are folded to lower case.
pub(crate) fn folds_case(route: &Route<Mount>) -> bool {
    route.pattern == role::PATTERN
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
}
