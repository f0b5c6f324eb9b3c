//! Writes of roles that are refused: the text of each check, and which of two comes first.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Fault};
use testkit::stage::{Stage, with};

/// The bindings of instances, in the order of their checks, without the region.
const INSTANCE_BINDINGS: [&str; 7] = [
    "bound_account_id",
    "bound_ami_id",
    "bound_iam_instance_profile_arn",
    "bound_ec2_instance_id",
    "bound_iam_role_arn",
    "bound_vpc_id",
    "bound_subnet_id",
];

fn needs_instance(field: &str) -> String {
    format!("specified {field} but not specifying ec2 auth_type or inferring ec2_instance")
}

/// A binding that needs no call to AWS.
fn bound() -> Value {
    json!({"bound_iam_principal_arn": "arn:aws:iam::111122223333:user/*"})
}

fn ec2() -> Value {
    json!({"auth_type": "ec2", "bound_ami_id": "ami-1"})
}

/// Each row: a write of a new role, the text. Nothing is stored.
async fn check_new(stage: &Stage, rows: Vec<(Value, String)>) {
    for (fields, text) in rows {
        let answer = stage.mount.write("role/new", &fields).await;
        assert_eq!((answer.status, answer.error()), (400, text.as_str()), "{fields}");
        assert_eq!(stage.mount.storage().get("role/new"), None, "{fields}");
    }
}

