//! `migrate/report`: what of this mount would behave differently under the built-in method.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::shape::{display, endpoint, object};
use crate::framework::{
    Field, FieldKind, Fields, HandlerResult, HostFlavor, Operation, Request, Response, Route,
};
use crate::migration::{EVERYWHERE, Finding, MAX_ROLES, Report, Row, Severity, examine};
use crate::mount::Mount;

static FIELDS: [Field; 1] = [Field::new(
    "after",
    FieldKind::String,
    "Name of a role: only roles whose names come after it are looked at. Give the next_after of the answer before.",
)
.own()];

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "migrate/report$",
        fields: &FIELDS,
        endpoints: vec![endpoint(Operation::Read, |mount, request, fields| {
            Box::pin(read(mount, request, fields))
        })],
        existence_check: None,
        synopsis: "Tells what of this mount would behave differently under the built-in method.",
        description: "
Looks at what is stored, and at nothing else: it asks neither AWS nor the server, writes nothing, and is
answered by the node that was asked. Read it after this plugin has taken over a mount, and again before
the mount goes back. An answer is about at most 1000 roles, and ends earlier where there is much to say;
then next_after is the name of the last one, and a read with after=NAME goes on from there.

The answer has counts (findings by severity), findings, roles (how many were looked at), next_after,
left_out (entries of config/sts and config/certificate beyond the first 1000 of each), and everywhere:
what differs on every mount, whatever is stored. The first page alone speaks of the configuration and of
everywhere. Each finding has

    path      the path of the entry.
    code      a name that never changes.
    severity  danger: one of the methods admits more than it should; change: some callers or writes have
              another outcome; info: good to know.
    seen      what of the entry it is about; never a secret.
    built_in  what the built-in method does.
    here      what this plugin does.
    to_do     what helps.

Codes that begin with own. are of fields which only this plugin has. The built-in method ignores them.
",
        display: display("migration-report"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

async fn read(mount: &Mount, request: &Request, fields: Fields) -> HandlerResult {
    let after = fields.text("after").filter(|name| !name.is_empty());
    let now = mount.world().clock.now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let report = examine(mount.store(), mount.host(), now, after).await?;
    let Report { findings, roles, next_after, left_out } = &report;
    let shown: Vec<Value> = findings.iter().map(|finding| shown(finding, mount.host(), request)).collect();
    let mut data = object([
        ("counts", counts(findings)),
        ("findings", Value::Array(shown)),
        ("roles", json!(roles)),
        ("left_out", json!(left_out)),
    ]);
    if after.is_none() {
        let everywhere = EVERYWHERE.iter().map(|row| Value::Object(of_row(row, row.to_do))).collect();
        data.insert("everywhere".to_owned(), Value::Array(everywhere));
    }
    let mut warnings = Vec::new();
    if let Some(name) = next_after {
        data.insert("next_after".to_owned(), json!(name));
        warnings.push(format!(
            "there are more roles than these {roles} (at most {MAX_ROLES} in an answer): read on with after={name}"
        ));
    }
    Ok(Some(Response { warnings, ..Response::with_data(data) }))
}

fn counts(findings: &[Finding]) -> Value {
    let count = |severity| findings.iter().filter(|finding| finding.row.severity == severity).count();
    Severity::ALL.into_iter().map(|severity| (severity.as_str().to_owned(), json!(count(severity)))).collect()
}

fn shown(finding: &Finding, host: HostFlavor, request: &Request) -> Value {
    let Finding { path, row, seen } = finding;
    let to_do = row
        .to_do
        .replace("PATH", &format!("{}{path}", request.mount_point))
        .replace("…/", &request.mount_point)
        .replace("CLI", host.command_line());
    let mut members = of_row(row, &to_do);
    members.insert("path".to_owned(), json!(path));
    members.insert("seen".to_owned(), json!(seen));
    Value::Object(members)
}

fn of_row(row: &Row, to_do: &str) -> Map<String, Value> {
    object([
        ("code", json!(row.code)),
        ("severity", json!(row.severity.as_str())),
        ("built_in", json!(row.built_in)),
        ("here", json!(row.here)),
        ("to_do", json!(to_do)),
    ])
}
