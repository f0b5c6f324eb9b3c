//! `config/tidy`: how expired entries of the two lists are removed each hour.

use serde_json::json;

use super::shape::{display, endpoint, object, verb};
use crate::entry::{TidyConfig, TidyList};
use crate::framework::{
    Endpoint, ExistenceCheck, Failure, Field, FieldKind, Fields, Handler, HandlerResult, Operation, Request,
    Response, Route,
};
use crate::mount::Mount;

const SAFETY_BUFFER: Field = Field::new(
    "safety_buffer",
    FieldKind::DurationSecond,
    "How long an entry stays on the list beyond its expiration.",
);
const DISABLE: Field =
    Field::new("disable_periodic_tidy", FieldKind::Bool, "Whether the hourly run leaves the list alone.")
        .default_json("false");
const DENY_LIST_FIELDS: &[Field] = &[SAFETY_BUFFER.default_json("15552000"), DISABLE];
const ACCESS_LIST_FIELDS: &[Field] = &[SAFETY_BUFFER.default_json("259200"), DISABLE];

pub(super) fn route(list: TidyList) -> Route<Mount> {
    let Words { pattern, operation, settings, synopsis, description } = words(list);
    let Handlers { write, read, delete, exists } = handlers(list);
    let configure = |kind| Endpoint { display: verb("configure", operation), ..endpoint(kind, write) };
    Route {
        pattern,
        fields: match list {
            TidyList::RoleTagDenyList => DENY_LIST_FIELDS,
            TidyList::IdentityAccessList => ACCESS_LIST_FIELDS,
        },
        endpoints: vec![
            configure(Operation::Create),
            configure(Operation::Update),
            Endpoint { display: display(settings), ..endpoint(Operation::Read, read) },
            Endpoint { display: display(settings), ..endpoint(Operation::Delete, delete) },
        ],
        existence_check: Some(exists),
        synopsis,
        description,
        display: display(operation),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

/// What the documentation of a list's path says.
struct Words {
    pattern: &'static str,
    operation: &'static str,
    settings: &'static str,
    synopsis: &'static str,
    description: &'static str,
}

const fn words(list: TidyList) -> Words {
    match list {
        TidyList::RoleTagDenyList => Words {
            pattern: "config/tidy/roletag-denylist$",
            operation: "role-tag-deny-list-tidy-operation",
            settings: "role-tag-deny-list-tidy-settings",
            synopsis: "Configures the hourly removal of expired entries from the deny list.",
            description: "
Once an hour, entries of the deny list whose expiration lies further back than the safety buffer are
removed. Without configuration the buffer is 180 days. It does not apply to tidy runs that are asked
for.
",
        },
        TidyList::IdentityAccessList => Words {
            pattern: "config/tidy/identity-accesslist$",
            operation: "identity-access-list-tidy-operation",
            settings: "identity-access-list-tidy-settings",
            synopsis: "Configures the hourly removal of expired entries from the access list.",
            description: "
Once an hour, entries of the access list whose expiration lies further back than the safety buffer are
removed. Without configuration the buffer is 72 hours. It does not apply to tidy runs that are asked
for.
",
        },
    }
}

struct Handlers {
    write: Handler<Mount>,
    read: Handler<Mount>,
    delete: Handler<Mount>,
    exists: ExistenceCheck<Mount>,
}

/// A handler is a plain function, which cannot hold the list it is for: each list has its own.
fn handlers(list: TidyList) -> Handlers {
    macro_rules! handlers_of {
        ($list:expr) => {
            Handlers {
                write: |mount, request, fields| Box::pin(write(mount, request, fields, $list)),
                read: |mount, _, _| Box::pin(read(mount, $list)),
                delete: |mount, _, _| Box::pin(delete(mount, $list)),
                exists: |mount, _, _| Box::pin(exists(mount, $list)),
            }
        };
    }
    match list {
        TidyList::RoleTagDenyList => handlers_of!(TidyList::RoleTagDenyList),
        TidyList::IdentityAccessList => handlers_of!(TidyList::IdentityAccessList),
    }
}

async fn exists(mount: &Mount, list: TidyList) -> Result<bool, Failure> {
    Ok(mount.store().read::<TidyConfig>(list.config_key()).await?.is_some())
}

async fn write(mount: &Mount, request: &Request, fields: Fields, list: TidyList) -> HandlerResult {
    let creating = request.operation == Operation::Create;
    mount
        .store()
        .update::<_, _, Failure>(list.config_key(), async |stored: Option<TidyConfig>| {
            let mut config = stored.unwrap_or_default();
            if creating {
                config = TidyConfig { unknown: config.unknown, ..TidyConfig::default_of(list) };
            }
            if let Some(seconds) = fields.seconds("safety_buffer") {
                config.safety_buffer = seconds;
            }
            if let Some(flag) = fields.bool("disable_periodic_tidy") {
                config.disable_periodic_tidy = flag;
            }
            Ok((Some(config), ()))
        })
        .await?;
    Ok(None)
}

async fn read(mount: &Mount, list: TidyList) -> HandlerResult {
    let config = mount.store().read::<TidyConfig>(list.config_key()).await?;
    Ok(config.map(|config| {
        Response::with_data(object([
            ("safety_buffer", json!(config.safety_buffer)),
            ("disable_periodic_tidy", json!(config.disable_periodic_tidy)),
        ]))
    }))
}

async fn delete(mount: &Mount, list: TidyList) -> HandlerResult {
    mount.store().delete(list.config_key()).await?;
    Ok(None)
}
