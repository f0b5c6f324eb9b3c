//! Those who attack.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::plan::{Pace, Plan};

/// From the first attack to the first honest login.
const HEAD_START: Duration = Duration::from_secs(2);

/// An attack that goes on.
pub(super) struct Strangers {
    tasks: JoinSet<()>,
    answered: Arc<AtomicUsize>,
}

impl Strangers {
    /// Begins.
    pub(super) async fn begin(plan: Plan) -> Self {
        let Plan { mount, logins, pace } = plan;
        let logins = Arc::new(logins);
        let answered = Arc::new(AtomicUsize::new(0));
        let send = {
            let (logins, answered) = (Arc::clone(&logins), Arc::clone(&answered));
            move |number: usize| {
                let (mount, logins, answered) = (mount.clone(), Arc::clone(&logins), Arc::clone(&answered));
                async move {
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
        Self { tasks, answered }
    }

    /// Ends; how many of the logins had an answer.
    pub(super) async fn end(mut self) -> usize {
        self.tasks.shutdown().await;
        self.answered.load(Ordering::Relaxed)
    }
}
