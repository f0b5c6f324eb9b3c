//! Instances of many accounts that start at the same time.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::login_scene::admitted;
use crate::under_test;
use testkit::aws::{Entity, Fault, Gate, Instance, Target, Times};
use testkit::host::Answer;
use testkit::stage::Stage;

const ACCOUNTS: usize = 20;
/// Logins of one mount that are at STS at the same time.
const AT_STS: usize = 512;

fn account_id(account: usize) -> String {
    format!("{:012}", 200_000_000_000 + account)
}

/// The logins of so many instances of an account, which is reached by a role there.
async fn fleet(stage: &Stage, account: usize, instances: usize) -> Vec<Value> {
    let id = account_id(account);
    let entity = |name: &str| Entity::named(name).account(&id);
    let reader = stage.aws.create_role(entity("reader"));
    stage.mount.write(&format!("config/sts/{id}"), &json!({"sts_role": reader.arn})).await.expect(204);
    let role = format!("account-{account}");
    let inferring = json!({
        "auth_type": "iam",
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1",
        "bound_account_id": id,
    });
    stage.role(&role, inferring).await;
    let fleet = stage.aws.create_role(entity("fleet"));
    let login = |instance: usize| {
        let instance = format!("i-{account:08x}{instance:09x}");
        stage.aws.run_instance(Instance::with_id(&instance).account(&id));
        stage.login_data(&stage.aws.session(&fleet, &instance).credentials, &role)
    };
    (0..instances).map(login).collect()
}

/// Begins logins, of each fleet one in turn.
fn begin(stage: &Stage, fleets: &[Vec<Value>]) -> Vec<JoinHandle<Answer>> {
    let instances = fleets.iter().map(Vec::len).max().unwrap_or_default();
    let in_turn =
        (0..instances).flat_map(|instance| fleets.iter().filter_map(move |fleet| fleet.get(instance)));
    let begin = |login: &Value| {
        let (mount, login) = (stage.mount.clone(), login.clone());
        tokio::spawn(async move { mount.login_only(&login).await })
    };
    in_turn.map(begin).collect()
}

async fn all_admitted(logins: Vec<JoinHandle<Answer>>) {
    for login in join_all(logins).await {
        admitted(&login.unwrap());
    }
}

/// More logins at once than go on at STS at the same time: none is refused, and those of an account share calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_many_accounts_that_starts_at_once_gets_in_with_few_calls() {
    const INSTANCES: usize = 60;
    let stage = under_test::stage().await;
    let mut fleets = Vec::new();
    for account in 0..ACCOUNTS {
        fleets.push(fleet(&stage, account, INSTANCES).await);
    }
    stage.aws.clear_calls();
    let gate = Gate::new();
    stage.aws.fault("GetCallerIdentity", Times::Always, Fault::Hold(gate.clone()));
    let logins = begin(&stage, &fleets);
    stage.aws.wait_for_calls("GetCallerIdentity", AT_STS).await;
    gate.open();
    all_admitted(logins).await;
    let calls = stage.aws.call_count("DescribeInstances");
    // One of each account for those that wait at STS, and few for those that come after them.
    assert!((ACCOUNTS..=3 * ACCOUNTS).contains(&calls), "{calls} calls");
}

/// Logins of an account of which calls are not answered, and of others meanwhile.
async fn beside_a_slow_account(api: &str, held: Target, times: Times) {
    const INSTANCES: usize = 20;
    let stage = under_test::stage().await;
    let slow = [fleet(&stage, 0, INSTANCES).await];
    let mut others = Vec::new();
    for account in 1..6 {
        others.push(fleet(&stage, account, INSTANCES).await);
    }
    let gate = Gate::new();
    stage.aws.fault(held, times, Fault::Hold(gate.clone()));
    stage.aws.clear_calls();
    let waiting = begin(&stage, &slow);
    stage.aws.wait_for_calls(api, 1).await;
    all_admitted(begin(&stage, &others)).await;
    assert!(waiting.iter().all(|login| !login.is_finished()), "{api}");
    gate.open();
    all_admitted(waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_instances_are_slow_to_describe_keeps_no_other_waiting() {
    let held = Target::from("DescribeInstances").account(&account_id(0));
    beside_a_slow_account("DescribeInstances", held, Times::Always).await;
}

/// The first role that is assumed is the one in the account that comes first.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_role_is_slow_to_assume_keeps_no_other_waiting() {
    beside_a_slow_account("AssumeRole", Target::from("AssumeRole"), Times::Count(1)).await;
}
