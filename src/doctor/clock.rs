//! `clock`: the server's clock against that of AWS. AWS refuses signatures that are too far off.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Method};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::network::{login_sts, not_reached};
use super::round::Round;
use crate::aws::endpoint::Service;
use crate::aws::query::MAX_ANSWER;
use crate::mount::doctor_report::{Finding, Probe, Verdict};
use crate::ports::HttpRequest;
use crate::refusal::Blame;

/// From how many seconds on it is told.
const WARNING: u64 = 60;
/// From how many seconds on AWS refuses calls of the server: most of its services take five minutes.
const FAILED: u64 = 300;

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let wanted = format!("the clock of this server is less than {WARNING} s off that of AWS");
    round.probe("clock", wanted, look(round)).await.into_iter().collect()
}

/// Any answer of STS has the time; so nothing is signed, and nothing of a budget is used.
async fn look(round: &Round) -> Finding {
    let snapshot = match round.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(_) => return Finding::skipped("config/client cannot be read"),
    };
    let endpoint = match login_sts(&snapshot.config) {
        Ok(endpoint) => endpoint,
        Err(error) => return Finding::failed(&error),
    };
    let Some(uri) = endpoint.uri("/") else { return Finding::skipped("the endpoint has no URL") };
    let request = HttpRequest {
        method: Method::GET,
        uri,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        response_limit: MAX_ANSWER,
        host_chosen_in: None,
    };
    let world = round.mount().world();
    let answer = match world.transport.send(request).await {
        Ok(answer) => answer,
        Err(error) => return not_reached(error, &endpoint, Service::Sts),
    };
    let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
    match date.and_then(|date| OffsetDateTime::parse(date.trim(), &Rfc2822).ok()) {
        Some(date) => compare(world.clock.now(), date),
        None => Finding::skipped(format!("the answer of {endpoint} has no date")),
    }
}

fn compare(here: SystemTime, aws: OffsetDateTime) -> Finding {
    let seconds = OffsetDateTime::from(here).unix_timestamp().saturating_sub(aws.unix_timestamp());
    let off = seconds.unsigned_abs();
    let direction = if seconds < 0 { "behind" } else { "ahead of" };
    let seen = format!("{off} s {direction} AWS");
    let verdict = match off {
        FAILED.. => Verdict::Failed,
        WARNING.. => Verdict::Warning,
        _ => return Finding::ok(seen),
    };
    Finding::to_do(verdict, seen, Blame::Operator, "Set the clock of this server, and keep it by NTP.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_minute_is_told_and_five_are_too_many() {
        let aws = OffsetDateTime::from_unix_timestamp(10_000).unwrap();
        for (here, verdict, seen) in [
            (10_000, Verdict::Ok, "0 s ahead of AWS"),
            (10_059, Verdict::Ok, "59 s ahead of AWS"),
            (9_940, Verdict::Warning, "60 s behind AWS"),
            (10_299, Verdict::Warning, "299 s ahead of AWS"),
            (9_700, Verdict::Failed, "300 s behind AWS"),
        ] {
            let here = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(here)).unwrap();
            let finding = compare(here, aws);
            assert_eq!((finding.verdict, finding.seen.as_str()), (verdict, seen));
        }
    }
}
