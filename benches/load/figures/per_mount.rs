//! Memory of a further mount in the same process.

use std::path::Path;

use crate::Bench;
use crate::driver::{Part, closed_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::subject::{ROLE, Subject};
use testkit::statistics::as_f64;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("rss_per_mount", "Memory of each further mount, after a login", "KiB", Aim::AtMost(64.0)),
    Figure::information("rss_many_mounts", "Resident memory with all of them", "MiB"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let subject = Subject::open(bench, binary).await;
    let logins = Logins::of_role(ROLE);
    subject.warm_up(&logins, 1).await;
    let one = subject.memory().resident;
    let mut mounts = Vec::new();
    for number in 0..bench.options.mounts {
        let mount = subject.further_mount(bench, &format!("aws-{number}")).await;
        closed_loop(&mount, &logins, Part::Whole, 1, 1).await;
        mounts.push(mount);
    }
    let all = subject.memory().resident;
    vec![(all - one) / as_f64(mounts.len()), all / 1024.0]
}
