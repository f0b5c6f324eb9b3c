//! A thousand instances that start at once and log in, each with its session, by a role that looks
//! the instance up.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::Bench;
use crate::figure::{Aim, Figure};
use testkit::aws::{Fault, Instance, Rate, Times};
use testkit::stage::Stage;
use testkit::statistics::as_f64;

/// Instances; a quick run has fewer.
const INSTANCES: usize = 1_000;
const QUICK_INSTANCES: usize = 50;
/// What EC2 lets through.
const EC2_RATE: Rate = Rate { burst: 100, per_second: 20 };
/// A login that takes longer has failed: the host gives up.
const LIMIT: Duration = Duration::from_secs(90);

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("storm_refused", "1,000 instances at once: logins that failed", "", Aim::Exactly(0.0)),
    Figure::aimed("storm_describe", "… DescribeInstances calls", "", Aim::AtMost(20.0)),
    Figure::information("storm_seconds", "… until the last was in", "s"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let stage = Stage::on(bench.options.launch(binary)).await;
    let aws = &stage.aws;
    aws.keep_counters_only();
    let role = aws.create_role("fleet");
    let instances = if bench.options.quick { QUICK_INSTANCES } else { INSTANCES };
    let fields = json!({
        "auth_type": "iam",
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1",
        "bound_ami_id": "ami-0abcdef1234567890",
    });
    stage.role("fleet", fields).await;
    let login = |number: usize| -> Value {
        let id = format!("i-{number:017x}");
        aws.run_instance(Instance::with_id(&id));
        stage.login_data(&aws.session(&role, &id).credentials, "fleet")
    };
    let logins: Vec<Value> = (0..instances).map(login).collect();
    aws.clear_calls();
    aws.fault("DescribeInstances", Times::Beyond(EC2_RATE), Fault::request_limit_exceeded());

    let begun = Instant::now();
    let answers = join_all(logins.iter().map(|login| {
        let mount = stage.mount.clone();
        let login = login.clone();
        tokio::spawn(async move { tokio::time::timeout(LIMIT, mount.login(&login)).await })
    }));
    let answers = answers.await;
    let elapsed = begun.elapsed();
    let admitted = answers.iter().filter(|answer| match answer {
        Ok(Ok(answer)) => answer.status == 200 && answer.auth.is_some(),
        _ => false,
    });
    let refused = instances - admitted.count();
    vec![as_f64(refused), as_f64(aws.call_count("DescribeInstances")), elapsed.as_secs_f64()]
}
