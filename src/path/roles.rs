//! `role` and `roles`: the names of all roles.

use super::shape::{display, endpoint, list_response};
use crate::entry::Role;
use crate::framework::{HandlerResult, Operation, Route};
use crate::mount::Mount;

pub(super) fn role_route() -> Route<Mount> {
    route("role/?", "auth-roles")
}

pub(super) fn roles_route() -> Route<Mount> {
    route("roles/?", "auth-roles2")
}

fn route(pattern: &'static str, suffix: &'static str) -> Route<Mount> {
    Route {
        pattern,
        fields: &[],
        endpoints: vec![endpoint(Operation::List, |mount, _, _| Box::pin(list(mount)))],
        existence_check: None,
        synopsis: "Lists the roles.",
        description: "Lists the names of all roles of this mount, in lower case.",
        display: display(suffix),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

async fn list(mount: &Mount) -> HandlerResult {
    Ok(Some(list_response(&mount.store().list(Role::PREFIX).await?)))
}
