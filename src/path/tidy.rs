//! `tidy`: removes expired entries of the two lists now.

use serde_json::json;

use super::shape::{display, endpoint, verb};
use crate::entry::{TidyConfig, TidyList};
use crate::framework::{
    Endpoint, Failure, Field, FieldKind, Fields, Handler, HandlerResult, Operation, Request, Response, Route,
};
use crate::mount::Mount;

/// HTTP status of a request that goes on in the background.
const ACCEPTED: u16 = 202;
/// The answer of the built-in method on either server, which is why it names Vault.
const STARTED: &str = "Tidy operation successfully started. Any information from the operation will be printed to Vault's server logs.";
const UNDER_WAY: &str = "Tidy operation already in progress.";

const FIELDS: &[Field] = &[Field::new(
    "safety_buffer",
    FieldKind::DurationSecond,
    "How long an entry stays on the list beyond its expiration.",
)
.default_json("259200")];

pub(super) fn deny_list_route() -> Route<Mount> {
    Route {
        pattern: "tidy/roletag-denylist$",
        synopsis: "Removes expired entries from the deny list.",
        description: "
Removes the entries of the deny list whose expiration lies further back than the safety buffer, 72 hours
if none is given. The answer comes at once; the work goes on in the background, one run at a time, and
tells in the log of the server what it could not do.
",
        ..route("role-tag-deny-list", |mount, request, fields| {
            Box::pin(tidy(mount, request, fields, TidyList::RoleTagDenyList))
        })
    }
}

pub(super) fn access_list_route() -> Route<Mount> {
    Route {
        pattern: "tidy/identity-accesslist$",
        synopsis: "Removes expired entries from the access list.",
        description: "
Removes the entries of the access list whose expiration lies further back than the safety buffer, 72
hours if none is given. An instance whose entry is gone can log in as if for the first time. The answer
comes at once; the work goes on in the background, one run at a time, and tells in the log of the server
what it could not do.
",
        ..route("identity-access-list", |mount, request, fields| {
            Box::pin(tidy(mount, request, fields, TidyList::IdentityAccessList))
        })
    }
}

fn route(suffix: &'static str, handler: Handler<Mount>) -> Route<Mount> {
    Route {
        pattern: "",
        fields: FIELDS,
        endpoints: vec![Endpoint { display: verb("tidy", suffix), ..endpoint(Operation::Update, handler) }],
        existence_check: None,
        synopsis: "",
        description: "",
        display: display(suffix),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

async fn tidy(mount: &Mount, request: &Request, fields: Fields, list: TidyList) -> HandlerResult {
    let replication = mount.system_view().replication_state().await;
    let replication = replication.map_err(|error| Failure::internal(&error))?;
    if replication.performance_standby() {
        return Err(Failure::read_only());
    }
    let safety_buffer = fields.seconds("safety_buffer").unwrap_or(TidyConfig::ON_DEMAND_BUFFER);
    let response = if mount.tidy().start(list, safety_buffer) {
        accepted(request)
    } else {
        Response { warnings: vec![UNDER_WAY.to_owned()], ..Response::default() }
    };
    Ok(Some(response))
}

/// The body the host would make itself, with a status that it cannot make.
fn accepted(request: &Request) -> Response {
    let body = json!({
        "request_id": request.id,
        "lease_id": "",
        "renewable": false,
        "lease_duration": 0,
        "data": null,
        "wrap_info": null,
        "warnings": [STARTED],
        "auth": null,
    });
    Response::raw(ACCEPTED, "application/json", body.to_string().as_bytes())
}
