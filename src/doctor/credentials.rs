//! `credentials.…`: where the server's own credentials come from, and whose they are.

use super::round::Round;
use crate::accounts::probe::{SOURCES, source_of};
use crate::mount::doctor_report::{Finding, Probe};

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let mut probes = Vec::new();
    let wanted = "the server has credentials of its own";
    probes.extend(round.probe("credentials.source", wanted, source(round)).await);
    let wanted = "AWS takes the server's own credentials";
    probes.extend(round.probe("credentials.identity", wanted, identity(round)).await);
    probes
}

async fn source(round: &Round) -> Finding {
    let snapshot = match round.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(_) => return Finding::skipped("config/client cannot be read"),
    };
    let region = round.sts_region().await;
    let credentials = match round.prober(snapshot, &region).own_credentials().await {
        Ok(credentials) => credentials,
        Err(error) => return Finding::failed(&error),
    };
    let Some(source) = source_of(&snapshot.config, &credentials) else {
        return Finding::ok("from the credentials chain");
    };
    let absent: Vec<&str> = SOURCES.into_iter().take_while(|other| *other != source).collect();
    let absent = match absent.as_slice() {
        [] => String::new(),
        absent => format!("; none from {}", absent.join(", ")),
    };
    Finding::ok(format!("from {source}{absent}"))
}

async fn identity(round: &Round) -> Finding {
    let snapshot = match round.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(_) => return Finding::skipped("config/client cannot be read"),
    };
    match round.identity(snapshot).await {
        Ok(identity) => Finding::ok(identity.arn()),
        Err(error) => Finding::failed(error),
    }
}
