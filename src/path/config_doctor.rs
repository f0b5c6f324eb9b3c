//! `config/doctor`: whether everything that logins of the mount depend on works now.

use std::time::Duration;

use serde_json::{Value, json};

use super::shape::{display, endpoint, object};
use crate::doctor::{self, DEFAULT_LIMIT, MAX_LIMIT};
use crate::framework::{Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::mount::Mount;
use crate::mount::doctor_report::{Probe, Wishes};

/// Names that are looked at.
const MAX_NAMES: usize = 100;

static FIELDS: [Field; 2] = [
    Field::new(
        "only",
        FieldKind::CommaStringSlice,
        "Names of probes, or what they begin with up to a dot (dns, account.123456789012): only these are run.",
    ),
    Field::new(
        "timeout",
        FieldKind::DurationSecond,
        "How long each probe may take: 1 to 30 seconds, by default 5.",
    ),
];

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "config/doctor$",
        fields: &FIELDS,
        endpoints: vec![endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields)))],
        existence_check: None,
        synopsis: "Tries whether everything that logins depend on works.",
        description: "
Runs live probes of the configuration, the server, the network, the clock, the server's own credentials,
each account of config/sts and the permissions that the roles need, and answers with what was seen. It
changes nothing, and no login is served from what it learns. Probes that call AWS use the budgets of the
mount. One run goes on at a time; who asks meanwhile gets its result, with a warning if it was asked for
something else. A run takes at most a minute.

The answer has healthy (whether no probe failed), summary, and the probes in a fixed order, each with

    probe        its name.
    verdict      ok, warning, failed or skipped.
    seen         what was seen, or why it was skipped.
    wanted       what should be seen.
    who_acts     who must do something: operator, aws, host or client; empty if nobody.
    hint         what helps; empty if nothing must be done.
    duration_ms  how long it took.

The probes:

    config.readable         config/client can be read.
    config.endpoints        configured endpoints are https URLs, and none of the server's own link.
    config.server_id        iam_server_id_header_value is set.
    config.mounts           no other mount of the process demands the same server id, or none either.
    config.roles            each role can be read and binds something.
    host.node, host.version what the node is, and which server it runs.
    dns.NAME, connect.NAME  the endpoints have an address, and are reached and trusted: sts (logins),
                            sts_of_server (its own calls, if they go elsewhere), iam, ec2.
    clock                   the server's clock against that of STS: a warning from 60 s, failed from 300 s.
    credentials.source      where the server's own credentials come from.
    credentials.identity    whose they are.
    account.ID              the role of an account in config/sts is assumed, and is the one configured.
    permission.ID.ACTION    what roles with unique ids, wildcards, inferencing or of type ec2 need:
                            iam:GetRole, iam:GetUser, iam:GetInstanceProfile, ec2:DescribeInstances;
                            organizations:DescribeAccount where a role binds an organization.
    issuer.configuration    where config/issuer is written: its discovery document is published.
    issuer.keys             the published keys are those of this mount.
    rotate_root             skipped always, because it would make a key.
",
        display: display("doctor"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    let wishes = wishes(&fields);
    let unknown: Vec<&str> = wishes.only.iter().map(String::as_str).filter(|name| !is_known(name)).collect();
    let mut warnings = Vec::new();
    if !unknown.is_empty() {
        let known: Vec<&str> = doctor::group_names().collect();
        warnings.push(format!(
            "no probe is named {}; they begin with {}",
            unknown.join(", "),
            known.join(", ")
        ));
    }
    let Some(report) = doctor::examine(mount, wishes.clone()).await else { return Ok(None) };
    if report.wishes != wishes {
        warnings.push(
            "another run was under way, and this is its result: ask again for what you wanted".to_owned(),
        );
    }
    let probes: Vec<Value> = report.probes.iter().map(shown).collect();
    let data = object([
        ("healthy", json!(report.is_healthy())),
        ("summary", json!(report.summary())),
        ("probes", Value::Array(probes)),
    ]);
    Ok(Some(Response { warnings, ..Response::with_data(data) }))
}

fn is_known(name: &str) -> bool {
    doctor::group_names().any(|group| name.split('.').next() == Some(group))
}

fn wishes(fields: &Fields) -> Wishes {
    let only = fields.list("only").unwrap_or_default().iter().take(MAX_NAMES).cloned().collect();
    let seconds = fields.seconds("timeout").and_then(|seconds| u64::try_from(seconds).ok());
    let limit = match seconds {
        None | Some(0) => DEFAULT_LIMIT,
        Some(seconds) => Duration::from_secs(seconds).min(MAX_LIMIT),
    };
    Wishes { only, limit }
}

fn shown(probe: &Probe) -> Value {
    let Probe { name, wanted, finding, duration } = probe;
    Value::Object(object([
        ("probe", json!(name)),
        ("verdict", json!(finding.verdict.as_str())),
        ("seen", json!(finding.seen)),
        ("wanted", json!(wanted)),
        ("who_acts", json!(finding.who_acts.map_or("", |who| who.as_str()))),
        ("hint", json!(finding.hint)),
        ("duration_ms", json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::FieldValue;

    #[test]
    fn the_time_of_a_probe_has_bounds() {
        for (timeout, limit) in [(None, 5), (Some(0), 5), (Some(1), 1), (Some(30), 30), (Some(31), 30)] {
            let mut fields = Fields::new();
            if let Some(timeout) = timeout {
                fields.insert("timeout", FieldValue::Seconds(timeout));
            }
            assert_eq!(wishes(&fields).limit, Duration::from_secs(limit), "{timeout:?}");
        }
    }
}
