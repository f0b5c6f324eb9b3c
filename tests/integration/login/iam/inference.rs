//! Roles that look up the EC2 instance a session is named after.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{
    ACCOUNT, Entity, Fault, Instance, InstanceProfile, InstanceState, LoginOptions, Role, Session, sign_login,
};
use testkit::stage::{SERVER_ID, Stage, with};

const INSTANCE: &str = "i-0123456789abcdef0";

struct Web {
    stage: Stage,
    session: Session,
    role: Role,
    profile: InstanceProfile,
}

impl Web {
    /// A running instance with a profile, and a session of its role named after it.
    async fn open() -> Self {
        let stage = under_test::stage().await;
        let role = stage.aws.create_role("web");
        let profile = stage.aws.create_instance_profile("web-profile", &[&role]);
        stage.aws.run_instance(Instance::with_id(INSTANCE).profile(&profile));
        let session = stage.aws.session(&role, INSTANCE);
        Self { stage, session, role, profile }
    }

    /// Writes the role `r` anew: inferring, with these bindings.
    async fn bind(&self, bindings: Value) {
        self.stage.mount.delete("role/r").await.expect(204);
        let inferring = json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"});
        self.stage.role("r", with(&inferring, bindings)).await;
    }

    async fn refused(&self) -> String {
        self.stage.refused(&self.session.credentials, "r").await
    }

    async fn admitted(&self) {
        self.stage.admitted(&self.session.credentials, "r").await;
    }
}

