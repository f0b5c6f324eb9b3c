//! Five thousand instances of twenty accounts that start at once, each with its session, by roles that
//! look the instance up. Every account is reached by a role there, and has its own allowance at EC2.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::figure::{Aim, Figure};
use crate::{Bench, progress};
use testkit::aws::{Entity, Instance};
use testkit::stage::Stage;
use testkit::statistics::{as_f64, median, milliseconds, percentile};

const ACCOUNTS: usize = 20;
/// Instances of an account; a quick run has fewer.
const INSTANCES: usize = 250;
const QUICK_INSTANCES: usize = 5;
/// A login that takes longer has failed: the host gives up.
const LIMIT: Duration = Duration::from_secs(90);

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed(
        "fleet_refused",
        "5,000 instances of 20 accounts at once: logins that failed",
        "",
        Aim::Exactly(0.0),
    ),
    Figure::aimed("fleet_describe", "… DescribeInstances calls", "", Aim::AtMost(100.0)),
    Figure::information("fleet_p95_median", "… p95 of an account, median of all", "ms"),
    Figure::information("fleet_p95_worst", "… p95 of the slowest account", "ms"),
    Figure::information("fleet_seconds", "… until the last was in", "s"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let stage = Stage::on(bench.options.launch(binary)).await;
    stage.aws.keep_counters_only();
    let instances = if bench.options.quick { QUICK_INSTANCES } else { INSTANCES };
    let mut accounts = Vec::new();
    for number in 0..ACCOUNTS {
        accounts.push(account(&stage, number, instances).await);
    }
    stage.aws.clear_calls();

    let begun = Instant::now();
    // One of each account by turns, as machines start.
    let order = (0..instances).flat_map(|instance| (0..ACCOUNTS).map(move |account| (account, instance)));
    let logins = order.map(|(account, instance)| {
        let (mount, login) = (stage.mount.clone(), accounts[account][instance].clone());
        tokio::spawn(async move {
            let answer = tokio::time::timeout(LIMIT, mount.login(&login)).await;
            let latency = milliseconds(begun.elapsed());
            let refusal = match answer {
                Ok(answer) if answer.status == 200 && answer.auth.is_some() => None,
                Ok(answer) => Some(answer.error().to_owned()),
                Err(_) => Some("it took too long".to_owned()),
            };
            (account, refusal, latency)
        })
    });
    let ended: Vec<_> = join_all(logins).await.into_iter().map(|login| login.expect("it ended")).collect();
    let elapsed = begun.elapsed();
    if let Some(refusal) = ended.iter().find_map(|(_, refusal, _)| refusal.as_ref()) {
        progress(&format!("fleet: refused: {refusal}"));
    }
    let p95 = |account: usize| {
        let of_account = ended.iter().filter(|(of, ..)| *of == account).map(|(.., latency)| *latency);
        percentile(&of_account.collect::<Vec<_>>(), 95.0)
    };
    let p95s: Vec<f64> = (0..ACCOUNTS).map(p95).collect();
    vec![
        as_f64(ended.iter().filter(|(_, refusal, _)| refusal.is_some()).count()),
        as_f64(stage.aws.call_count("DescribeInstances")),
        median(&p95s),
        percentile(&p95s, 100.0),
        elapsed.as_secs_f64(),
    ]
}

/// Sets up an account: the role by which it is reached, its instances and their logins.
async fn account(stage: &Stage, number: usize, instances: usize) -> Vec<Value> {
    let id = format!("{:012}", 200_000_000_000 + number);
    let entity = |name: &str| Entity::named(name).account(&id);
    let reader = stage.aws.create_role(entity("reader"));
    stage.mount.write(&format!("config/sts/{id}"), &json!({"sts_role": reader.arn})).await.expect(204);
    let role = format!("account-{number}");
    let fields = json!({
        "auth_type": "iam",
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1",
        "bound_account_id": id,
    });
    stage.role(&role, fields).await;
    let fleet = stage.aws.create_role(entity("fleet"));
    let login = |instance: usize| {
        let instance = format!("i-{number:08x}{instance:09x}");
        stage.aws.run_instance(Instance::with_id(&instance).account(&id));
        stage.login_data(&stage.aws.session(&fleet, &instance).credentials, &role)
    };
    (0..instances).map(login).collect()
}
