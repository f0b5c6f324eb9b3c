//! Those who attack.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::plan::{Form, Pace, Plan};
use testkit::statistics::as_f64;

/// From the first attack to the first honest login.
pub(super) const HEAD_START: Duration = Duration::from_secs(2);

/// An attack that goes on.
pub(super) struct Strangers {
    tasks: JoinSet<()>,
    begun: Instant,
    sent: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
}

/// How much strangers did, per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Logins that they sent.
    pub sent: f64,
    /// Those of them that had an answer.
    pub answered: f64,
}

impl Strangers {
    /// Begins.
    pub(super) async fn begin(plan: Plan, form: Form) -> Self {
        let pace = plan.pace(form);
        let Plan { mount, logins, .. } = plan;
        let logins = Arc::new(logins);
        let (sent, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let begun = Instant::now();
        let send = {
            let (logins, sent, answered) = (Arc::clone(&logins), Arc::clone(&sent), Arc::clone(&answered));
            move |number: usize| {
                let (mount, logins) = (mount.clone(), Arc::clone(&logins));
                let (sent, answered) = (Arc::clone(&sent), Arc::clone(&answered));
                async move {
                    sent.fetch_add(1, Ordering::Relaxed);
                    // Good or bad: it is of no use to them.
                    let _ = mount.login_only(&logins[number % logins.len()]).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let mut tasks = JoinSet::new();
        match pace {
            Pace::Once => {
                for number in 0..logins.len() {
                    tasks.spawn(send(number));
                }
            }
            Pace::Clients(clients) => {
                let next = Arc::new(AtomicUsize::new(0));
                for _ in 0..clients {
                    let (send, next) = (send.clone(), Arc::clone(&next));
                    tasks.spawn(async move {
                        loop {
                            send(next.fetch_add(1, Ordering::Relaxed)).await;
                        }
                    });
                }
            }
            Pace::PerSecond(rate) => {
                tasks.spawn(async move {
                    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
                    // These end with the task that sends them.
                    let mut sent = JoinSet::new();
                    for number in 0.. {
                        clock.tick().await;
                        sent.spawn(send(number));
                        while sent.try_join_next().is_some() {}
                    }
                });
            }
        }
        tokio::time::sleep(HEAD_START).await;
        Self { tasks, begun, sent, answered }
    }

    /// Ends; how much they did.
    pub(super) async fn end(mut self) -> Rates {
        let per_second =
            |count: &AtomicUsize| as_f64(count.load(Ordering::Relaxed)) / self.begun.elapsed().as_secs_f64();
        let rates = Rates { sent: per_second(&self.sent), answered: per_second(&self.answered) };
        self.tasks.shutdown().await;
        rates
    }
}
