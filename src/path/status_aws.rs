//! `status/aws`: how this mount gets on with AWS.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::shape::{display, endpoint, object};
use crate::aws::calls::{Budget, Counts, LineStatus, Purpose};
use crate::concurrency::cache_status::CacheStatus;
use crate::entry::StoredTime;
use crate::framework::{HandlerResult, Operation, Response, Route};
use crate::mount::Mount;
use crate::mount::own_rotation::{RotationStatus, rotation_status};
use crate::mount::single_use::UsesStatus;
use crate::mount::used_signatures::MAX_USED;

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "status/aws$",
        fields: &[],
        endpoints: vec![endpoint(Operation::Read, |mount, _, _| Box::pin(read(mount)))],
        existence_check: None,
        synopsis: "Tells what this mount has asked AWS, and how that went.",
        description: "
Answers with the calls to AWS that this mount has made since its process started, by account, region and
API action: how many, how often AWS asked for patience, how many failed, how long answers took, and what
is left of the budget that the server allows itself. Requests of clients that were forwarded to the
Security Token Service stand apart; they have no budget, and stand under their account once a login of it
was admitted. Also tells how full and how useful the caches are. Each node of a cluster answers for
itself, without asking storage or AWS. Shows account numbers, and no keys.

Where answers of the Security Token Service are dated a minute or more off this server's clock, it has
aws_clock_ahead_seconds, by how many seconds AWS is ahead, or behind if negative: the age of signed requests
is told by this server's clock.

With rotate_in_plugin in config/client it also has rotation, from storage: next_rotation, under_way,
last_rotation, last_attempt, and of the failures since then their number, last_error and last_error_code.

Each line of calls has

    account_id  the account; for sts:AssumeRole that of the role. Empty for what names none: the call by
                which the server learns its own account, and forwarded logins that were refused or not
                answered.
    region      the region; aws-global for the global endpoint of STS, empty where sts_endpoint is set
                without sts_region.
    api         the action.
    forwarded   whether it is the requests of clients. Their account gets a line with the first login that
                is admitted; until then they count among those without account.
    purpose     role_write for what is asked for the principals of a role when it is written, which has a
                budget of its own; absent otherwise.
    calls       attempts.
    throttles   attempts at which AWS asked for patience.
    errors      attempts that failed otherwise, refusals included.
    latency_ms  p50, p90, p99 and max of the answers, to one digit; absent while there was none.
    budget      remaining calls of capacity, and the present refill_per_second; absent for forwarded logins.

