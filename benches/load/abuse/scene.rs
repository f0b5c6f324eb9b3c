//! A mount with honest clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::strangers::{HEAD_START, Rates};
use crate::driver::open_loop;
use crate::process::CpuTime;
use testkit::aws::Instance;
use testkit::host::Launch;
use testkit::stage::Stage;
use testkit::statistics::{as_f64, median, percentile};

/// Honest logins per second that are not looked up.
const RATE: f64 = 10.0;
/// So many more are looked up: more than EC2 is asked for one by one.
const INFERRED: usize = 3;
/// Honest logins that are not looked up; a quick run has fewer.
const LOGINS: usize = 80;
const QUICK_LOGINS: usize = 10;
/// Different ones of each kind.
const DIFFERENT: usize = 256;
/// A login that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(30);
/// The role of honest logins of instances, and of the strangers that pose as some.
pub(super) const FLEET: &str = "fleet";
const PLAIN: &str = "plain";

/// A mount that is attacked.
pub(super) struct Scene {
    /// Its AWS and its host.
    pub stage: Stage,
    /// The role at AWS whose sessions instances have.
    pub fleet: testkit::aws::Role,
    /// Whether it is a quick run.
    pub quick: bool,
    plain: Arc<Vec<Value>>,
    inferred: Arc<Vec<Value>>,
}

/// Latencies of one kind of login, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// Logins that were refused or took too long.
    pub refused: usize,
    /// All logins.
    pub count: usize,
}

/// What honest clients saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Honest {
    /// Logins that are not looked up.
    pub plain: Latency,
    /// Logins of instances that are looked up in EC2.
    pub inferred: Latency,
    /// Calls of DescribeInstances meanwhile.
    pub describe_calls: f64,
    /// Cores that the plugin used meanwhile.
    pub cores: f64,
    /// What strangers did meanwhile; `None` without any.
    pub strangers: Option<Rates>,
}

impl Latency {
    /// The medians of several rounds, and what they had together.
    fn of_rounds(rounds: &[Self]) -> Self {
        let median_of = |of: fn(&Self) -> f64| median(&rounds.iter().map(of).collect::<Vec<_>>());
        Self {
            p50: median_of(|round| round.p50),
            p95: median_of(|round| round.p95),
            refused: rounds.iter().map(|round| round.refused).sum(),
            count: rounds.iter().map(|round| round.count).sum(),
        }
    }
}

impl Honest {
    /// The medians of several rounds; logins are counted over all of them.
    #[must_use]
    pub(super) fn of_rounds(rounds: &[Self]) -> Self {
        let latency =
            |of: fn(&Self) -> Latency| Latency::of_rounds(&rounds.iter().map(of).collect::<Vec<_>>());
        let median_of = |of: &dyn Fn(&Self) -> f64| median(&rounds.iter().map(of).collect::<Vec<_>>());
        let strangers = rounds.iter().all(|round| round.strangers.is_some()).then(|| {
            let rate = |of: fn(Rates) -> f64| median_of(&|round| round.strangers.map_or(0.0, of));
            Rates { sent: rate(|rates| rates.sent), answered: rate(|rates| rates.answered) }
        });
        Self {
            plain: latency(|round| round.plain),
            inferred: latency(|round| round.inferred),
            describe_calls: median_of(&|round| round.describe_calls),
            cores: median_of(&|round| round.cores),
            strangers,
        }
    }

    /// Logins that were refused or took too long.
    #[must_use]
    pub(crate) fn refused(&self) -> usize {
        self.plain.refused + self.inferred.refused
    }

    /// All logins.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.plain.count + self.inferred.count
    }

    /// For the JSON file.
    #[must_use]
    pub(super) fn json(&self) -> Value {
        let latency = |latency: Latency| {
            json!({
                "p50_ms": latency.p50,
                "p95_ms": latency.p95,
                "refused": latency.refused,
                "count": latency.count,
            })
        };
        json!({
            "plain": latency(self.plain),
            "inferred": latency(self.inferred),
            "describe_calls": self.describe_calls,
            "cores": self.cores,
            "strangers_sent_per_second": self.strangers.map(|rates| rates.sent),
            "strangers_answered_per_second": self.strangers.map(|rates| rates.answered),
        })
    }
}

