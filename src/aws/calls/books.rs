//! The lines of one mount, in their tables.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::api::{Api, Purpose};
use super::clock_offset::ClockOffset;
use super::figures::{Counts, Figures, Outcome};
use super::own_line::{Budget, OwnLine};
use super::table::{LineKey, Table};

/// Lines of the server's own calls kept per mount. Only accounts for which there is a client get any.
const MAX_OWN_LINES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2047);
/// Lines of forwarded calls kept per mount.
const MAX_FORWARDED_LINES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// The lines of one mount.
pub struct Calls {
    own: Mutex<Table<Arc<OwnLine>>>,
    forwarded: Mutex<Table<Figures>>,
    clock_offset: ClockOffset,
}

/// A line as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct LineStatus {
    /// Account; empty where calls do not name one.
    pub account: String,
    /// Region; empty where the configured endpoint has none, and where the account is.
    pub region: String,
    /// Action.
    pub api: Api,
    /// What the calls are made for.
    pub purpose: Purpose,
    /// Whether it is the forwarded requests of clients.
    pub is_forwarded: bool,
    /// What was counted.
    pub counts: Counts,
    /// The budget of the server's own calls.
    pub budget: Option<Budget>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            own: Mutex::new(Table::new(MAX_OWN_LINES)),
            forwarded: Mutex::new(Table::new(MAX_FORWARDED_LINES)),
            clock_offset: ClockOffset::default(),
        }
    }
}

impl Calls {
    /// How far the clock of AWS is from that of this server.
    #[must_use]
    pub fn clock_offset(&self) -> &ClockOffset {
        &self.clock_offset
    }

    /// The line of an own call.
    #[must_use]
    pub fn own_line(&self, account: &str, region: &str, api: Api) -> Arc<OwnLine> {
        self.own_line_for(Purpose::General, account, region, api)
    }

    /// The line of an own call that is made for this.
    #[must_use]
    pub fn own_line_for(&self, purpose: Purpose, account: &str, region: &str, api: Api) -> Arc<OwnLine> {
        let key = LineKey { account, region, api, purpose };
        let new = || Arc::new(OwnLine::new(key));
        lock(&self.own).find_or_insert(key, new).map_or_else(new, |line| Arc::clone(line))
    }

    /// All lines, sorted by account, region, action, kind and purpose.
    #[must_use]
    pub fn status(&self) -> Vec<LineStatus> {
        let status = |key: LineKey<'_>, counts, budget: Option<Budget>| LineStatus {
            account: key.account.to_owned(),
            region: key.region.to_owned(),
            api: key.api,
            purpose: key.purpose,
            is_forwarded: budget.is_none(),
            counts,
            budget,
        };
        let mut lines: Vec<LineStatus> =
            lock(&self.forwarded).iter().map(|(key, line)| status(key, line.counts(), None)).collect();
        lines.extend(lock(&self.own).iter().map(|(key, line)| {
            let (counts, budget) = line.status();
            status(key, counts, Some(budget))
        }));
        lines.sort_by(|a, b| {
            let key = |line: &LineStatus| (line.api.name(), line.is_forwarded, line.purpose);
            (&a.account, &a.region).cmp(&(&b.account, &b.region)).then_with(|| key(a).cmp(&key(b)))
        });
        lines
    }

    /// Records a forwarded call; under its account only if there is such a line, or its login is admitted.
    pub(super) fn record_forwarded(
        &self,
        api: Api,
        (account, is_admitted): (&str, bool),
        region: &str,
        outcome: Outcome,
        latency: Duration,
    ) {
        let key = LineKey { account, region, api, purpose: Purpose::General };
        let nobody = LineKey { account: "", region: "", ..key };
        let mut lines = lock(&self.forwarded);
        let key = if is_admitted || lines.find(key).is_some() { key } else { nobody };
        if let Some(line) = lines.find_or_insert(key, Figures::default) {
            line.record(outcome, latency);
        }
    }
}

fn lock<T>(table: &Mutex<Table<T>>) -> MutexGuard<'_, Table<T>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(calls: &Calls) -> Vec<(String, bool, u64)> {
        let lines = calls.status().into_iter();
        lines.map(|line| (line.account, line.is_forwarded, line.counts.calls)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_of_the_world_get_no_lines_before_they_are_admitted() {
        let calls = Calls::default();
        let forwarded = |account: &str, is_admitted| {
            // Whoever is not admitted may have chosen any region.
            let region = if is_admitted || account == "1" { "" } else { account };
            let (api, of) = (Api::GetCallerIdentity, (account, is_admitted));
            calls.record_forwarded(api, of, region, Outcome::Answered, Duration::ZERO);
        };
        let own = calls.own_line("1", "", Api::GetRole);
        own.record(Outcome::Answered, tokio::time::Instant::now());
        forwarded("1", true);
        for stranger in 100..400 {
            forwarded(&stranger.to_string(), false);
        }
        forwarded("1", false);
        let line = |account: &str, is_forwarded, calls| (account.to_owned(), is_forwarded, calls);
        assert_eq!(lines(&calls), [line("", true, 300), line("1", false, 1), line("1", true, 2)]);
        // Even admitted ones do not push out what the server does itself.
        for account in 1000..9000 {
            forwarded(&account.to_string(), true);
        }
        assert_eq!(lines(&calls).len(), MAX_FORWARDED_LINES.get() + 1);
        assert!(Arc::ptr_eq(&own, &calls.own_line("1", "", Api::GetRole)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_of_one_account_region_action_and_purpose() {
        let calls = Calls::default();
        let deadline = crate::aws::deadline::Deadline::start();
        for _ in 0..50 {
            calls.own_line("1", "eu-west-1", Api::DescribeInstances).token(deadline).await.unwrap();
        }
        let start = tokio::time::Instant::now();
        for (account, region, api) in [
            ("2", "eu-west-1", Api::DescribeInstances),
            ("1", "eu-west-2", Api::DescribeInstances),
            ("1", "eu-west-1", Api::GetRole),
        ] {
            calls.own_line(account, region, api).token(deadline).await.unwrap();
        }
        for _ in 0..1000 {
            let role_writes = calls.own_line_for(Purpose::RoleWrite, "1", "eu-west-1", Api::GetUser);
            role_writes.token(deadline).await.unwrap();
        }
        calls.own_line("1", "eu-west-1", Api::GetUser).token(deadline).await.unwrap();
        assert!(start.elapsed().is_zero());
        calls.own_line("1", "eu-west-1", Api::DescribeInstances).token(deadline).await.unwrap();
        assert!(!start.elapsed().is_zero());
    }
}
