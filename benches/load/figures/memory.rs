//! Resident memory of a process with one mount.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::Bench;
use crate::driver::{Part, closed_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::options::Options;
use crate::process::{Memory, forget_file, forget_peak};
use crate::subject::{ROLE, Subject};
use testkit::aws::{Aws, Fault, Target, Times};

const KIB_PER_MIB: f64 = 1024.0;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("rss_idle", "Resident memory, one mount, before any login", "MiB", Aim::OfRecorded(0.30))
        .recorded(28.0),
    Figure::information("rss_idle_anonymous", "… anonymous part", "MiB"),
    Figure::aimed("rss_loaded", "Resident memory after 10,000 logins", "MiB", Aim::OfRecorded(0.28))
        .recorded(35.0),
    Figure::information("rss_loaded_anonymous", "… anonymous part", "MiB"),
    Figure::aimed(
        "rss_hanging_peak",
        "Highest while 1,500 logins of 393 KB wait for STS",
        "MiB",
        Aim::AtMost(200.0),
    ),
    Figure::aimed("rss_hanging_left", "… more than before, ten seconds after", "MiB", Aim::AtMost(5.0)),
];

/// Logins at the same time while STS does not answer.
const HANGING: usize = 1_500;
/// What each of them carries besides, in bytes.
const CARRIED: usize = 391_000;

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    forget_file(binary);
    let subject = Subject::open(bench, binary).await;
    let idle = subject.memory();
    let logins = Logins::of_role(ROLE);
    let options = &bench.options;
    closed_loop(&subject.mount, &logins, Part::Whole, options.clients, options.logins_of_memory()).await;
    let loaded = subject.memory();
    let (peak, left) = hanging(&subject, options).await;
    [idle.resident, idle.anonymous, loaded.resident, loaded.anonymous, peak, left]
        .map(|kib| kib / KIB_PER_MIB)
        .to_vec()
}

/// The highest resident memory while logins wait for an STS that does not answer, and what of it is left
/// later than before, in KiB.
async fn hanging(subject: &Subject, options: &Options) -> (f64, f64) {
    let aws = Aws::start().await;
    aws.fault(Target::all(), Times::Always, Fault::Hang);
    subject.mount.write("config/client", &json!({"sts_endpoint": aws.url()})).await.expect(204);
    let mut login = Logins::of_role(ROLE).get(0).clone();
    login["carried"] = json!("x".repeat(CARRIED));
    let before = subject.memory();
    forget_peak(subject.host.pid());
    let count = if options.quick { HANGING / 10 } else { HANGING };
    join_all((0..count).map(|_| subject.mount.request("update", "login", &login).send())).await;
    let peak = Memory::peak(subject.host.pid());
    tokio::time::sleep(Duration::from_secs(10)).await;
    (peak, subject.memory().resident - before.resident)
}
