//! The API: one file per path, with its fields, help and handlers.

mod config_certificate;
mod config_client;
mod config_identity;
mod config_rotate_root;
mod config_sts;
mod config_tidy;
mod identity_accesslist;
mod login;
mod role;
mod role_tag;
mod role_write;
mod roles;
mod roletag_denylist;
mod status_aws;
mod tidy;

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::framework::{
    DisplayAttributes, Endpoint, Handler, Operation, Response, Route, RouteTable, is_name,
};
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
        role_tag::route(),
        config_client::route(),
        config_certificate::route(),
        config_identity::route(),
        config_rotate_root::route(),
        config_sts::route(),
        config_sts::list_route(),
        config_certificate::list_route(),
        config_tidy::deny_list_route(),
        under_old_name(config_tidy::deny_list_route()),
        config_tidy::access_list_route(),
        under_old_name(config_tidy::access_list_route()),
        roletag_denylist::list_route(),
        under_old_name(roletag_denylist::list_route()),
        roletag_denylist::route(),
        under_old_name(roletag_denylist::route()),
        tidy::deny_list_route(),
        under_old_name(tidy::deny_list_route()),
        identity_accesslist::list_route(),
        under_old_name(identity_accesslist::list_route()),
        identity_accesslist::route(),
        under_old_name(identity_accesslist::route()),
        tidy::access_list_route(),
        under_old_name(tidy::access_list_route()),
        status_aws::route(),
    ])
});

/// A route by the name it had before it was renamed. But for the names it is the same.
fn under_old_name(mut route: Route<Mount>) -> Route<Mount> {
    route.pattern = in_old_words(route.pattern);
    route.display.operation_suffix = in_old_words(route.display.operation_suffix);
    for endpoint in &mut route.endpoints {
        endpoint.display.operation_suffix = in_old_words(endpoint.display.operation_suffix);
    }
    route.deprecated = true;
    route
}

/// The text lives as long as the route table: as the process.
fn in_old_words(text: &str) -> &'static str {
    let mut text = text.to_owned();
    for (new, old) in [
        ("accesslist", "whitelist"),
        ("access-list", "whitelist"),
        ("denylist", "blacklist"),
        ("deny-list", "blacklist"),
    ] {
        text = text.replace(new, old);
    }
    text.leak()
}

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
    fn every_list_path_has_its_old_name_too() {
        let table = routes().as_ref().unwrap();
        for (new, old, old_suffix) in [
            (
                "config/tidy/roletag-denylist",
                "config/tidy/roletag-blacklist",
                "role-tag-blacklist-tidy-operation",
            ),
            (
                "config/tidy/identity-accesslist",
                "config/tidy/identity-whitelist",
                "identity-whitelist-tidy-operation",
            ),
            ("roletag-denylist/", "roletag-blacklist/", "role-tag-blacklists"),
            ("roletag-denylist/v1:x", "roletag-blacklist/v1:x", "role-tag-blacklist"),
            ("tidy/roletag-denylist", "tidy/roletag-blacklist", "role-tag-blacklist"),
            ("identity-accesslist", "identity-whitelist", "identity-whitelist"),
            ("identity-accesslist/i-1", "identity-whitelist/i-1", "identity-whitelist"),
            ("tidy/identity-accesslist", "tidy/identity-whitelist", "identity-whitelist"),
        ] {
            let [(new, of_new), (old, of_old)] = [new, old].map(|path| table.find(path).unwrap());
            assert_eq!((new.deprecated, old.deprecated), (false, true), "{}", old.pattern);
            assert_eq!(old.display.operation_suffix, old_suffix);
            assert_eq!(in_old_words(new.pattern), old.pattern);
            assert_eq!(of_new, of_old);
            assert_eq!((new.synopsis, new.description), (old.synopsis, old.description));
            let endpoints = |route: &Route<Mount>| -> Vec<_> {
                let endpoints = route.endpoints.iter();
                endpoints
                    .map(|endpoint| (endpoint.operation, in_old_words(endpoint.display.operation_suffix)))
                    .collect()
            };
            assert_eq!(endpoints(new), endpoints(old));
        }
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
