//! What happened under each fault.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Attacks that must never succeed, whatever fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// A principal that no role binds.
    Unbound,
    /// A request that was signed for another server, or for none.
    OtherServer,
    /// A secret key that is not that of the access key.
    WrongSecret,
    /// Somebody else's login, sent to a mount with another server id.
    OtherMount,
    /// Somebody else's login, sent for a role that does not bind her.
    OtherRole,
}

impl Attack {
    pub(super) const ALL: [Self; 5] =
        [Self::Unbound, Self::OtherServer, Self::WrongSecret, Self::OtherMount, Self::OtherRole];
}

/// The first row of the table; the others follow its order.
const HEADS: &str = "| Fault | Rounds | Seconds | Logins | Failed tries | Slowest, s | Logins given up | Attacks \
                     | Wrong admissions | Replays | Replays accepted | Writes | Writes lost |";

/// The counts of one fault.
#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) fault: String,
    pub(super) rounds: u32,
    pub(super) time: Duration,
    /// Honest logins that gave a token in the end.
    pub(super) logins: u64,
    /// Tries of them that did not.
    pub(super) tries: u64,
    /// The longest that one took, all its tries together.
    pub(super) slowest: Duration,
    /// Honest logins that were given up.
    pub(super) failed: u64,
    pub(super) attacks: u64,
    pub(super) wrong_admissions: u64,
    /// Used requests that were sent again.
    pub(super) replays: u64,
    pub(super) replays_accepted: u64,
    /// Writes that were acknowledged.
    pub(super) writes: u64,
    pub(super) lost_writes: u64,
}

/// The counts of all faults, the current one last, and what waits look at.
pub(super) struct Board(Mutex<Inner>);

struct Inner {
    rows: Vec<Row>,
    current: usize,
    /// Of each honest client, when the login began that succeeded last.
    succeeded: Vec<Option<Instant>>,
    /// Of each honest client, when the try began that failed last.
    refused: Vec<Option<Instant>>,
    /// Of each attack, when the last one began that was answered with a refusal.
    repelled: [Option<Instant>; Attack::ALL.len()],
    /// What must not happen and did.
    accidents: Vec<String>,
}

impl Board {
    /// For so many honest clients.
    pub(super) fn new(clients: usize) -> Self {
        Self(Mutex::new(Inner {
            rows: vec![Row::default()],
            current: 0,
            succeeded: vec![None; clients],
            refused: vec![None; clients],
            repelled: [None; Attack::ALL.len()],
            accidents: Vec::new(),
        }))
    }

    /// From now on everything is counted under this fault.
    pub(super) fn enter(&self, fault: &str) {
        let mut inner = self.0.lock().unwrap();
        let known = inner.rows.iter().position(|row| row.fault == fault);
        inner.current = known.unwrap_or(inner.rows.len());
        if known.is_none() {
            inner.rows.push(Row { fault: fault.to_owned(), ..Row::default() });
        }
    }

    /// Changes the row of the current fault.
    pub(super) fn count(&self, change: impl FnOnce(&mut Row)) {
        let mut inner = self.0.lock().unwrap();
        let current = inner.current;
        change(&mut inner.rows[current]);
    }

    pub(super) fn accident(&self, what: String) {
        self.0.lock().unwrap().accidents.push(what);
    }

    pub(super) fn succeeded(&self, client: usize, begun: Instant) {
        self.0.lock().unwrap().succeeded[client] = Some(begun);
    }

    pub(super) fn refused(&self, client: usize, begun: Instant) {
        self.0.lock().unwrap().refused[client] = Some(begun);
    }

    pub(super) fn repelled(&self, attack: Attack, begun: Instant) {
        self.0.lock().unwrap().repelled[attack as usize] = Some(begun);
    }

    /// Whether each client has succeeded with a login begun after that.
    pub(super) fn all_succeeded_since(&self, time: Instant) -> bool {
        self.0.lock().unwrap().succeeded.iter().all(|begun| begun.is_some_and(|begun| begun >= time))
    }

    /// Whether each client has failed with a try begun after that.
    pub(super) fn all_refused_since(&self, time: Instant) -> bool {
        self.0.lock().unwrap().refused.iter().all(|begun| begun.is_some_and(|begun| begun >= time))
    }

    /// Whether each attack that was begun after that has been refused once.
    pub(super) fn all_repelled_since(&self, time: Instant) -> bool {
        self.0.lock().unwrap().repelled.iter().all(|begun| begun.is_some_and(|begun| begun >= time))
    }

    /// All rows added up.
    pub(super) fn total(&self) -> Row {
        let inner = self.0.lock().unwrap();
        inner.rows.iter().fold(Row { fault: "all".to_owned(), ..Row::default() }, |sum, row| Row {
            fault: sum.fault,
            rounds: sum.rounds + row.rounds,
            time: sum.time + row.time,
            logins: sum.logins + row.logins,
            tries: sum.tries + row.tries,
            slowest: sum.slowest.max(row.slowest),
            failed: sum.failed + row.failed,
            attacks: sum.attacks + row.attacks,
            wrong_admissions: sum.wrong_admissions + row.wrong_admissions,
            replays: sum.replays + row.replays,
            replays_accepted: sum.replays_accepted + row.replays_accepted,
            writes: sum.writes + row.writes,
            lost_writes: sum.lost_writes + row.lost_writes,
        })
    }

    pub(super) fn accidents(&self) -> Vec<String> {
        self.0.lock().unwrap().accidents.clone()
    }

    /// The rows for people, in the form of Markdown.
    pub(super) fn table(&self) -> String {
        let mut rows: Vec<Row> =
            self.0.lock().unwrap().rows.iter().filter(|row| row.rounds > 0).cloned().collect();
        rows.push(self.total());
        let mut text = format!("{HEADS}\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        for row in rows {
            writeln!(
                text,
                "| {} | {} | {:.0} | {} | {} | {:.1} | {} | {} | {} | {} | {} | {} | {} |",
                row.fault,
                row.rounds,
                row.time.as_secs_f64(),
                row.logins,
                row.tries,
                row.slowest.as_secs_f64(),
                row.failed,
                row.attacks,
                row.wrong_admissions,
                row.replays,
                row.replays_accepted,
                row.writes,
                row.lost_writes,
            )
            .unwrap();
        }
        text
    }
}
