//! How long a login takes, beyond the answer of STS.

use std::path::Path;

use crate::Bench;
use crate::driver::{Part, closed_loop, open_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::process::CpuTime;
use crate::sts::Sts;
use crate::subject::{ROLE, Subject};
use testkit::statistics::median;

/// Clients that saturate what is there.
const SATURATING: usize = 32;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed(
        "added_login_call",
        "Added to the answer of STS, login call, median",
        "ms",
        Aim::Below(0.5),
    ),
    Figure::aimed("added_login", "Added to the answer of STS, whole login, median", "ms", Aim::Below(0.5)),
    Figure::information("sts_answer", "Answer of STS, median", "ms"),
    Figure::information("added_login_plain", "Added by a whole login, STS without TLS, median", "ms"),
    Figure::information("saturation", "Saturating load", "logins/s"),
    Figure::aimed("p99_half_load", "Latency at half of that, p99", "ms", Aim::Below(5.0)),
    Figure::information("median_half_load", "… median", "ms"),
    Figure::information("cores_half_load", "… cores used by plugin, driver and STS", ""),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let subject = Subject::open(bench, binary).await;
    let [call, whole, sts] = on_one_thread(one_client(bench, &subject, &bench.sts));
    let subject = Subject::without_tls(bench, binary).await;
    let [_, whole_plain, sts_plain] = on_one_thread(one_client(bench, &subject, &bench.plain_sts));
    let subject = Subject::open(bench, binary).await;
    let logins = Logins::of_role(ROLE);
    let (mount, count) = (&subject.mount, bench.options.logins);
    subject.warm_up(&logins, SATURATING).await;
    let saturation = closed_loop(mount, &logins, Part::Whole, SATURATING, 2 * count).await.throughput();
    let mount = mount.clone();
    let processes = [subject.host.pid(), std::process::id()];
    let begun = processes.map(CpuTime::of);
    let half = open_loop(saturation / 2.0, 2 * count, move |number| {
        let (mount, logins) = (mount.clone(), logins.clone());
        async move {
            Part::Whole.run(&mount, &logins, number).await;
            true
        }
    })
    .await;
    let cpu = |(pid, begun): (u32, CpuTime)| CpuTime::of(pid).since(begun).as_secs_f64();
    let cores = processes.into_iter().zip(begun).map(cpu).sum::<f64>() / half.elapsed.as_secs_f64();
    vec![call - sts, whole - sts, sts, whole_plain - sts_plain, saturation, half.p99(), half.median(), cores]
}

/// Medians of the login call, of the whole login, and of the answer of STS.
async fn one_client(bench: &Bench, subject: &Subject, sts: &Sts) -> [f64; 3] {
    let logins = Logins::of_role(ROLE);
    let (mount, count) = (&subject.mount, bench.options.logins);
    subject.warm_up(&logins, 1).await;
    let _ = sts.take_times();
    let call = closed_loop(mount, &logins, Part::Login, 1, count).await.median();
    let whole = closed_loop(mount, &logins, Part::Whole, 1, count).await.median();
    [call, whole, median(&sts.take_times())]
}

/// Runs a driver of a single thread: the time that threads of a driver take to wake each other is not
/// the plugin's.
fn on_one_thread<T: Send>(drive: impl Future<Output = T> + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(drive)
    };
    std::thread::scope(|scope| scope.spawn(run).join()).expect("a driver that ends")
}