fn owned(rows: Vec<(Value, &str)>) -> Vec<(Value, String)> {
    rows.into_iter().map(|(fields, text)| (fields, text.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn type_and_inference() {
    let stage = under_test::stage().await;
    let inferring = |kind: &str, region: &str| {
        with(&bound(), json!({"inferred_entity_type": kind, "inferred_aws_region": region}))
    };
    let rows = vec![
        (with(&bound(), json!({"auth_type": "gcp"})), "unrecognized auth_type: gcp"),
        (with(&bound(), json!({"auth_type": ""})), "unrecognized auth_type: "),
        (
            with(&inferring("ec2_instance", "us-east-1"), json!({"auth_type": "ec2"})),
            "specified inferred_entity_type but didn't allow iam auth_type",
        ),
        (inferring("lambda", "us-east-1"), "specified invalid inferred_entity_type: lambda"),
        (inferring("ec2_instance", ""), "specified inferred_entity_type but not inferred_aws_region"),
        (inferring("", "us-east-1"), "specified inferred_aws_region but not inferred_entity_type"),
        // The earlier of two.
        (with(&inferring("", "us-east-1"), json!({"auth_type": "gcp"})), "unrecognized auth_type: gcp"),
        (
            with(&inferring("lambda", ""), json!({"auth_type": "ec2"})),
            "specified inferred_entity_type but didn't allow iam auth_type",
        ),
        (inferring("lambda", ""), "specified invalid inferred_entity_type: lambda"),
        (
            with(&inferring("", "us-east-1"), json!({"bound_ami_id": "ami-1"})),
            "specified inferred_aws_region but not inferred_entity_type",
        ),
    ];
    check_new(&stage, owned(rows)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_belong_to_a_type() {
    let stage = under_test::stage().await;
    let inferring = json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"});
    let mut rows = Vec::new();
    for field in INSTANCE_BINDINGS {
        rows.push((json!({field: "x"}), needs_instance(field)));
        rows.push((with(&bound(), json!({field: ["x"]})), needs_instance(field)));
    }
    let region = "specified bound_region but not specifying ec2 auth_type".to_owned();
    rows.push((json!({"bound_region": "us-east-1"}), region.clone()));
    // Refused with inference too.
    rows.push((with(&inferring, json!({"bound_region": "us-east-1", "bound_ami_id": "ami-1"})), region));
    let principal = "specified bound_iam_principal_arn but not specifying iam auth_type".to_owned();
    rows.push((with(&bound(), json!({"auth_type": "ec2"})), principal.clone()));
    let none = "at least one bound parameter should be specified on the role".to_owned();
    rows.push((json!({}), none.clone()));
    rows.push((json!({"auth_type": "ec2"}), none.clone()));
    rows.push((inferring.clone(), none.clone()));
    rows.push((json!({"bound_iam_principal_arn": "", "bound_ami_id": []}), none));

    // All at once: the first offender in the order of the checks.
    let all = ["bound_account_id", "bound_region", "bound_ami_id", "bound_iam_instance_profile_arn"]
        .into_iter()
        .chain(["bound_ec2_instance_id", "bound_iam_role_arn", "bound_vpc_id", "bound_subnet_id"]);
    let all: Vec<&str> = all.collect();
    for (position, first) in all.iter().enumerate() {
        let mut fields = bound();
        for field in &all[position..] {
            fields[*field] = json!("x");
        }
        let text = match *first {
            "bound_region" => "specified bound_region but not specifying ec2 auth_type".to_owned(),
            first => needs_instance(first),
        };
        rows.push((fields, text));
    }
    rows.push((
        with(&bound(), json!({"auth_type": "ec2", "bound_vpc_id": "v", "bound_region": "us-east-1"})),
        principal,
    ));
    check_new(&stage, rows).await;
    assert_eq!(stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_tags_of_the_ec2_type() {
    let stage = under_test::stage().await;
    let disallow = "specified disallow_reauthentication when not using ec2 auth type";
    let migrate = "specified allow_instance_migration when not using ec2 auth type";
    let tag = "tried to enable role_tag when not using ec2 auth method";
    let more = |fields: Value| with(&bound(), fields);
    let rows = vec![
        // Also if they say nothing.
        (more(json!({"disallow_reauthentication": false})), disallow),
        (more(json!({"disallow_reauthentication": true})), disallow),
        (more(json!({"allow_instance_migration": false})), migrate),
        (more(json!({"role_tag": ""})), tag),
        (more(json!({"role_tag": "VaultRole"})), tag),
        (more(json!({"disallow_reauthentication": true, "allow_instance_migration": true})), disallow),
        (
            with(&ec2(), json!({"disallow_reauthentication": true, "allow_instance_migration": true})),
            "cannot specify both disallow_reauthentication=true and allow_instance_migration=true",
        ),
        (
            with(&ec2(), json!({"role_tag": "x".repeat(128)})),
            "length of role tag exceeds the EC2 key limit of 127 characters",
        ),
        // The earlier of two.
        (
            json!({"disallow_reauthentication": false}),
            "at least one bound parameter should be specified on the role",
        ),
        (more(json!({"allow_instance_migration": false, "token_type": "odd"})), migrate),
        (more(json!({"role_tag": "x", "token_period": "800h"})), PERIOD),
    ];
    check_new(&stage, owned(rows)).await;
    let answer = stage.mount.write("role/ec2", &with(&ec2(), json!({"role_tag": "x".repeat(127)}))).await;
    assert_eq!(answer.status, 204);
}

const PERIOD: &str = "period of \"800h0m0s\" is greater than the backend's maximum lease TTL of \"768h0m0s\"";

#[tokio::test(flavor = "multi_thread")]
async fn token_parameters() {
    let stage = under_test::stage().await;
    let more = |fields: Value| with(&bound(), fields);
    let address = "error parsing address \"bogus\": Unable to convert \"bogus\" to an IPv4 or IPv6 address, or a UNIX Socket";
    let negative = |field: &str, value: &str| {
        format!("error converting input for field \"{field}\": cannot provide negative value '{value}'")
    };
    let conflict = "'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one";
    let too_long = "'token_ttl' cannot be greater than 'token_max_ttl'";
    let mut rows = owned(vec![
        (more(json!({"token_bound_cidrs": "10.0.0.0/8,bogus"})), address),
        (more(json!({"token_type": "default-service"})), "invalid 'token_type' value \"default-service\""),
        (more(json!({"token_num_uses": -1})), "'token_num_uses' cannot be negative"),
        (
            more(json!({"token_type": "batch", "token_period": "1m"})),
            "'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens",
        ),
        (
            more(json!({"token_type": "batch", "token_num_uses": 2})),
            "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count",
        ),
        (more(json!({"token_ttl": "2h", "token_max_ttl": "1h"})), too_long),
        (more(json!({"token_bound_cidrs": "10.0.0.1", "token_strictly_bind_ip": true})), conflict),
        (more(json!({"ttl": "2h", "max_ttl": "1h"})), "ttl should be shorter than max ttl"),
        (more(json!({"ttl": "2h", "token_max_ttl": "1h"})), "ttl should be shorter than max ttl"),
        (more(json!({"token_period": "800h"})), PERIOD),
        (more(json!({"period": 2_880_000})), PERIOD),
        // The earlier of two.
        (more(json!({"token_bound_cidrs": "bogus", "token_type": "odd"})), address),
        (more(json!({"token_type": "odd", "token_num_uses": -1})), "invalid 'token_type' value \"odd\""),
        (
            more(json!({"token_num_uses": -1, "token_ttl": "2h", "token_max_ttl": "1h"})),
            "'token_num_uses' cannot be negative",
        ),
        (more(json!({"token_ttl": "2h", "token_max_ttl": "1h", "token_period": "800h"})), too_long),
        (more(json!({"ttl": "2h", "max_ttl": "1h", "period": "800h"})), "ttl should be shorter than max ttl"),
    ]);
    // The type of a field is checked before anything else; for a new role by the existence check.
    rows.push((json!({"token_ttl": "-5s"}), negative("token_ttl", "-5")));
    rows.push((json!({"token_period": -5}), negative("token_period", "-5")));
    check_new(&stage, rows).await;

    // Token texts come with the mark of an invalid request.
    let answer = stage.mount.request("create", "role/new", &more(json!({"token_type": "odd"}))).send().await;
    assert_eq!(answer.raw.unwrap().err.unwrap().err_type, 7);
    // Where no existence check ran before, the handler's own text is shown.
    let answer = stage.mount.request("update", "role/new", &json!({"token_ttl": "-5s"})).send().await;
    let text = format!("Field validation failed: {}", negative("token_ttl", "-5"));
    assert_eq!((answer.status, answer.error()), (400, text.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_that_cannot_be_resolved() {
    let stage = under_test::stage().await;
    let unable = |arn: &str, cause: &str| format!("unable to resolve ARN \"{arn}\" to internal ID: {cause}");
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/R/s");
    let mut rows = Vec::new();
    for (arn, cause) in [
        ("bogus", "unrecognized arn: contains 1 colon-separated parts, expected 6"),
        ("xrn:aws:iam::1:user/u", "unrecognized arn: does not begin with \"arn:\""),
        ("arn:aws:s3::1:user/u", "unrecognized service: s3, not one of iam or sts"),
        ("arn:aws:iam::1:root", "unrecognized arn: \"root\" contains fewer than 2 slash-separated parts"),
        ("arn:aws:iam::1:group/g", "unrecognized principal type: \"group\""),
        ("arn:aws:iam::1:user/", "unrecognized arn: \"user/\" contains an empty name"),
        ("arn:aws-foo:iam::1:user/u", "unable to resolve partition \"aws-foo\" to a region"),
        (&session, "unrecognized error type \"assumed-role\""),
    ] {
        rows.push((json!({"bound_iam_principal_arn": arn}), unable(arn, cause)));
    }
    // Resolution comes before every check that needs no AWS.
    let text = unable("bogus", "unrecognized arn: contains 1 colon-separated parts, expected 6");
    rows.push((json!({"bound_iam_principal_arn": "bogus", "auth_type": "gcp"}), text.clone()));
    rows.push((json!({"bound_iam_principal_arn": "bogus", "bound_ami_id": "x", "token_type": "odd"}), text));
    check_new(&stage, rows).await;

    let nobody = format!("arn:aws:iam::{ACCOUNT}:user/nobody");
    for (fault, cause) in [
        (None, "NoSuchEntity: The user with name nobody cannot be found.\n\tstatus code: 404, request id: "),
        (Some(Fault::error(403, "AccessDenied", "no")), "AccessDenied: no\n\tstatus code: 403, request id: "),
        // Patience that AWS asks for attempt after attempt has a text of its own.
        (
            Some(Fault::throttled(400, Some(0))),
            "2 errors occurred:\n\t* Throttling: Rate exceeded\n\tstatus code: 400",
        ),
    ] {
        if let Some(fault) = fault {
            stage.aws.fault("GetUser", 4, fault);
        }
        let answer =
            stage.mount.write("role/new", &json!({"bound_iam_principal_arn": nobody})).await.expect(400);
        assert!(answer.error().starts_with(&unable(&nobody, cause)), "{}", answer.error());
        stage.aws.clear_faults();
    }
    assert_eq!(stage.mount.storage().get("role/new"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_are_not_allowed_leave_the_role_as_it_is() {
    let stage = under_test::stage().await;
    stage.role("r", bound()).await;
    stage.role("batch", with(&bound(), json!({"token_type": "batch"}))).await;
    stage.role("e", ec2()).await;
    let before = stage.mount.storage().entries();
    let to_false = "changing resolve_aws_unique_ids from true to false is not allowed";
    let periodic = "'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens";
    for (role, fields, text) in [
        ("r", json!({"auth_type": "ec2"}), "changing auth_type on a role is not allowed"),
        ("r", json!({"auth_type": "gcp"}), "changing auth_type on a role is not allowed"),
        ("e", json!({"auth_type": "iam"}), "changing auth_type on a role is not allowed"),
        ("r", json!({"resolve_aws_unique_ids": false}), to_false),
        ("r", json!({"resolve_aws_unique_ids": false, "bound_iam_principal_arn": "bogus"}), to_false),
        (
            "r",
            json!({"bound_iam_principal_arn": ""}),
            "at least one bound parameter should be specified on the role",
        ),
        (
            "r",
            json!({"inferred_aws_region": "us-east-1"}),
            "specified inferred_aws_region but not inferred_entity_type",
        ),
        // Checks see what is new over what is stored.
        ("batch", json!({"token_period": "1m"}), periodic),
        (
            "e",
            json!({"token_bound_cidrs": "bogus", "token_ttl": "1h"}),
            "error parsing address \"bogus\": Unable to convert \"bogus\" to an IPv4 or IPv6 address, or a UNIX Socket",
        ),
    ] {
        let answer = stage.mount.write(&format!("role/{role}"), &fields).await;
        assert_eq!((answer.status, answer.error()), (400, text), "{role} {fields}");
        assert_eq!(stage.mount.storage().entries(), before, "{role} {fields}");
    }
}
