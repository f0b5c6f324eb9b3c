//! What must be true of the instance, and of the role.

use std::time::Duration;

use serde_json::{Value, json};

use super::{IMAGE, INSTANCE, Scene, document};
use testkit::aws::{ACCOUNT, Entity, Fault, Instance, InstanceState, OTHER_ACCOUNT};
use testkit::stage::with;

const VPC: &str = "vpc-0a1b2c3d4e5f60718";
const SUBNET: &str = "subnet-0123456789abcdef0";

#[tokio::test(flavor = "multi_thread")]
async fn the_role_must_exist_be_for_instances_and_let_the_client_in() {
    let scene = Scene::open().await;
    let login = |role: &str| with(&scene.login("a"), json!({"role": role}));
    scene.refused(&login("Nope"), 400, "entry for role \"Nope\" not found", "as it was given").await;
    scene.stage.role_for("iamr", "arn:aws:iam::111122223333:user/x").await;
    scene.refused(&login("IamR"), 400, "auth method ec2 not allowed for role IamR", "another type").await;

    scene.role(json!({"token_bound_cidrs": ["10.0.0.0/8", "2001:db8::/32"]})).await;
    scene.refused(&login("ec2r"), 403, "permission denied", "another address").await;
    let nowhere = scene.stage.mount.request("update", "login", &login("ec2r")).without_connection();
    let answer = nowhere.send().await.expect(403);
    assert_eq!((answer.error(), answer.auth.clone()), ("permission denied", None));
    assert_eq!(scene.stage.aws.total_calls(), 0);
    for address in ["10.1.2.3", "2001:db8::1"] {
        let answer = scene.stage.mount.with_address(address).login_only(&login("ec2r")).await.expect(200);
        assert_eq!(answer.auth.unwrap().bound_cidrs, ["10.0.0.0/8", "2001:db8::/32"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_must_exist_and_run() {
    let scene = Scene::open().await;
    let aws = &scene.stage.aws;
    let refused = async |document: Value, cause: &str| {
        let data = scene.message(&super::document(document));
        scene.refused(&data, 400, &format!("failed to verify instance ID: {cause}"), cause).await;
    };
    for state in [
        InstanceState::Pending,
        InstanceState::ShuttingDown,
        InstanceState::Terminated,
        InstanceState::Stopping,
        InstanceState::Stopped,
    ] {
        aws.set_instance_state(INSTANCE, state);
        refused(json!({}), "instance is not in 'running' state").await;
    }
    scene.change_instance(|instance| instance.state = None);
    refused(json!({}), "instance state in instance description is nil").await;
    aws.set_instance_state(INSTANCE, InstanceState::Running);

    for (changes, id) in [
        (json!({"instanceId": "i-0fffffffffffffff0"}), "i-0fffffffffffffff0"),
        (json!({"region": "eu-west-1"}), INSTANCE),
        (json!({"instanceId": "nonsense"}), "nonsense"),
    ] {
        let answer = scene.answer(&scene.message(&document(changes))).await.expect(400);
        let start = format!(
            "failed to verify instance ID: error fetching description for instance ID \"{id}\": InvalidInstanceID."
        );
        assert!(answer.error().starts_with(&start), "{}", answer.error());
    }
    refused(json!({"region": "evil.example"}), "could not find region \"evil.example\"").await;
    let theirs = format!(
        "unable to fetch client for account ID \"{OTHER_ACCOUNT}\" -- default client is for account \"{ACCOUNT}\""
    );
    refused(json!({"accountId": OTHER_ACCOUNT}), &theirs).await;

    aws.fault("DescribeInstances", 1, Fault::wrong_instance("i-0fffffffffffffff0"));
    refused(json!({}), "expected instance ID not matching the instance ID in the instance description").await;
    aws.fault("DescribeInstances", 1, Fault::Empty("reservationSet".to_owned()));
    refused(json!({}), "no reservations found in instance description").await;
    aws.fault("DescribeInstances", 1, Fault::Empty("instancesSet".to_owned()));
    refused(json!({}), "no instance details found in reservations").await;

    aws.clear_calls();
    scene.admitted(&scene.login("a")).await;
    let calls = aws.calls("DescribeInstances");
    assert_eq!(aws.total_calls(), 1);
    assert_eq!(calls[0].region, "us-east-1");
    assert_eq!(calls[0].parameter("InstanceId.1").as_deref(), Some(INSTANCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_a_configured_account_logs_in() {
    let scene = Scene::open().await;
    let lookup = scene.stage.aws.create_role(Entity::named("lookup").account(OTHER_ACCOUNT));
    let access = json!({"sts_role": lookup.arn});
    scene.stage.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &access).await.expect(204);
    let theirs = "i-0eeeeeeeeeeeeeee0";
    scene.stage.aws.run_instance(Instance::with_id(theirs).account(OTHER_ACCOUNT).region("eu-west-1"));
    let text = document(json!({"instanceId": theirs, "accountId": OTHER_ACCOUNT, "region": "eu-west-1"}));
    let auth = scene.admitted(&scene.message(&text)).await;
    assert_eq!(auth.metadata["account_id"], OTHER_ACCOUNT);
    assert_eq!(scene.stage.aws.calls("DescribeInstances")[0].region, "eu-west-1");
    // Whoever holds a document of one account cannot pass for another.
    let text = document(json!({"instanceId": theirs, "region": "eu-west-1"}));
    let answer = scene.answer(&scene.message(&text)).await.expect(400);
    assert!(answer.error().contains("InvalidInstanceID.NotFound"), "{}", answer.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_binding_is_compared_with_what_aws_describes() {
    let scene = Scene::open().await;
    let aws = &scene.stage.aws;
    let role = aws.create_role("web");
    let profile = aws.create_instance_profile("web-profile", &[&role]);
    scene.change_instance(|instance| {
        instance.profile = Some((profile.arn.clone(), profile.unique_id.clone()))
    });
    let shortened = |arn: &str| format!("{}*", &arn[..arn.len() - 3]);
    for (field, right, other, seen, mismatch) in [
        (
            "bound_ec2_instance_id",
            json!(["i-0bbbbbbbbbbbbbbb0", INSTANCE]),
            json!("i-0bbbbbbbbbbbbbbb0"),
            INSTANCE,
            "instance ID {} does not belong to the role \"ec2r\"",
        ),
        (
            "bound_account_id",
            json!(ACCOUNT),
            json!(OTHER_ACCOUNT),
            ACCOUNT,
            "account ID {} does not belong to role \"ec2r\"",
        ),
        (
            "bound_ami_id",
            json!(IMAGE),
            json!("ami-0bbbbbbbbbbbbbbb0"),
            IMAGE,
            "AMI ID {} does not belong to role \"ec2r\"",
        ),
        (
            "bound_subnet_id",
            json!(SUBNET),
            json!("subnet-2"),
            SUBNET,
            "subnet ID {} does not satisfy the constraint on role \"ec2r\"",
        ),
        (
            "bound_vpc_id",
            json!(VPC),
            json!("vpc-2"),
            VPC,
            "VPC ID {} does not satisfy the constraint on role \"ec2r\"",
        ),
        (
            "bound_iam_instance_profile_arn",
            json!(profile.arn),
            json!(&profile.arn[..profile.arn.len() - 1]),
            &profile.arn,
            "IAM instance profile ARN {} does not satisfy the constraint role \"ec2r\"",
        ),
        (
            "bound_iam_instance_profile_arn",
            json!(shortened(&profile.arn)),
            json!(format!("{}-*", profile.arn)),
            &profile.arn,
            "IAM instance profile ARN {} does not satisfy the constraint role \"ec2r\"",
        ),
        (
            "bound_iam_role_arn",
            json!(role.arn),
            json!(format!("{}x", role.arn)),
            &role.arn,
            "IAM role ARN {} does not satisfy the constraint role \"ec2r\"",
        ),
        (
            "bound_iam_role_arn",
            json!(shortened(&role.arn)),
            json!(format!("arn:aws:iam::{ACCOUNT}:role/x*")),
            &role.arn,
            "IAM role ARN {} does not satisfy the constraint role \"ec2r\"",
        ),
    ] {
        let mut fields = json!({"bound_ami_id": Value::Null});
        fields[field] = other;
        scene.role(fields.clone()).await;
        let text = mismatch.replacen("{}", &format!("\"{seen}\""), 1);
        let what = format!("{field}: {}", fields[field]);
        scene.refused(&scene.login("a"), 400, &format!("Error validating instance: {text}"), &what).await;
        fields[field] = right;
        scene.role(fields).await;
        scene.admitted(&scene.login("a")).await;
    }
    scene.role(json!({"bound_vpc_id": "vpc-2", "bound_subnet_id": "subnet-2"})).await;
    let text = format!(
        "Error validating instance: subnet ID \"{SUBNET}\" does not satisfy the constraint on role \"ec2r\""
    );
    scene.refused(&scene.login("a"), 400, &text, "all must be satisfied; the first failure is told").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_is_the_described_one_and_the_region_the_documents() {
    let scene = Scene::open().await;
    scene.change_instance(|instance| instance.image_id = Some("ami-2".to_owned()));
    let text = "Error validating instance: AMI ID \"ami-2\" does not belong to role \"ec2r\"";
    scene.refused(&scene.login("a"), 400, text, "vector 104").await;
    scene.change_instance(|instance| instance.image_id = Some(IMAGE.to_owned()));
    let other = scene.message(&document(json!({"imageId": "ami-3"})));
    scene.admitted(&other).await;
    scene.forget().await;

    scene.role(json!({"bound_region": ["eu-west-1", "eu-central-1"]})).await;
    let text = "Region \"us-east-1\" does not satisfy the constraint on role \"ec2r\"";
    scene.refused(&scene.login("a"), 400, text, "vector 105").await;
    scene.role(json!({"bound_region": ["eu-west-1", "us-east-1"]})).await;
    scene.admitted(&scene.login("a")).await;
}

/// Anybody may have kept a document, and it does not expire.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_alone_decides_costs_no_call() {
    let scene = Scene::open().await;
    for (fields, text) in [
        (
            json!({"bound_region": "eu-west-1", "bound_account_id": OTHER_ACCOUNT}),
            "Region \"us-east-1\" does not satisfy the constraint on role \"ec2r\"".to_owned(),
        ),
        (
            json!({"bound_ec2_instance_id": "i-0a1b2c3d", "bound_account_id": OTHER_ACCOUNT}),
            format!(
                "Error validating instance: instance ID \"{INSTANCE}\" does not belong to the role \"ec2r\""
            ),
        ),
        (
            json!({"bound_account_id": OTHER_ACCOUNT}),
            format!("Error validating instance: account ID \"{ACCOUNT}\" does not belong to role \"ec2r\""),
        ),
    ] {
        scene.role(fields).await;
        scene.refused(&scene.login("a"), 400, &text, &text).await;
    }
    assert_eq!(scene.stage.aws.call_count("DescribeInstances"), 0);
    scene.role(json!({"bound_region": "us-east-1", "bound_account_id": ACCOUNT})).await;
    scene.admitted(&scene.login("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_for_the_operator() {
    let scene = Scene::open().await;
    let aws = &scene.stage.aws;
    scene.change_instance(|instance| {
        instance.vpc_id = None;
        instance.subnet_id = None;
    });
    for (field, text) in [
        ("bound_subnet_id", "subnet ID in the instance description is nil"),
        ("bound_vpc_id", "VPC ID in the instance description is nil"),
        ("bound_iam_instance_profile_arn", "IAM instance profile in the instance description is nil"),
        ("bound_iam_role_arn", "IAM instance profile in the instance description is nil"),
    ] {
        let mut fields = json!({});
        fields[field] = json!("arn:aws:iam::1:x/*");
        scene.role(fields).await;
        scene.refused(&scene.login("a"), 500, text, field).await;
    }
    scene.role(json!({"bound_iam_role_arn": "arn:aws:iam::*"})).await;
    let none = aws.create_instance_profile("none", &[]);
    let (one, two) = (aws.create_role("one"), aws.create_role("two"));
    let several = aws.create_instance_profile("several", &[&one, &two]);
    for profile in [&none, &several] {
        scene.change_instance(|instance| {
            instance.profile = Some((profile.arn.clone(), profile.unique_id.clone()));
        });
        let text =
            "IAM role ARN could not be fetched: invalid roles in the output of instance profile details";
        scene.refused(&scene.login("a"), 500, text, &profile.arn).await;
    }
    scene.change_instance(|instance| instance.profile = Some(("nonsense".to_owned(), "AIPA1".to_owned())));
    let text = "failed to parse IAM instance profile ARN \"nonsense\": unrecognized arn: contains 1 colon-separated parts, expected 6";
    scene.refused(&scene.login("a"), 500, text, "no ARN").await;
    assert_eq!(scene.entry(INSTANCE), None);
}

/// A document of any account is easily had.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_an_account_that_no_role_names_is_no_warning() {
    let scene = Scene::open().await;
    let no_client = format!(
        "failed to verify instance ID: unable to fetch client for account ID \"{OTHER_ACCOUNT}\" -- default client is for account \"{ACCOUNT}\""
    );
    let not_bound = format!(
        "Error validating instance: account ID \"{OTHER_ACCOUNT}\" does not belong to role \"own-account\""
    );
    for (role, fields, level, code, text) in [
        ("any-account", json!({}), "debug", "login.account_foreign", &no_client),
        ("own-account", json!({"bound_account_id": ACCOUNT}), "debug", "instance.bound.account", &not_bound),
        (
            "their-account",
            json!({"bound_account_id": OTHER_ACCOUNT}),
            "warn",
            "aws.account_not_configured",
            &no_client,
        ),
    ] {
        scene.named_role(role, fields).await;
        let theirs = scene.message(&document(json!({"accountId": OTHER_ACCOUNT})));
        let answer = scene.answer(&with(&theirs, json!({"role": role}))).await.expect(400);
        assert_eq!(answer.error(), text);
        let line = scene
            .stage
            .host
            .wait_for_log(Duration::from_secs(20), |entry| entry.fields.get("role") == Some(&json!(role)));
        let line = line.await.expect("a line");
        assert_eq!((line.level.as_str(), &line.fields["code"]), (level, &json!(code)), "{role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_role_that_binds_no_instances_admits_none() {
    let scene = Scene::open().await;
    let storage = scene.stage.mount.storage();
    scene.role(json!({"bound_ami_id": IMAGE})).await;
    let bound = storage.json("role/ec2r").unwrap();
    let none: Value = bound
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.starts_with("bound_"))
        .map(|name| (name.clone(), json!([])))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let principals = json!({"bound_iam_principal_arn_list": ["arn:aws:iam::111122223333:role/web"]});
    for changes in [none.clone(), with(&none, principals)] {
        storage.put_json("role/ec2r", &with(&bound, changes));
        scene.stage.mount.invalidate("role/ec2r").await.unwrap();
        let text = "nothing is bound by the role \"ec2r\", so it admits nobody";
        scene.refused(&with(&scene.login("a"), json!({"role": "ec2r"})), 400, text, "nothing bound").await;
    }
    assert_eq!(scene.stage.aws.total_calls(), 0);
}
