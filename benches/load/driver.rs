//! Clients that log in: so many at a time, or so many per second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::login::Logins;
use testkit::host::{Answer, Mount};
use testkit::statistics::{as_f64, median, milliseconds, percentile};

/// What of a login is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All that OpenBao asks: the path, whether an entry exists, the login, the role.
    Whole,
    /// The login call alone.
    Login,
    /// The login call alone, of a login that is refused.
    Refused,
}

impl Part {
    /// Does it once.
    pub(crate) async fn run(self, mount: &Mount, logins: &Logins, number: usize) {
        let data = logins.get(number);
        let answer = match self {
            Self::Whole => mount.login(data).await,
            Self::Login | Self::Refused => mount.request("update", "login", data).send().await,
        };
        if self == Self::Refused {
            assert!(answer.auth.is_none(), "a login should be refused: {answer:#?}");
        } else {
            must_be_admitted(&answer);
        }
    }
}

/// Panics unless the login was admitted.
pub(crate) fn must_be_admitted(answer: &Answer) {
    assert!(answer.status == 200 && answer.auth.is_some(), "a login failed: {answer:#?}");
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// Milliseconds of each login.
    pub latencies: Vec<f64>,
    /// From the first to the last.
    pub elapsed: Duration,
}

impl Run {
    /// The median of the latencies, in milliseconds.
    #[must_use]
    pub(crate) fn median(&self) -> f64 {
        median(&self.latencies)
    }

    /// The 99th percentile of the latencies, in milliseconds.
    #[must_use]
    pub(crate) fn p99(&self) -> f64 {
        percentile(&self.latencies, 99.0)
    }

    /// Logins per second.
    #[must_use]
    pub(crate) fn throughput(&self) -> f64 {
        as_f64(self.latencies.len()) / self.elapsed.as_secs_f64()
    }
}

/// So many clients, each of which logs in again as soon as it is in.
pub(crate) async fn closed_loop(
    mount: &Mount,
    logins: &Logins,
    part: Part,
    clients: usize,
    count: usize,
) -> Run {
    closed_loop_over(std::slice::from_ref(mount), logins, part, clients, count).await
}

/// The same over several mounts, one after the other.
pub(crate) async fn closed_loop_over(
    mounts: &[Mount],
    logins: &Logins,
    part: Part,
    clients: usize,
    count: usize,
) -> Run {
    let mounts: Arc<[Mount]> = mounts.into();
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (mounts, logins, next) = (Arc::clone(&mounts), logins.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut latencies = Vec::with_capacity(count / clients + 1);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return latencies;
                }
                let begun = Instant::now();
                part.run(&mounts[number % mounts.len()], &logins, number).await;
                latencies.push(milliseconds(begun.elapsed()));
            }
        });
    }
    let latencies = tasks.join_all().await.concat();
    Run { latencies, elapsed: begun.elapsed() }
}

/// Logins that begin at random times, so many per second on average, whether or not earlier ones have
/// ended. The latency counts from when a login should have begun: one that could not be sent in time
/// has waited too.
///
/// `login` does the login of a number, and says whether its latency counts.
pub(crate) async fn open_loop<F, L>(rate: f64, count: usize, login: F) -> Run
where
    F: Fn(usize) -> L + Send + 'static,
    L: Future<Output = bool> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let runtime = Handle::current();
    let begun = Instant::now();
    // A thread of its own, because timers of the runtime go by milliseconds.
    let clock = std::thread::spawn(move || {
        let mut intended = begun;
        let mut random = Random::new();
        for number in 0..count {
            intended += Duration::from_secs_f64(-random.unit().ln() / rate);
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            let (login, sender) = (login(number), sender.clone());
            runtime.spawn(async move {
                let counts = login.await;
                // The other end waits for all of them.
                let _ = sender.send(counts.then(|| milliseconds(intended.elapsed())));
            });
        }
    });
    let mut ended = Vec::with_capacity(count);
    while let Some(latency) = receiver.recv().await {
        ended.push(latency);
    }
    clock.join().expect("the clock ran to its end");
    assert_eq!(ended.len(), count, "a login failed");
    Run { latencies: ended.into_iter().flatten().collect(), elapsed: begun.elapsed() }
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    /// From the beginning.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// Above 0, at most 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}
