//! `roletag-denylist`: role tags that no longer admit anybody.

use serde_json::json;

use super::shape::{display, endpoint, list_response, object};
use crate::entry::{DenyListEntry, EntryError, StoredTime};
use crate::framework::{Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::go::text::decode_base64;
use crate::mount::Mount;

const FIELDS: &[Field] = &[Field::new(
    "role_tag",
    FieldKind::String,
    "Value of the role tag. To put one on the list it may be given in base64, which keeps its slashes out of the path.",
)];

pub(super) fn list_route() -> Route<Mount> {
    Route {
        pattern: "roletag-denylist/?",
        fields: &[],
        endpoints: vec![endpoint(Operation::List, |mount, _, _| Box::pin(list(mount)))],
        existence_check: None,
        synopsis: "Lists the role tags on the deny list.",
        description: "Lists the values of the role tags on the deny list, expired entries included.",
        display: display("role-tag-deny-lists"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "roletag-denylist/(?P<role_tag>.*)",
        fields: FIELDS,
        endpoints: vec![
            endpoint(Operation::Update, |mount, _, fields| Box::pin(write(mount, fields))),
            endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields))),
            endpoint(Operation::Delete, |mount, _, fields| Box::pin(delete(mount, fields))),
        ],
        existence_check: None,
        synopsis: "Puts a role tag on the deny list.",
        description: "
Instances with a role tag on this list cannot log in. Tokens they hold stay valid. Only a tag that a
role of this mount has issued can be put on the list. Its entry expires when no token that the tag gave
can live any more, and is removed some time later; putting the tag on the list again extends it.
Reading and deleting take the value of the tag as it is, not in base64.
",
        display: display("role-tag-deny-list"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

/// The tag as the path spells it.
fn tag(fields: &Fields) -> &str {
    fields.text("role_tag").unwrap_or("")
}

async fn write(mount: &Mount, fields: Fields) -> HandlerResult {
    let given = tag(&fields);
    // A tag holds colons, which base64 does not.
    let decoded = decode_base64(given).and_then(|bytes| String::from_utf8(bytes).ok());
    let (tag, role) = mount.verified_role_tag(decoded.as_deref().unwrap_or(given)).await?;
    let mount_max = mount.max_lease_ttl().await?;
    let longest = tag.content().max_ttl.max(role.token.token_max_ttl).max(mount_max);
    let now = StoredTime::from(mount.world().clock.now());
    mount
        .store()
        .update::<_, _, Failure>(&DenyListEntry::key(tag.text()), async |stored: Option<DenyListEntry>| {
            let mut entry =
                stored.unwrap_or_else(|| DenyListEntry { creation_time: now, ..DenyListEntry::default() });
            entry.expiration_time = now.plus(longest);
            Ok((Some(entry), ()))
        })
        .await?;
    Ok(None)
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    let entry = mount.store().read::<DenyListEntry>(&DenyListEntry::key(tag(&fields))).await?;
    Ok(entry.map(|entry| {
        Response::with_data(object([
            ("creation_time", json!(entry.creation_time)),
            ("expiration_time", json!(entry.expiration_time)),
        ]))
    }))
}

async fn delete(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.store().delete(&DenyListEntry::key(tag(&fields))).await?;
    Ok(None)
}

async fn list(mount: &Mount) -> HandlerResult {
    let names = mount.store().list_nested(DenyListEntry::PREFIX).await?;
    let tags: Vec<String> =
        names.iter().map(|name| DenyListEntry::tag_of(name)).collect::<Result<_, EntryError>>()?;
    Ok(Some(list_response(&tags)))
}