The caches are role, config_client, config_identity, config_sts, full_arn (principals of roles with
wildcards), assumed_role (sessions in other accounts), resolve_role (logins whose caller the host asked for
before) and jwt_keys (keys of the issuers of config/jwt-issuer). Each has its entries, its capacity, its hits
and misses, and the hit_rate: the part of the questions that it could answer, null while there was none.
",
        display: display("status"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

async fn read(mount: &Mount) -> HandlerResult {
    let calls: Vec<Value> = mount.clients().calls().status().iter().map(call).collect();
    let caches: Map<String, Value> =
        mount.cache_status().into_iter().map(|(name, status)| (name.to_owned(), cache(status))).collect();
    let mut status = object([("calls", json!(calls)), ("caches", Value::Object(caches))]);
    if let Some(seconds) = mount.clients().calls().clock_offset().too_far() {
        status.insert("aws_clock_ahead_seconds".to_owned(), json!(seconds));
    }
    if let Some(uses) = mount.uses_status() {
        status.insert("single_use".to_owned(), single_use(&uses));
    }
    if let Some(rotation) = rotation(mount).await {
        status.insert("rotation".to_owned(), rotation);
    }
    Ok(Some(Response::with_data(status)))
}

fn single_use(uses: &UsesStatus) -> Value {
    json!({
        "loaded": uses.is_loaded,
        "signed_after": uses.signed_after,
        "minutes_stored": uses.minutes_stored,
        "entries_of_process": uses.entries_of_process,
        "capacity_of_process": MAX_USED,
    })
}

/// How the rotations of the plugin itself stand. What cannot be read is told, and does not take the rest away.
async fn rotation(mount: &Mount) -> Option<Value> {
    let RotationStatus { next, is_under_way, state } = match rotation_status(mount).await {
        Ok(status) => status?,
        Err(error) => return Some(json!({"last_error": error.to_string()})),
    };
    let time = |time: StoredTime| (time != StoredTime::UNSET).then(|| time.to_string());
    Some(json!({
        "next_rotation": next.and_then(time),
        "under_way": is_under_way,
        "last_rotation": time(state.last_rotation),
        "last_attempt": time(state.last_attempt),
        "failures": state.failures,
        "last_error": state.last_error,
        "last_error_code": state.last_error_code,
    }))
}

fn call(line: &LineStatus) -> Value {
    let Counts { calls, throttles, errors, latency } = line.counts;
    let mut shown = object([
        ("account_id", json!(line.account)),
        ("region", json!(line.region)),
        ("api", json!(line.api.name())),
        ("forwarded", json!(line.is_forwarded)),
        ("calls", json!(calls)),
        ("throttles", json!(throttles)),
        ("errors", json!(errors)),
    ]);
    match line.purpose {
        Purpose::General => {}
        Purpose::RoleWrite => {
            shown.insert("purpose".to_owned(), json!("role_write"));
        }
    }
    if let Some(latency) = latency {
        let latency = object([
            ("p50", json!(milliseconds(latency.p50))),
            ("p90", json!(milliseconds(latency.p90))),
            ("p99", json!(milliseconds(latency.p99))),
            ("max", json!(milliseconds(latency.max))),
        ]);
        shown.insert("latency_ms".to_owned(), Value::Object(latency));
    }
    if let Some(Budget { remaining, allowance, refill_per_second }) = line.budget {
        let budget = object([
            ("remaining", json!(remaining)),
            ("capacity", json!(allowance.capacity)),
            ("refill_per_second", json!(refill_per_second)),
        ]);
        shown.insert("budget".to_owned(), Value::Object(budget));
    }
    Value::Object(shown)
}

fn cache(status: CacheStatus) -> Value {
    let CacheStatus { entries, capacity, hits, misses } = status;
    Value::Object(object([
        ("entries", json!(entries)),
        ("capacity", json!(capacity)),
        ("hits", json!(hits)),
        ("misses", json!(misses)),
        ("hit_rate", json!(hit_rate(hits, misses))),
    ]))
}

/// The part of the questions that the cache could answer, to four digits; `None` if there were none.
fn hit_rate(hits: u64, misses: u64) -> Option<f64> {
    let parts = hits.saturating_mul(10_000).checked_div(hits.saturating_add(misses))?;
    Some(f64::from(u32::try_from(parts).unwrap_or(u32::MAX)) / 10_000.0)
}

/// Milliseconds with two decimals.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::calls::{Allowance, Api, Latency};

    #[test]
    fn a_line_is_shown_with_what_it_has() {
        let time = Duration::from_micros(1_234_567);
        let latency = Latency { p50: time, p90: time, p99: time, max: time };
        let mut line = LineStatus {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            api: Api::DescribeInstances,
            purpose: Purpose::General,
            is_forwarded: false,
            counts: Counts { calls: 7, throttles: 2, errors: 1, latency: Some(latency) },
            budget: Some(Budget {
                remaining: 41,
                allowance: Allowance { capacity: 50, refill_per_second: 10 },
                refill_per_second: 2.5,
            }),
        };
        let base = json!({
            "account_id": "123456789012", "region": "eu-west-1", "api": "ec2:DescribeInstances",
            "forwarded": false, "calls": 7, "throttles": 2, "errors": 1,
        });
        let mut whole = base.clone();
        whole["latency_ms"] = json!({"p50": 1234.57, "p90": 1234.57, "p99": 1234.57, "max": 1234.57});
        whole["budget"] = json!({"remaining": 41, "capacity": 50, "refill_per_second": 2.5});
        assert_eq!(call(&line), whole);
        line.budget = None;
        line.counts.latency = None;
        assert_eq!(call(&line), base);
        line.purpose = Purpose::RoleWrite;
        let mut of_role_writes = base;
        of_role_writes["purpose"] = json!("role_write");
        assert_eq!(call(&line), of_role_writes);
    }

    #[test]
    fn a_cache_that_was_not_asked_has_no_hit_rate() {
        let status = |hits, misses| CacheStatus { entries: 1, capacity: 2, hits, misses };
        let shown = json!({"entries": 1, "capacity": 2, "hits": 0, "misses": 0, "hit_rate": null});
        assert_eq!(cache(status(0, 0)), shown);
        assert_eq!(cache(status(2, 1))["hit_rate"], json!(0.6666));
        assert_eq!(cache(status(5, 0))["hit_rate"], json!(1.0));
    }
}
