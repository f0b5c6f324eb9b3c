//! The organization of the caller's account as a binding.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, Fault, Gate, OTHER_ACCOUNT, Times, User};
use testkit::stage::Stage;

const ORGANIZATION: &str = "o-abcdefghij";
const UNIT: &str = "o-abcdefghij/r-abcd/ou-abcd-11111111/ou-abcd-22222222/";

/// A stage whose organization has the account of `dev`.
async fn open() -> (Stage, User) {
    let stage = under_test::stage().await;
    stage.write_config(&json!({"organizations_endpoint": stage.aws.url(), "max_retries": 0})).await;
    stage.aws.organization(ORGANIZATION);
    stage.aws.put_account(ACCOUNT, UNIT, "ACTIVE");
    let dev = stage.aws.create_user("dev");
    (stage, dev)
}

async fn bind(stage: &Stage, fields: Value) {
    stage.mount.delete("role/r").await.expect(204);
    stage.role("r", fields).await;
}

/// Has everything that is known of AWS forgotten.
async fn forget(stage: &Stage, number: u32) {
    stage.write_config(&json!({"iam_server_id_header_value": "vault.example.com", "max_retries": 0})).await;
    stage.write_config(&json!({"sts_region": format!("eu-west-{number}")})).await;
}

fn not_bound(account: &str) -> String {
    format!(
        "account ID \"{account}\" does not belong to an organization or organizational unit of the role \"r\""
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_and_units_bind_whole() {
    let (stage, dev) = open().await;
    for (fields, is_bound) in [
        (json!({"bound_organization_ids": ORGANIZATION}), true),
        (json!({"bound_organization_ids": ["o-zzzzzzzzzz", ORGANIZATION]}), true),
        (json!({"bound_organization_ids": "o-zzzzzzzzzz"}), false),
        (json!({"bound_organization_ids": "o-abcdefghijk"}), false),
        (json!({"bound_organization_unit_paths": UNIT}), true),
        (json!({"bound_organization_unit_paths": "o-abcdefghij/r-abcd/ou-abcd-11111111/"}), true),
        (json!({"bound_organization_unit_paths": "o-abcdefghij/r-abcd/"}), true),
        (json!({"bound_organization_unit_paths": "o-abcdefghij/r-abcd/ou-abcd-111111111/"}), false),
        (json!({"bound_organization_unit_paths": "o-abcdefghij/r-abcd/ou-abcd-22222222/"}), false),
        (json!({"bound_organization_unit_paths": "o-zzzzzzzzzz/r-abcd/"}), false),
        (json!({"bound_organization_ids": ORGANIZATION, "bound_organization_unit_paths": UNIT}), true),
        (json!({"bound_organization_ids": "o-zzzzzzzzzz", "bound_organization_unit_paths": UNIT}), false),
        (json!({"bound_organization_ids": ORGANIZATION, "bound_iam_principal_arn": dev.arn}), true),
    ] {
        bind(&stage, fields.clone()).await;
        let answer = stage.login(&dev.credentials, "r").await;
        let refusal = (!is_bound).then(|| not_bound(ACCOUNT));
        assert_eq!(answer.errors.first(), refusal.as_ref(), "{fields}");
    }
    let signed = &stage.aws.calls("DescribeAccount");
    assert!(
        signed
            .iter()
            .all(|call| (call.service.as_str(), call.region.as_str()) == ("organizations", "us-east-1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_outside_or_not_in_use_is_not_bound() {
    let (stage, dev) = open().await;
    bind(&stage, json!({"bound_organization_ids": ORGANIZATION})).await;
    let stranger = stage.aws.create_user(Entity::named("stranger").account(OTHER_ACCOUNT));
    assert_eq!(stage.refused(&stranger.credentials, "r").await, not_bound(OTHER_ACCOUNT));
    assert_eq!(stage.refused(&stranger.credentials, "r").await, not_bound(OTHER_ACCOUNT));
    assert_eq!(stage.aws.call_count("DescribeAccount"), 1, "that is known for a while");
    for (number, state) in ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"].iter().enumerate()
    {
        stage.aws.put_account(ACCOUNT, UNIT, state);
        forget(&stage, u32::try_from(number).unwrap() + 1).await;
        assert_eq!(stage.refused(&dev.credentials, "r").await, not_bound(ACCOUNT), "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_not_taken_for_not_bound() {
    let (stage, dev) = open().await;
    bind(&stage, json!({"bound_organization_unit_paths": UNIT})).await;
    for (fault, text) in [
        (Fault::error(400, "AccessDeniedException", "no"), "AccessDeniedException: no"),
        (Fault::error(400, "TooManyRequestsException", "slow"), "upstream rate limited"),
        (
            Fault::error(400, "AWSOrganizationsNotInUseException", "none"),
            "AWSOrganizationsNotInUseException: none",
        ),
        (Fault::status(500), "DescribeAccount at "),
        (Fault::Replaced("Id".to_owned(), "111122223334".to_owned()), "the answer could not be read"),
    ] {
        stage.aws.fault("DescribeAccount", 1, fault);
        let refused = stage.refused(&dev.credentials, "r").await;
        let prefix = format!("error looking up the organization of account ID \"{ACCOUNT}\": ");
        assert!(refused.starts_with(&prefix) && refused.contains(text), "{text}: {refused}");
    }
    stage.aws.fault("DescribeAccount", 1, Fault::error(400, "AccessDeniedException", "no"));
    let permission = "this server's own credentials may not call organizations:DescribeAccount";
    assert!(stage.refused(&dev.credentials, "r").await.contains(permission));

    stage.aws.fault("DescribeAccount", 1, Fault::Missing("Paths".to_owned()));
    assert_eq!(
        stage.refused(&dev.credentials, "r").await,
        format!("Organizations does not tell the organizational unit of account ID \"{ACCOUNT}\"")
    );
    bind(&stage, json!({"bound_organization_ids": ORGANIZATION})).await;
    stage.admitted(&dev.credentials, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_logins_ask_once() {
    let (stage, _) = open().await;
    bind(&stage, json!({"bound_organization_ids": ORGANIZATION})).await;
    let role = stage.aws.create_role("App");
    let gate = Gate::new();
    stage.aws.fault("DescribeAccount", Times::Always, Fault::Hold(gate.clone()));
    let sessions: Vec<_> = (0..100).map(|number| stage.aws.session(&role, &format!("s{number}"))).collect();
    let all = join_all(sessions.iter().map(|session| stage.login(&session.credentials, "r")));
    let opened = async {
        stage.aws.wait_for_calls("GetCallerIdentity", 100).await;
        stage.aws.wait_for_calls("DescribeAccount", 1).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(all, opened);
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(stage.aws.call_count("DescribeAccount"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn inferred_logins_and_renewals_are_bound_too() {
    let (stage, _) = open().await;
    let instance = "i-0123456789abcdef0";
    stage.instance(instance);
    let role = stage.aws.create_role("web");
    let session = stage.aws.session(&role, instance);
    let fields = |id: &str| {
        json!({
            "inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1",
            "bound_organization_ids": id,
        })
    };
    bind(&stage, fields("o-zzzzzzzzzz")).await;
    assert_eq!(stage.refused(&session.credentials, "r").await, not_bound(ACCOUNT));
    bind(&stage, fields(ORGANIZATION)).await;
    let auth = stage.admitted(&session.credentials, "r").await;
    stage.mount.renew(&auth).await.expect(200);
    stage.aws.put_account(ACCOUNT, UNIT, "SUSPENDED");
    forget(&stage, 1).await;
    let text = stage.mount.renew(&auth).await.expect(500).error().to_owned();
    assert!(text.contains("role \"r\" no longer bound to ARN"), "{text}");
}
