//! Many instances that start at the same time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::login_scene::{admitted, outcome};
use crate::under_test;
use testkit::aws::{Fault, Instance, Rate, Session, Times};
use testkit::host::Answer;
use testkit::stage::Stage;

/// What AWS grants an account in a region of DescribeInstances: calls at once, and per second.
const AWS_RATE: Rate = Rate { burst: 100, per_second: 20 };
/// The longest time for which a batch is collected.
const LONGEST_WINDOW: Duration = Duration::from_millis(250);

fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

/// Instances of one role, each with the session that is named after it.
async fn fleet(stage: &Stage, size: usize) -> Vec<Session> {
    let role = stage.aws.create_role("fleet");
    let sessions = (0..size)
        .map(|number| {
            stage.aws.run_instance(Instance::with_id(&id(number)));
            stage.aws.session(&role, &id(number))
        })
        .collect();
    let inferring = json!({
        "bound_iam_principal_arn": role.arn,
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1",
    });
    let metadata = json!({"iam_metadata": ["inferred_entity_id", "client_arn"]});
    stage.mount.write("config/identity", &metadata).await.expect(204);
    stage.role("fleet", inferring).await;
    sessions
}

/// A boot storm: as many logins as there are instances, all at once, take a handful of calls, each login
/// gets its own instance, and AWS never has to ask for patience.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_instances_log_in_with_a_handful_of_calls() {
    let stage = under_test::stage().await;
    let sessions = fleet(&stage, 1000).await;
    stage.aws.fault("DescribeInstances", Times::Beyond(AWS_RATE), Fault::request_limit_exceeded());
    stage.aws.fault("DescribeInstances", Times::Always, Fault::Latency(Duration::from_millis(50)));
    let logins: Vec<Value> =
        sessions.iter().map(|session| stage.login_data(&session.credentials, "fleet")).collect();
    let start = Instant::now();
    let answers = join_all(logins.iter().map(|login| stage.mount.login_only(login))).await;
    let elapsed = start.elapsed();
    for (number, answer) in answers.iter().enumerate() {
        let admission = admitted(answer);
        assert_eq!(admission.metadata["inferred_entity_id"], id(number));
        assert_eq!(admission.metadata["client_arn"], sessions[number].arn);
    }
    let calls = stage.aws.call_count("DescribeInstances");
    // Twenty for logins that arrive within three seconds; a slow machine takes longer to send them.
    let most = 8 + elapsed.as_millis().div_ceil(LONGEST_WINDOW.as_millis());
    assert!(u128::try_from(calls).unwrap() <= most.max(20), "{calls} calls in {elapsed:?}");
    assert!(stage.aws.calls("DescribeInstances").iter().all(|call| call.refused.is_none()));
    let status = stage.mount.read("status/aws").await.expect(200).data;
    let line = status["calls"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["api"] == "ec2:DescribeInstances")
        .unwrap()
        .clone();
    assert_eq!((&line["calls"], &line["throttles"]), (&json!(calls), &json!(0)));
}

/// One instance that EC2 does not know is refused with what AWS says of it; the others get in.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_instance_does_not_keep_the_others_out() {
    let stage = under_test::stage().await;
    let sessions = fleet(&stage, 20).await;
    stage.aws.remove_instance(&id(7));
    stage.aws.fault("DescribeInstances", Times::Always, Fault::Latency(Duration::from_millis(50)));
    let logins: Vec<Value> =
        sessions.iter().map(|session| stage.login_data(&session.credentials, "fleet")).collect();
    let answers = join_all(logins.iter().map(|login| stage.mount.login_only(login))).await;
    for (number, answer) in answers.iter().enumerate() {
        if number == 7 {
            assert_eq!(outcome(answer), None);
            let text = answer.error();
            let own = format!("InvalidInstanceID.NotFound: The instance ID '{}' does not exist", id(7));
            assert!(text.contains(&own), "{text}");
        } else {
            assert_eq!(admitted(answer).metadata["inferred_entity_id"], id(number));
        }
    }
}

