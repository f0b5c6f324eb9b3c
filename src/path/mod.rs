//! The API: one file per path, with its fields, help and handlers. Here is the table of all routes.

mod config_certificate;
mod config_client;
mod config_client_refused;
mod config_doctor;
mod config_identity;
mod config_identity_own;
mod config_issuer;
mod config_jwt_issuer;
mod config_rotate_root;
mod config_rotation;
mod config_sts;
mod config_tidy;
mod cron;
mod identity_accesslist;
mod issuer_export;
mod logged_text;
pub(crate) mod login;
mod migrate_report;
mod oidc;
pub(crate) mod refused_request;
mod request_rules;
mod role;
mod role_explain;
mod role_login_types;
mod role_own_bounds;
mod role_principals;
mod role_refused;
mod role_tag;
mod role_write;
mod roles;
mod roletag_denylist;
mod shape;
mod status_aws;
mod tidy;

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::entry::TidyList;
use crate::framework::{HostFlavor, Route, RouteTable, is_name};
use crate::mount::Mount;

type Table = Result<RouteTable<Mount>, String>;

static OF_VAULT: LazyLock<Table> = LazyLock::new(|| table(HostFlavor::Vault));
static OF_OPENBAO: LazyLock<Table> = LazyLock::new(|| table(HostFlavor::OpenBao));

fn table(host: HostFlavor) -> Table {
    let routes = vec![
        login::route(),
        roles::role_route(),
        roles::roles_route(),
        role::route(host),
        role_tag::route(),
        role_explain::route(),
        config_client::route(),
        config_certificate::route(),
        config_identity::route(),
        config_rotate_root::route(),
        config_sts::route(),
        config_sts::list_route(),
        config_certificate::list_route(),
        config_tidy::route(TidyList::RoleTagDenyList),
        under_old_name(config_tidy::route(TidyList::RoleTagDenyList)),
        config_tidy::route(TidyList::IdentityAccessList),
        under_old_name(config_tidy::route(TidyList::IdentityAccessList)),
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
        config_doctor::route(),
        migrate_report::route(),
        config_issuer::route(),
        config_issuer::rotate_route(),
        issuer_export::route(),
        config_jwt_issuer::route(),
        config_jwt_issuer::list_route(),
        oidc::configuration_route(),
        oidc::keys_route(),
    ];
    RouteTable::new(host, routes)
}

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

/// All routes as a host has them; of those that match a path the first wins.
///
/// # Errors
/// A mistake in a route, which a test excludes.
pub fn routes(host: HostFlavor) -> &'static Result<RouteTable<Mount>, String> {
    match host {
        HostFlavor::Vault => &OF_VAULT,
        HostFlavor::OpenBao => &OF_OPENBAO,
    }
}

/// A path as it is meant: role names are the same in upper and lower case, all else is as written.
pub(crate) fn canonical(path: &str) -> Cow<'_, str> {
    let name =
        |rest: &str| ["/tag", "/explain"].iter().find_map(|end| Some(is_name(rest.strip_suffix(end)?)));
    let of_role = path.strip_prefix("role/").is_some_and(|rest| name(rest).unwrap_or_else(|| is_name(rest)));
    if of_role { Cow::Owned(path.to_ascii_lowercase()) } else { Cow::Borrowed(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_table_has_no_mistake() {
        for host in [HostFlavor::Vault, HostFlavor::OpenBao] {
            assert_eq!(routes(host).as_ref().err(), None);
        }
    }

    #[test]
    fn every_list_path_has_its_old_name_too() {
        let table = routes(HostFlavor::Vault).as_ref().unwrap();
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
            ("role/Prod/explain", "role/prod/explain"),
            ("role/Explain", "role/explain"),
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
