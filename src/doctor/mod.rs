//! The doctor: live probes of everything that a login of the mount depends on.
//!
//! It changes nothing: no entry is written, no key made, and no login is served from what it learns. One run of a
//! mount goes on at a time; who asks meanwhile gets its result.

mod accounts;
mod clock;
mod configuration;
mod credentials;
mod host;
mod issuer;
mod network;
mod organizations;
mod permissions;
mod roles;
mod rotation;
mod round;
mod side_by_side;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use self::round::Round;
use crate::mount::Mount;
use crate::mount::doctor_report::{DoctorReport, Probe, Wishes};

/// How long each probe may take unless the operator says it.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(5);
/// The longest that an operator may give a probe.
pub const MAX_LIMIT: Duration = Duration::from_secs(30);
/// How long a run may take in all: hosts give a request 90 seconds. What has not begun by then is skipped.
const MAX_TOTAL: Duration = Duration::from_secs(60);

/// The probes of a group: those that are wanted, in their order.
type Probes<'a> = Pin<Box<dyn Future<Output = Vec<Probe>> + Send + 'a>>;

/// A group of probes, which asks what it needs by itself.
struct Group {
    /// What the names of its probes begin with.
    names: &'static [&'static str],
    run: for<'a> fn(&'a Round) -> Probes<'a>,
}

/// All probes, the cheap ones first. A further probe is a row here and a file beside this one.
const GROUPS: &[Group] = &[
    Group { names: &["config"], run: |round| Box::pin(configuration::probes(round)) },
    Group { names: &["host"], run: |round| Box::pin(host::probes(round)) },
    Group { names: &["dns", "connect"], run: |round| Box::pin(network::probes(round)) },
    Group { names: &["clock"], run: |round| Box::pin(clock::probes(round)) },
    Group { names: &["credentials"], run: |round| Box::pin(credentials::probes(round)) },
    Group { names: &["account"], run: |round| Box::pin(accounts::probes(round)) },
    Group { names: &["permission"], run: |round| Box::pin(permissions::probes(round)) },
    Group { names: &["issuer"], run: |round| Box::pin(issuer::probes(round)) },
    Group { names: &["rotate_root"], run: |round| Box::pin(rotation::probes(round)) },
];

/// What the names of probes begin with.
pub fn group_names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.names.iter().copied())
}

/// Runs the probes that are wanted, or waits for the run that is under way: then the report tells other wishes.
pub async fn examine(mount: &Mount, wishes: Wishes) -> Option<Arc<DoctorReport>> {
    let mount_of_run = mount.this()?;
    let run = async move {
        let round = Round::start(mount_of_run, wishes, MAX_TOTAL);
        let mut probes = Vec::new();
        for group in GROUPS {
            if group.names.iter().any(|name| round.wishes().include_some_of(name)) {
                probes.extend((group.run)(&round).await);
            }
        }
        Arc::new(DoctorReport { wishes: round.wishes().clone(), probes })
    };
    Some(mount.doctor_runs().run((), run).await)
}