fn not_verified(cause: &str) -> String {
    format!("failed to verify {INSTANCE} as a valid EC2 instance in region us-east-1: {cause}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_must_exist_and_run() {
    let web = Web::open().await;
    let aws = &web.stage.aws;
    web.bind(json!({"bound_iam_principal_arn": web.role.arn})).await;
    web.admitted().await;
    assert_eq!(aws.call_count("DescribeInstances"), 1);
    assert_eq!(aws.calls("DescribeInstances")[0].parameter("InstanceId.1").as_deref(), Some(INSTANCE));

    for state in [InstanceState::Stopped, InstanceState::Pending, InstanceState::Terminated] {
        aws.set_instance_state(INSTANCE, state);
        assert_eq!(web.refused().await, not_verified("instance is not in 'running' state"), "vector 82");
    }
    aws.set_instance_state(INSTANCE, InstanceState::Running);
    for (change, cause) in [
        (Fault::Missing("instanceState".to_owned()), "instance state in instance description is nil"),
        (Fault::Missing("instanceId".to_owned()), ANOTHER),
        (Fault::wrong_instance("i-0fffffffffffffff0"), ANOTHER),
        (Fault::Empty("reservationSet".to_owned()), "no reservations found in instance description"),
        (Fault::Empty("instancesSet".to_owned()), "no instance details found in reservations"),
        (Fault::Missing("imageId".to_owned()), "AMI ID or launch time in the instance description is nil"),
        (Fault::Missing("launchTime".to_owned()), "AMI ID or launch time in the instance description is nil"),
    ] {
        aws.fault("DescribeInstances", 1, change);
        assert_eq!(web.refused().await, not_verified(cause));
    }
    aws.fault("DescribeInstances", 1, Fault::error(403, "UnauthorizedOperation", "no"));
    let text = web.refused().await;
    let cause = format!(
        "error fetching description for instance ID \"{INSTANCE}\": UnauthorizedOperation: no\n\tstatus code: 403"
    );
    assert!(text.starts_with(&not_verified(&cause)), "{text}");
    aws.remove_instance(INSTANCE);
    let text = web.refused().await;
    assert!(text.contains(": InvalidInstanceID.NotFound: The instance ID "), "{text}");
}

const ANOTHER: &str = "expected instance ID not matching the instance ID in the instance description";

#[tokio::test(flavor = "multi_thread")]
async fn the_session_name_is_the_instance_id_and_users_have_none() {
    let web = Web::open().await;
    let user = web.stage.aws.create_user("dev");
    web.bind(json!({"bound_iam_principal_arn": [user.arn, web.role.arn]})).await;
    let text = web.stage.refused(&user.credentials, "r").await;
    assert!(
        text.starts_with("failed to verify  as a valid EC2 instance in region us-east-1: "),
        "vector 81: {text}"
    );
    let other = web.stage.aws.session(&web.role, "laptop");
    let text = web.stage.refused(&other.credentials, "r").await;
    assert!(
        text.starts_with("failed to verify laptop as a valid EC2 instance in region us-east-1: "),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_binding_admits_and_refuses() {
    let web = Web::open().await;
    let profile = &web.profile.arn;
    for (field, good, bad, refusal) in [
        (
            "bound_ec2_instance_id",
            json!(INSTANCE),
            json!("i-1"),
            format!("instance ID \"{INSTANCE}\" does not belong to the role \"r\""),
        ),
        (
            "bound_account_id",
            json!(ACCOUNT),
            json!("1"),
            format!("account ID \"{ACCOUNT}\" does not belong to role \"r\""),
        ),
        (
            "bound_ami_id",
            json!("ami-0abcdef1234567890"),
            json!("ami-1"),
            "AMI ID \"ami-0abcdef1234567890\" does not belong to role \"r\"".to_owned(),
        ),
        (
            "bound_subnet_id",
            json!("subnet-0123456789abcdef0"),
            json!("subnet-1"),
            "subnet ID \"subnet-0123456789abcdef0\" does not satisfy the constraint on role \"r\"".to_owned(),
        ),
        // Vector 83.
        (
            "bound_vpc_id",
            json!("vpc-0a1b2c3d4e5f60718"),
            json!("vpc-1"),
            "VPC ID \"vpc-0a1b2c3d4e5f60718\" does not satisfy the constraint on role \"r\"".to_owned(),
        ),
        (
            "bound_iam_instance_profile_arn",
            json!(profile),
            json!("arn:aws:iam::1:instance-profile/x"),
            format!("IAM instance profile ARN \"{profile}\" does not satisfy the constraint role \"r\""),
        ),
        (
            "bound_iam_instance_profile_arn",
            json!(format!("{}*", &profile[..profile.len() - 3])),
            json!(format!("{profile}x")),
            format!("IAM instance profile ARN \"{profile}\" does not satisfy the constraint role \"r\""),
        ),
        (
            "bound_iam_role_arn",
            json!(web.role.arn),
            json!("arn:aws:iam::1:role/x"),
            format!("IAM role ARN \"{}\" does not satisfy the constraint role \"r\"", web.role.arn),
        ),
        (
            "bound_iam_role_arn",
            json!("arn:aws:iam::*"),
            json!("*x"),
            format!("IAM role ARN \"{}\" does not satisfy the constraint role \"r\"", web.role.arn),
        ),
    ] {
        web.bind(json!({field: good})).await;
        web.admitted().await;
        web.bind(json!({field: [bad.clone(), good]})).await;
        web.admitted().await;
        web.bind(json!({field: bad})).await;
        assert_eq!(web.refused().await, format!("error validating instance: {refusal}"), "{field}");
    }
}

/// All bindings must hold; the first that does not is told.
#[tokio::test(flavor = "multi_thread")]
async fn the_bindings_are_compared_in_order() {
    let web = Web::open().await;
    let mut bindings = json!({});
    for (field, mentioned) in [
        ("bound_iam_role_arn", "IAM role ARN"),
        ("bound_iam_instance_profile_arn", "IAM instance profile ARN"),
        ("bound_vpc_id", "VPC ID"),
        ("bound_subnet_id", "subnet ID"),
        ("bound_ami_id", "AMI ID"),
        ("bound_account_id", "account ID"),
        ("bound_ec2_instance_id", "instance ID"),
    ] {
        bindings[field] = json!("other");
        web.bind(bindings.clone()).await;
        let text = web.refused().await;
        assert!(text.starts_with(&format!("error validating instance: {mentioned} ")), "{text}");
    }
    // The principal comes before the instance.
    bindings["bound_iam_principal_arn"] = json!("arn:aws:iam::1:user/x");
    bindings["resolve_aws_unique_ids"] = json!(false);
    web.bind(bindings).await;
    assert!(web.refused().await.starts_with("IAM Principal "));
    assert_eq!(web.stage.aws.call_count("DescribeInstances"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_the_operator_s_matter() {
    let web = Web::open().await;
    let aws = &web.stage.aws;
    let cannot_tell = async |bindings: Value, text: &str| {
        web.bind(bindings).await;
        let answer = web.stage.login(&web.session.credentials, "r").await;
        assert_eq!(answer.status, 500, "{:?}", answer.errors);
        assert!(answer.error().starts_with(text), "{}", answer.error());
    };
    let describe = |fault: Fault| aws.fault("DescribeInstances", 1, fault);
    describe(Fault::Missing("subnetId".to_owned()));
    cannot_tell(json!({"bound_subnet_id": "x"}), "subnet ID in the instance description is nil").await;
    describe(Fault::Missing("vpcId".to_owned()));
    cannot_tell(json!({"bound_vpc_id": "x"}), "VPC ID in the instance description is nil").await;
    for field in ["bound_iam_instance_profile_arn", "bound_iam_role_arn"] {
        describe(Fault::Missing("iamInstanceProfile".to_owned()));
        let text = "IAM instance profile in the instance description is nil";
        cannot_tell(json!({field: "x"}), text).await;
        describe(Fault::Missing("arn".to_owned()));
        let text = "IAM instance profile ARN in the instance description is nil";
        cannot_tell(json!({field: "x"}), text).await;
    }
    describe(Fault::Replaced("arn".to_owned(), "nonsense".to_owned()));
    let text =
        "failed to parse IAM instance profile ARN \"nonsense\": unrecognized arn: contains 1 colon-separated";
    cannot_tell(json!({"bound_iam_role_arn": "x"}), text).await;

    aws.fault("GetInstanceProfile", 1, Fault::error(403, "AccessDenied", "no"));
    let text = "IAM role ARN could not be fetched: AccessDenied: no\n\tstatus code: 403";
    cannot_tell(json!({"bound_iam_role_arn": "x"}), text).await;
    aws.fault("GetInstanceProfile", 1, Fault::Empty("Roles".to_owned()));
    let text = "IAM role ARN could not be fetched: invalid roles in the output of instance profile details";
    cannot_tell(json!({"bound_iam_role_arn": "x"}), text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_none_is_asked_nowhere() {
    let web = Web::open().await;
    web.bind(json!({"bound_ami_id": "ami-1", "inferred_aws_region": "fake-region-1"})).await;
    let expected = format!(
        "failed to verify {INSTANCE} as a valid EC2 instance in region fake-region-1: could not find region \"fake-region-1\""
    );
    assert_eq!(web.refused().await, expected);
    assert_eq!(web.stage.aws.total_calls(), 1);
}

/// Account numbers are given out in each partition anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_of_another_partition_is_no_instance_of_this_one_whatever_its_account_number() {
    let web = Web::open().await;
    let stage = &web.stage;
    web.bind(json!({"bound_account_id": ACCOUNT})).await;
    web.admitted().await;
    stage.aws.clear_calls();
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let role = Entity::named(&format!("web-{partition}")).partition(partition).account(ACCOUNT);
        let session = stage.aws.session(&stage.aws.create_role(role), INSTANCE);
        let options = LoginOptions::vault_cli().server_id(SERVER_ID).region(region).role("r");
        let answer = stage.mount.login_only(&sign_login(&session.credentials, &options)).await.expect(400);
        let cause =
            format!("the caller is of partition \"{partition}\", and the region of partition \"aws\"");
        assert_eq!(answer.error(), not_verified(&cause));
    }
    assert_eq!(stage.aws.call_count("DescribeInstances"), 0);
}
