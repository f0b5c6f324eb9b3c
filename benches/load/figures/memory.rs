//! Resident memory of a process with one mount.

use std::path::Path;

use crate::Bench;
use crate::driver::{Part, closed_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::process::forget_file;
use crate::subject::{ROLE, Subject};

const KIB_PER_MIB: f64 = 1024.0;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("rss_idle", "Resident memory, one mount, before any login", "MiB", Aim::OfRecorded(0.30))
        .recorded(28.0),
    Figure::information("rss_idle_anonymous", "… anonymous part", "MiB"),
    Figure::aimed("rss_loaded", "Resident memory after 10,000 logins", "MiB", Aim::OfRecorded(0.28))
        .recorded(35.0),
    Figure::information("rss_loaded_anonymous", "… anonymous part", "MiB"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    forget_file(binary);
    let subject = Subject::open(bench, binary).await;
    let idle = subject.memory();
    let logins = Logins::of_role(ROLE);
    let options = &bench.options;
    closed_loop(&subject.mount, &logins, Part::Whole, options.clients, options.logins_of_memory()).await;
    let loaded = subject.memory();
    [idle.resident, idle.anonymous, loaded.resident, loaded.anonymous].map(|kib| kib / KIB_PER_MIB).to_vec()
}