/// Logins of a fleet, and at the same time those of another principal, whose sessions have these names; the
/// answers to each.
async fn beside_strangers(stage: &Stage, names: impl Iterator<Item = String>) -> [Vec<Answer>; 2] {
    let honest = fleet(stage, 20).await;
    let role = stage.aws.create_role("strangers");
    let inferring = json!({
        "bound_iam_principal_arn": role.arn,
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1",
    });
    stage.role("strangers", inferring).await;
    stage.aws.fault("DescribeInstances", Times::Always, Fault::Latency(Duration::from_millis(50)));
    let login = |session: &Session, role: &str| stage.login_data(&session.credentials, role);
    let strange: Vec<Value> =
        names.map(|name| login(&stage.aws.session(&role, &name), "strangers")).collect();
    let honest: Vec<Value> = honest.iter().map(|session| login(session, "fleet")).collect();
    let (strange, honest) = tokio::join!(
        join_all(strange.iter().map(|login| stage.mount.login_only(login))),
        join_all(honest.iter().map(|login| stage.mount.login_only(login))),
    );
    [honest, strange]
}

/// Names that are no ids of instances cost no calls, so they keep nobody waiting.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_no_instance_ids_cost_no_calls() {
    let stage = under_test::stage().await;
    let names = (0..200).map(|number| format!("laptop-{number}"));
    let [honest, strange] = beside_strangers(&stage, names).await;
    for (number, answer) in honest.iter().enumerate() {
        assert_eq!(admitted(answer).metadata["inferred_entity_id"], id(number));
    }
    for (number, answer) in strange.iter().enumerate() {
        let name = format!("laptop-{number}");
        let own = format!(
            "failed to verify {name} as a valid EC2 instance in region us-east-1: error fetching description for instance ID \"{name}\": InvalidInstanceID.Malformed: Invalid id: \"{name}\" (expecting \"i-...\")\n\tstatus code: 400, request id: ; "
        );
        assert_eq!(outcome(answer), None);
        assert!(answer.error().starts_with(&own), "{}", answer.error());
    }
    let calls = stage.aws.calls("DescribeInstances");
    assert!(calls.iter().all(|call| call.refused.is_none()), "{calls:?}");
    assert!(calls.len() <= 20, "{}", calls.len());
}

/// Ids that could be of instances, but are of none: each is refused as EC2 does, and costs few calls.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_ids_of_one_principal_keep_no_other_out() {
    let stage = under_test::stage().await;
    let [honest, strange] = beside_strangers(&stage, (10_000..10_200).map(id)).await;
    for (number, answer) in honest.iter().enumerate() {
        assert_eq!(admitted(answer).metadata["inferred_entity_id"], id(number));
    }
    for (number, answer) in strange.iter().enumerate() {
        let own =
            format!("InvalidInstanceID.NotFound: The instance ID '{}' does not exist", id(10_000 + number));
        assert_eq!(outcome(answer), None);
        assert!(answer.error().contains(&own), "{}", answer.error());
    }
    let calls = stage.aws.call_count("DescribeInstances");
    assert!(calls <= 40, "{calls}");
}

/// An answer that was changed on its way gives nobody another one's instance.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_others_admits_nobody() {
    let stage = under_test::stage().await;
    let sessions = fleet(&stage, 10).await;
    stage.aws.fault("DescribeInstances", Times::Always, Fault::Latency(Duration::from_millis(50)));
    stage.aws.fault("DescribeInstances", Times::Always, Fault::wrong_instance(&id(3)));
    let logins: Vec<Value> =
        sessions.iter().map(|session| stage.login_data(&session.credentials, "fleet")).collect();
    let answers = join_all(logins.iter().map(|login| stage.mount.login_only(login))).await;
    for (number, answer) in answers.iter().enumerate() {
        let admission = outcome(answer);
        assert!(number == 3 || admission.is_none(), "{number} was admitted as {admission:?}");
    }
}
