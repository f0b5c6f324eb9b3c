//! On the test host, with the stand-in for AWS.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, User};
use testkit::stage::Stage;

fn binding(arns: &[&str]) -> Value {
    json!({"auth_type": "iam", "bound_iam_principal_arn": arns})
}

fn users<const N: usize>(stage: &Stage, names: [&str; N]) -> [User; N] {
    names.map(|name| stage.aws.create_user(name))
}

/// Names of the users that were asked for since the last time.
fn asked(stage: &Stage) -> Vec<String> {
    let calls = stage.aws.calls("GetUser");
    stage.aws.clear_calls();
    let mut names: Vec<String> = calls.iter().filter_map(|call| call.parameter("UserName")).collect();
    names.sort();
    names
}

async fn ids(stage: &Stage, role: &str) -> Value {
    stage.mount.read(&format!("role/{role}")).await.expect(200).data["bound_iam_principal_id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_principal_is_asked_for_once_and_stored_in_its_place() {
    let stage = under_test::stage().await;
    let [a, b, c] = users(&stage, ["a", "b", "c"]);
    let wildcard = format!("arn:aws:iam::{ACCOUNT}:role/*");
    let arns = [c.arn.as_str(), &a.arn, &wildcard, &c.arn, &b.arn];
    stage.mount.write("role/many", &binding(&arns)).await.expect(204);
    assert_eq!(asked(&stage), ["a", "b", "c"]);
    let wanted = [&c, &a, &c, &b].map(|user| user.unique_id.as_str());
    assert_eq!(ids(&stage, "many").await, json!(wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_try_asks_only_for_the_rest_and_a_later_write_for_all() {
    let stage = under_test::stage().await;
    let [a, b] = users(&stage, ["a", "b"]);
    let late = format!("arn:aws:iam::{ACCOUNT}:user/late");
    let arns = [a.arn.as_str(), &b.arn, &late];
    let refused = async || {
        let answer = stage.mount.write("role/many", &binding(&arns)).await.expect(400);
        let text = format!("unable to resolve ARN \"{late}\" to internal ID: NoSuchEntity: ");
        assert!(answer.error().starts_with(&text), "{}", answer.error());
    };
    refused().await;
    assert_eq!(asked(&stage), ["a", "b", "late"]);
    refused().await;
    assert_eq!(asked(&stage), ["late"]);
    // Another role has no part in it.
    stage.mount.write("role/other", &binding(&arns[..2])).await.expect(204);
    assert_eq!(asked(&stage), ["a", "b"]);

    let late = stage.aws.create_user("late");
    stage.mount.write("role/many", &binding(&arns)).await.expect(204);
    assert_eq!(asked(&stage), ["late"]);
    let wanted = [&a, &b, &late].map(|user| user.unique_id.as_str());
    assert_eq!(ids(&stage, "many").await, json!(wanted));
    // Once it is written, the principals are whoever has the names now.
    let recreated = stage.aws.recreate_user(&a);
    stage.mount.write("role/many", &binding(&arns)).await.expect(204);
    assert_eq!(asked(&stage), ["a", "b", "late"]);
    assert_eq!(ids(&stage, "many").await[0], json!(recreated.unique_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_resolved_for_a_write_ends_with_its_configuration_and_its_role() {
    let stage = under_test::stage().await;
    let [a] = users(&stage, ["a"]);
    let nobody = format!("arn:aws:iam::{ACCOUNT}:user/nobody");
    let fields = binding(&[a.arn.as_str(), &nobody]);
    let try_again = async || {
        stage.mount.write("role/many", &fields).await.expect(400);
        asked(&stage)
    };
    assert_eq!(try_again().await, ["a", "nobody"]);
    assert_eq!(try_again().await, ["nobody"]);
    stage.write_config(&json!({"max_retries": 1})).await;
    assert_eq!(try_again().await, ["a", "nobody"]);
    stage.mount.delete("role/many").await.expect(204);
    assert_eq!(try_again().await, ["a", "nobody"]);
    stage.mount.invalidate("role/many").await.unwrap();
    assert_eq!(try_again().await, ["a", "nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_that_of_the_principal_is_named_in_a_warning() {
    let stage = under_test::stage().await;
    let pat = stage.aws.create_user(Entity::named("pat").path("/team/"));
    let deep = stage.aws.create_role("deep");
    let [user, role] = ["user/pat", "role/svc/deep"].map(|entity| format!("arn:aws:iam::{ACCOUNT}:{entity}"));
    let warning = |bound: &str, real: &str| {
        format!("bound_iam_principal_arn {bound} is {real} in AWS; it is bound by its unique id")
    };
    let arns = [user.as_str(), &pat.arn, &role, &user];
    let mut fields = binding(&arns);
    let answer = stage.mount.write("role/moved", &fields).await.expect(200);
    assert_eq!(answer.warnings, [warning(&user, &pat.arn), warning(&role, &deep.arn)]);
    assert_eq!(ids(&stage, "moved").await.as_array().unwrap().len(), arns.len());
    // Whoever is bound by ARN is not looked up.
    fields["resolve_aws_unique_ids"] = json!(false);
    stage.mount.write("role/by-arn", &fields).await.expect(204);
    stage.mount.write("role/right", &binding(&[&pat.arn, &deep.arn])).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_writes_have_lines_of_their_own_in_the_status() {
    let stage = under_test::stage().await;
    let [a, b] = users(&stage, ["a", "b"]);
    stage.mount.write("role/many", &binding(&[&a.arn, &b.arn])).await.expect(204);
    let wildcard = format!("arn:aws:iam::{ACCOUNT}:user/*");
    stage.mount.write("role/wild", &binding(&[&wildcard])).await.expect(204);
    stage.admitted(&a.credentials, "wild").await;
    let status = stage.mount.read("status/aws").await.expect(200).data;
    let lines = status["calls"].as_array().unwrap().iter().filter(|line| line["api"] == "iam:GetUser");
    let seen: Vec<_> = lines
        .map(|line| (line["calls"].as_u64(), line.get("purpose"), line["budget"]["capacity"].as_u64()))
        .collect();
    assert_eq!(
        seen,
        [(Some(1), None, Some(100)), (Some(2), Some(&json!("role_write")), Some(4000))],
        "{status}"
    );
}
