//! Ten accounts in ten regions, in one of which EC2 cannot be reached: new connections hang, and so
//! do the answers on those that were open. The others must not feel it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Bench;
use crate::driver::{must_be_admitted, open_loop};
use crate::figure::{Aim, Figure};
use testkit::aws::{Aws, Entity, Fault, Gate, Instance, LoginOptions, Target, Times, sign_login};
use testkit::host::{Launch, Mount};
use testkit::stage::Stage;
use testkit::statistics::{as_f64, median, median_ratio};

/// Where the accounts are, one in each region.
const REGIONS: [&str; 10] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-central-1",
    "ap-south-1",
    "ap-northeast-1",
    "sa-east-1",
];
/// The one that dies.
const DEAD: usize = 9;
/// Instances of an account.
const INSTANCES: usize = 4;
/// Logins per second, of all accounts together: about a tenth of what two cores can do.
const RATE: f64 = 100.0;
/// Seconds of a turn.
const SECONDS: f64 = 10.0;
const QUICK_SECONDS: f64 = 1.0;
/// Pairs of turns in a round.
const PAIRS: usize = 3;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed(
        "dead_account_p99",
        "One dead account of ten: p99 of the others, to alive",
        "",
        Aim::AtMost(1.10),
    ),
    Figure::information("dead_account_median", "… median of the others, to alive", ""),
    Figure::information("dead_account_p99_ms", "… p99 of the others", "ms"),
    Figure::information("alive_account_p99_ms", "… p99 when all are alive", "ms"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let scene = Scene::open(bench.options.launch(binary)).await;
    let seconds = if bench.options.quick { QUICK_SECONDS } else { SECONDS };
    let pairs = if bench.options.quick { 1 } else { PAIRS };
    scene.turn(seconds.min(3.0), false).await;
    // Median and 99th percentile of the turns: alive, dead.
    let mut medians = [Vec::new(), Vec::new()];
    let mut p99s = [Vec::new(), Vec::new()];
    for pair in 0..pairs {
        let order = if pair % 2 == 0 { [false, true] } else { [true, false] };
        for dead in order {
            let run = scene.turn(seconds, dead).await;
            medians[usize::from(dead)].push(run.median());
            p99s[usize::from(dead)].push(run.p99());
        }
    }
    vec![
        median_ratio(&p99s[1], &p99s[0]),
        median_ratio(&medians[1], &medians[0]),
        median(&p99s[1]),
        median(&p99s[0]),
    ]
}

/// A mount that reaches every account by a role there, through the proxy behind which AWS is.
struct Scene {
    stage: Stage,
    /// Logins of each account.
    logins: Arc<Vec<Vec<Value>>>,
}

impl Scene {
    async fn open(launch: Launch) -> Self {
        let stage = Stage::behind_proxy(launch).await;
        stage.aws.keep_counters_only();
        stage.write_config(&stage.keys()).await;
        let mut logins = Vec::new();
        for (number, region) in REGIONS.into_iter().enumerate() {
            logins.push(account(&stage.aws, &stage.mount, number, region).await);
        }
        Self { stage, logins: Arc::new(logins) }
    }

    /// Logins of all accounts for some seconds; the latencies of those that do not die.
    async fn turn(&self, seconds: f64, dead: bool) -> crate::driver::Run {
        let gate = Gate::new();
        if dead {
            let region = REGIONS[DEAD];
            self.stage.aws.hold_tunnels(&format!("ec2.{region}.amazonaws.com"), gate.clone());
            let target = Target::from("DescribeInstances").region(region);
            self.stage.aws.fault(target, Times::Always, Fault::Hold(gate.clone()));
        }
        let hanging = Arc::new(Mutex::new(JoinSet::new()));
        let (mount, logins, waiting) =
            (self.stage.mount.clone(), Arc::clone(&self.logins), Arc::clone(&hanging));
        let run = open_loop(RATE, count(seconds), move |number| {
            let account = number % REGIONS.len();
            let of_account = &logins[account];
            let login = of_account[number / REGIONS.len() % of_account.len()].clone();
            let (mount, waiting) = (mount.clone(), Arc::clone(&waiting));
            async move {
                if account == DEAD {
                    waiting.lock().unwrap().spawn(async move { mount.login(&login).await });
                    return false;
                }
                must_be_admitted(&mount.login(&login).await);
                true
            }
        })
        .await;
        gate.open();
        self.stage.aws.clear_faults();
        // They get an answer now, good or bad; the next turn is to begin without them.
        let mut hanging = std::mem::take(&mut *hanging.lock().unwrap());
        while hanging.join_next().await.is_some() {}
        run
    }
}

/// Sets up an account: the role by which it is reached, its instances and their logins.
async fn account(aws: &Aws, mount: &Mount, number: usize, region: &str) -> Vec<Value> {
    let id = format!("{:012}", 200_000_000_000 + number);
    let entity = |name: &str| Entity::named(name).account(&id);
    let reader = aws.create_role(entity("reader"));
    let path = format!("config/sts/{id}");
    mount.write(&path, &json!({"sts_role": reader.arn})).await.expect(204);
    let role = format!("account-{number}");
    let fields = json!({
        "auth_type": "iam",
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": region,
        "bound_ami_id": "ami-0abcdef1234567890",
    });
    mount.write(&format!("role/{role}"), &fields).await.expect(204);
    let fleet = aws.create_role(entity("fleet"));
    let login = |instance: usize| {
        let instance = format!("i-{number:08x}{instance:09x}");
        aws.run_instance(Instance::with_id(&instance).account(&id).region(region));
        sign_login(&aws.session(&fleet, &instance).credentials, &LoginOptions::vault_cli().role(&role))
    };
    (0..INSTANCES).map(login).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
fn count(seconds: f64) -> usize {
    // All accounts alike.
    let each = (seconds * RATE / as_f64(REGIONS.len())) as usize;
    each * REGIONS.len()
}
