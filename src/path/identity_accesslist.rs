//! `identity-accesslist`: instances that have logged in.

use serde_json::json;

use super::shape::{display, endpoint, list_response, name_pattern, object};
use crate::entry::AccessListEntry;
use crate::framework::{Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::mount::Mount;

const FIELDS: &[Field] =
    &[Field::new("instance_id", FieldKind::Name, "Id of the EC2 instance, as it was given at login.")];

pub(super) fn list_route() -> Route<Mount> {
    Route {
        pattern: "identity-accesslist/?",
        fields: &[],
        endpoints: vec![endpoint(Operation::List, |mount, _, _| Box::pin(list(mount)))],
        existence_check: None,
        synopsis: "Lists the instances that have logged in.",
        description: "Lists the ids of the instances on the access list, expired entries included.",
        display: display("identity-access-list"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: concat!("identity-accesslist/", name_pattern!("instance_id")),
        fields: FIELDS,
        endpoints: vec![
            endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields))),
            endpoint(Operation::Delete, |mount, _, fields| Box::pin(delete(mount, fields))),
        ],
        existence_check: None,
        synopsis: "Shows or forgets the login of an instance.",
        description: "
An ec2 login puts its instance on the access list, with the nonce that later logins must present; the
nonce is shown here. Deleting the entry lets the instance log in as if for the first time, and ends the
renewal of its tokens.
",
        display: display("identity-access-list"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

fn key(fields: &Fields) -> String {
    AccessListEntry::key(fields.text("instance_id").unwrap_or(""))
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    let entry = mount.store().read::<AccessListEntry>(&key(&fields)).await?;
    Ok(entry.map(|entry| {
        Response::with_data(object([
            ("role", json!(entry.role)),
            ("client_nonce", json!(entry.client_nonce)),
            ("creation_time", json!(entry.creation_time)),
            ("disallow_reauthentication", json!(entry.disallow_reauthentication)),
            ("pending_time", json!(entry.pending_time)),
            ("expiration_time", json!(entry.expiration_time)),
            ("last_updated_time", json!(entry.last_updated_time)),
        ]))
    }))
}

async fn delete(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.store().delete(&key(&fields)).await?;
    Ok(None)
}

async fn list(mount: &Mount) -> HandlerResult {
    Ok(Some(list_response(&mount.store().list(AccessListEntry::PREFIX).await?)))
}