impl Scene {
    /// A scene on a plugin that is started so.
    pub(super) async fn on(launch: Launch, quick: bool) -> Self {
        let stage = Stage::on(launch).await;
        let aws = &stage.aws;
        aws.keep_counters_only();
        // A name, which has to be looked up for every connection.
        let url = aws.url().replace("127.0.0.1", "localhost");
        stage.write_config(&json!({"sts_endpoint": url})).await;
        let alice = aws.create_user("alice");
        stage.role_for(PLAIN, &alice.arn).await;
        let fields = json!({
            "auth_type": "iam",
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": "us-east-1",
            "bound_ami_id": "ami-0abcdef1234567890",
        });
        stage.role(FLEET, fields).await;
        let fleet = aws.create_role("fleet");
        let plain = (0..DIFFERENT).map(|_| stage.login_data(&alice.credentials, PLAIN)).collect();
        let inferred = (0..DIFFERENT).map(|number| {
            let id = format!("i-{number:017x}");
            aws.run_instance(Instance::with_id(&id));
            stage.login_data(&aws.session(&fleet, &id).credentials, FLEET)
        });
        let inferred = Arc::new(inferred.collect());
        Self { fleet, quick, plain: Arc::new(plain), inferred, stage }
    }

    /// Lets honest clients log in until connections are open.
    pub(super) async fn warm_up(&self) {
        self.logins(QUICK_LOGINS).await;
    }

    /// What honest clients see.
    pub(super) async fn honest(&self) -> Honest {
        self.logins(self.count()).await
    }

    /// For about how many seconds strangers are there.
    pub(super) fn seconds(&self) -> f64 {
        HEAD_START.as_secs_f64() + as_f64(self.count()) / RATE
    }

    fn count(&self) -> usize {
        if self.quick { QUICK_LOGINS } else { LOGINS }
    }

    async fn logins(&self, count: usize) -> Honest {
        self.stage.aws.clear_calls();
        let pid = self.stage.host.pid();
        let (begun, cpu) = (Instant::now(), CpuTime::of(pid));
        let (plain, inferred) = tokio::join!(
            self.of(&self.plain, RATE, count),
            self.of(&self.inferred, RATE * as_f64(INFERRED), count * INFERRED)
        );
        Honest {
            plain,
            inferred,
            describe_calls: as_f64(self.stage.aws.call_count("DescribeInstances")),
            cores: CpuTime::of(pid).since(cpu).as_secs_f64() / begun.elapsed().as_secs_f64(),
            strangers: None,
        }
    }

    async fn of(&self, logins: &Arc<Vec<Value>>, rate: f64, count: usize) -> Latency {
        let refused = Arc::new(AtomicUsize::new(0));
        let (mount, logins, failed) = (self.stage.mount.clone(), Arc::clone(logins), Arc::clone(&refused));
        let run = open_loop(rate, count, move |number| {
            let (mount, login) = (mount.clone(), logins[number % logins.len()].clone());
            let failed = Arc::clone(&failed);
            async move {
                let answer = tokio::time::timeout(LIMIT, mount.login(&login)).await;
                if !answer.is_ok_and(|answer| answer.status == 200 && answer.auth.is_some()) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                true
            }
        })
        .await;
        Latency {
            p50: median(&run.latencies),
            p95: percentile(&run.latencies, 95.0),
            refused: refused.load(Ordering::Relaxed),
            count,
        }
    }

    /// Most of something, or a tenth of it in a quick run.
    #[must_use]
    pub(super) fn scaled(&self, count: usize) -> usize {
        if self.quick { count.div_ceil(10) } else { count }
    }
}
