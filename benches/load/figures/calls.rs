//! How often a login asks STS and storage.

use std::path::Path;

use crate::Bench;
use crate::driver::{Part, closed_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::statistics::as_f64;
use crate::subject::{ROLE, Subject};
use crate::support::host::MemoryStorage;

/// Logins of which the calls are counted.
const LOGINS: usize = 200;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("sts_calls", "STS calls per login with a named role", "", Aim::Exactly(1.0)).recorded(2.0),
    Figure::information("sts_connections", "Connections to STS opened by 200 logins of 4 clients", ""),
    Figure::aimed("storage_calls_iam", "Storage calls per iam login", "", Aim::Exactly(0.0)),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let subject = Subject::open(bench, binary).await;
    let logins = Logins::of_role(ROLE);
    subject.warm_up(&logins, 4).await;
    let (calls, connections) = (bench.sts.calls(), bench.sts.connections());
    subject.mount.storage().reset_counts();
    closed_loop(&subject.mount, &logins, Part::Whole, 4, LOGINS).await;
    vec![
        as_f64(bench.sts.calls() - calls) / as_f64(LOGINS),
        as_f64(bench.sts.connections() - connections),
        storage_calls(subject.mount.storage()) / as_f64(LOGINS),
    ]
}

/// All calls to a storage.
fn storage_calls(storage: &MemoryStorage) -> f64 {
    let counts = storage.counts();
    let calls = counts.lists + counts.gets + counts.puts + counts.deletes;
    as_f64(usize::try_from(calls).expect("a count"))
}
