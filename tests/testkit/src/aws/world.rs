//! Everything about the stand-in that tests set and connections read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use time::OffsetDateTime;
use tokio::sync::watch;

use super::calls::{Log, Outcome};
use super::fault::{Faults, Gate};
use super::inventory::Inventory;
use super::verify::Ambiguity;

/// What tests and connections share.
pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) changes: watch::Sender<u64>,
}

/// Everything that can be set and read.
#[derive(Default)]
pub(super) struct World {
    pub(super) inventory: Inventory,
    pub(super) log: Log,
    pub(super) faults: Faults,
    pub(super) held_tunnels: Vec<(String, Gate)>,
    /// What is published, by host and path.
    pub(super) documents: BTreeMap<String, String>,
    pub(super) clock: Clock,
    pub(super) ambiguity: Ambiguity,
    pub(super) answers: u64,
}

pub(super) enum Clock {
    Offset(time::Duration),
    Fixed(OffsetDateTime),
}

impl Default for Clock {
    fn default() -> Self {
        Self::Offset(time::Duration::ZERO)
    }
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { world: Mutex::default(), changes: watch::Sender::new(0) }
    }

    /// Wakes who waits for calls.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panics while it holds the lock")
    }

    /// Notes what became of a call.
    pub(super) fn finish(&self, number: usize, outcome: Outcome) {
        self.world().log.finish(number, outcome);
        self.changed();
    }

    /// Waits until a tunnel to `host:port` may be opened.
    pub(super) async fn tunnel_allowed(&self, target: &str) {
        let held = |(host, gate): &(String, Gate)| (host == target).then(|| gate.clone());
        let gates: Vec<Gate> = self.world().held_tunnels.iter().filter_map(held).collect();
        for gate in gates {
            gate.opened().await;
        }
    }

    /// Notes a request that could not be read.
    pub(super) fn malformed(&self, reason: String) {
        self.world().log.malformed.push(reason);
        self.changed();
    }
}

impl World {
    pub(super) fn now(&self) -> OffsetDateTime {
        match self.clock {
            Clock::Offset(offset) => OffsetDateTime::now_utc() + offset,
            Clock::Fixed(time) => time,
        }
    }
}
