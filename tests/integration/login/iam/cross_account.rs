//! Accounts other than the server's own (accident 6): each needs a configuration of its own, and no
//! client of one ever answers for another.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, Instance, OTHER_ACCOUNT, Role, Session};
use testkit::stage::Stage;

/// Two roles of the same name in two accounts, with a session each.
struct Accounts {
    stage: Stage,
    own: Session,
    other: Session,
    other_role: Role,
}

const INSTANCE: &str = "i-0123456789abcdef0";

impl Accounts {
    async fn open() -> Self {
        let stage = under_test::stage().await;
        let own_role = stage.aws.create_role("App");
        let other_role = stage.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
        let own = stage.aws.session(&own_role, "s1");
        let other = stage.aws.session(&other_role, "s1");
        stage.role("r", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/*")})).await;
        Self { stage, own, other, other_role }
    }

    /// A role of the other account that the server may assume.
    fn auditor(&self, name: &str) -> Role {
        self.stage.aws.create_role(Entity::named(name).account(OTHER_ACCOUNT))
    }

    async fn configure_other(&self, fields: Value) {
        let path = format!("config/sts/{OTHER_ACCOUNT}");
        self.stage.mount.write(&path, &fields).await.expect(204);
        self.stage.aws.clear_calls();
    }
}

const FOREIGN: &str = "unable to fetch client for account ID \"444455556666\" -- default client is for account \"111122223333\"";

fn looking_up(cause: &str) -> String {
    format!(
        "error looking up full ARN of entity &{{aws 444455556666 assumed-role  App s1}} when attempting login for \
         role \"r\": error creating IAM client: {cause}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_account_is_refused_cold_and_warm_accident_6() {
    // Vector 79, cold: the first thing the mount ever does.
    let accounts = Accounts::open().await;
    let Accounts { stage, own, other, .. } = &accounts;
    assert_eq!(stage.refused(&other.credentials, "r").await, looking_up(FOREIGN));
    assert_eq!(stage.aws.call_count("GetRole"), 0, "nobody is asked about a foreign role");
    // Warm: the clients of the own account are in use.
    stage.admitted(&own.credentials, "r").await;
    assert_eq!(stage.refused(&other.credentials, "r").await, looking_up(FOREIGN));
    stage.admitted(&own.credentials, "r").await;
    assert_eq!(stage.refused(&other.credentials, "r").await, looking_up(FOREIGN));

    // Vector 79, warm first, on a mount of its own.
    let accounts = Accounts::open().await;
    let Accounts { stage, own, other, .. } = &accounts;
    stage.admitted(&own.credentials, "r").await;
    assert_eq!(stage.refused(&other.credentials, "r").await, looking_up(FOREIGN));
    assert_eq!(stage.aws.call_count("GetRole"), 1, "only for the own role");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_the_own_account_is_not_that_of_a_foreign_caller_accident_6() {
    for warm in [false, true] {
        let accounts = Accounts::open().await;
        let stage = &accounts.stage;
        stage.instance(INSTANCE);
        let fields = json!({
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": "us-east-1",
            "bound_ami_id": "ami-0abcdef1234567890",
        });
        stage.role("inferring", fields).await;
        if warm {
            let role = stage.aws.create_role("Web");
            stage.admitted(&stage.aws.session(&role, INSTANCE).credentials, "inferring").await;
        }
        let victim = stage.aws.session(&accounts.other_role, INSTANCE);
        let expected =
            format!("failed to verify {INSTANCE} as a valid EC2 instance in region us-east-1: {FOREIGN}");
        assert_eq!(stage.refused(&victim.credentials, "inferring").await, expected, "warm: {warm}");
        assert_eq!(stage.aws.call_count("DescribeInstances"), usize::from(warm));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_of_a_foreign_account_is_not_resolved_accident_6() {
    for warm in [false, true] {
        let accounts = Accounts::open().await;
        let stage = &accounts.stage;
        if warm {
            let own = format!("arn:aws:iam::{ACCOUNT}:role/App");
            stage.role("own", json!({"bound_iam_principal_arn": own})).await;
        }
        let arn = &accounts.other_role.arn;
        let answer = stage.mount.write("role/x", &json!({"bound_iam_principal_arn": arn})).await.expect(400);
        assert_eq!(answer.error(), format!("unable to resolve ARN \"{arn}\" to internal ID: {FOREIGN}"));
        assert_eq!(stage.mount.storage().get("role/x"), None);
        assert_eq!(stage.aws.call_count("GetRole"), 0);

        let auditor = accounts.auditor("auditor");
        accounts.configure_other(json!({"sts_role": auditor.arn})).await;
        stage.role("x", json!({"bound_iam_principal_arn": arn})).await;
        let stored = stage.mount.storage().json("role/x").unwrap();
        assert_eq!(stored["bound_iam_principal_id_list"], json!([accounts.other_role.unique_id]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_account_is_looked_into_with_its_role() {
    let accounts = Accounts::open().await;
    let Accounts { stage, own, other, .. } = &accounts;
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    let auditor = accounts.auditor("auditor");
    stage.aws.require_external_id(&auditor, Some("our id"));
    accounts.configure_other(json!({"sts_role": auditor.arn, "external_id": "our id"})).await;

    stage.admitted(&other.credentials, "r").await;
    let assumed = &stage.aws.calls("AssumeRole")[0];
    assert_eq!(assumed.account, ACCOUNT);
    assert_eq!(assumed.parameter("RoleArn"), Some(auditor.arn.clone()));
    assert_eq!(assumed.parameter("ExternalId").as_deref(), Some("our id"));
    assert_eq!(assumed.parameter("DurationSeconds").as_deref(), Some("900"));
    let session = assumed.parameter("RoleSessionName").unwrap();
    assert!(session.len() == 19 && session.bytes().all(|byte| byte.is_ascii_digit()), "{session}");
    let looked_up = &stage.aws.calls("GetRole")[0];
    assert_eq!(looked_up.account, OTHER_ACCOUNT);
    assert_eq!(stage.aws.total_calls(), 3, "the server's own account need not be known");

    // The own account goes on with the own keys.
    stage.admitted(&own.credentials, "r").await;
    assert_eq!(stage.aws.calls("GetRole")[1].account, ACCOUNT);

    // The session is kept; only the look-up is new.
    let second = stage.aws.create_role(Entity::named("Second").account(OTHER_ACCOUNT));
    stage.aws.clear_calls();
    stage.admitted(&stage.aws.session(&second, "s1").credentials, "r").await;
    assert_eq!((stage.aws.call_count("AssumeRole"), stage.aws.call_count("GetRole")), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_external_id_is_never_sent() {
    let accounts = Accounts::open().await;
    let stage = &accounts.stage;
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    let auditor = accounts.auditor("auditor");
    accounts.configure_other(json!({"sts_role": auditor.arn, "external_id": ""})).await;
    stage.admitted(&accounts.other.credentials, "r").await;
    assert_eq!(stage.aws.calls("AssumeRole")[0].parameter("ExternalId"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_role_and_external_id_hold_at_once() {
    let accounts = Accounts::open().await;
    let Accounts { stage, other, .. } = &accounts;
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    let (one, two) = (accounts.auditor("one"), accounts.auditor("two"));
    stage.aws.require_external_id(&one, Some("secret"));
    let denied = |role: &Role| {
        let server = &stage.server_user.arn;
        looking_up(&format!(
            "AccessDenied: User: {server} is not authorized to perform: sts:AssumeRole on resource: {}\n\tstatus code: 403",
            role.arn
        ))
    };
    accounts.configure_other(json!({"sts_role": one.arn, "external_id": "secret"})).await;
    stage.admitted(&other.credentials, "r").await;

    // The old session would still do; the configuration no longer says so.
    accounts.configure_other(json!({"external_id": "wrong"})).await;
    let text = stage.refused(&other.credentials, "r").await;
    assert!(text.starts_with(&denied(&one)), "{text}");
    assert_eq!(stage.aws.call_count("GetRole"), 0);

    accounts.configure_other(json!({"sts_role": two.arn, "external_id": ""})).await;
    stage.admitted(&other.credentials, "r").await;
    assert_eq!(stage.aws.calls("AssumeRole")[0].parameter("RoleArn"), Some(two.arn.clone()));

    stage.aws.trust_only(&two, &[]);
    accounts.configure_other(json!({"sts_role": two.arn})).await;
    let text = stage.refused(&other.credentials, "r").await;
    assert!(text.starts_with(&denied(&two)), "{text}");

    stage.mount.delete(&format!("config/sts/{OTHER_ACCOUNT}")).await.expect(204);
    assert_eq!(stage.refused(&other.credentials, "r").await, looking_up(FOREIGN));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_of_the_server_are_of_another_account_at_once() {
    let accounts = Accounts::open().await;
    let Accounts { stage, own, other, .. } = &accounts;
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    stage.admitted(&own.credentials, "r").await;
    let elsewhere = stage.aws.create_user(Entity::named("auth-server").account(OTHER_ACCOUNT));
    let keys = json!({
        "access_key": elsewhere.credentials.access_key_id,
        "secret_key": elsewhere.credentials.secret_access_key,
    });
    stage.mount.write("config/client", &keys).await.expect(204);
    stage.admitted(&other.credentials, "r").await;
    let text = stage.refused(&own.credentials, "r").await;
    let turned = "unable to fetch client for account ID \"111122223333\" -- default client is for account \"444455556666\"";
    assert!(text.ends_with(turned), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_own_calls_can_fail() {
    let accounts = Accounts::open().await;
    let Accounts { stage, own, .. } = &accounts;
    let of_own = |cause: &str| looking_up(cause).replace("444455556666", ACCOUNT);

    stage.configure(json!({"secret_key": null})).await;
    assert_eq!(
        stage.refused(&own.credentials, "r").await,
        of_own(
            "static AWS client credentials haven't been properly configured (the access key or secret key were \
             provided but not both)"
        )
    );
    stage.configure(json!({"secret_key": "wrong"})).await;
    let text = stage.refused(&own.credentials, "r").await;
    let cause = "unable to fetch current caller: SignatureDoesNotMatch: The request signature we calculated";
    assert!(text.starts_with(&of_own(cause)), "{text}");

    stage.mount.storage().put(&format!("config/sts/{ACCOUNT}"), "[]");
    stage.mount.invalidate(&format!("config/sts/{ACCOUNT}")).await.unwrap();
    let text = stage.refused(&own.credentials, "r").await;
    assert!(
        text.starts_with(&of_own("error fetching STS config for account ID \"111122223333\": ")),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sts_region_signs_the_server_s_own_calls() {
    let accounts = Accounts::open().await;
    let Accounts { stage, own, other, .. } = &accounts;
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    stage.configure(json!({"sts_region": "eu-west-2"})).await;
    let auditor = accounts.auditor("auditor");
    accounts.configure_other(json!({"sts_role": auditor.arn})).await;
    stage.admitted(&other.credentials, "r").await;
    stage.admitted(&own.credentials, "r").await;
    assert_eq!(stage.aws.calls("AssumeRole")[0].region, "eu-west-2");
    let whose = stage.aws.calls("GetCallerIdentity");
    let own_calls: Vec<_> = whose
        .iter()
        .filter(|call| call.access_key_id == stage.server_user.credentials.access_key_id)
        .collect();
    assert_eq!(own_calls.iter().map(|call| call.region.as_str()).collect::<Vec<_>>(), ["eu-west-2"]);
    assert!(stage.aws.calls("GetRole").iter().all(|call| call.region == "us-east-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_a_configured_account_is_looked_up_there() {
    let accounts = Accounts::open().await;
    let stage = &accounts.stage;
    stage.aws.run_instance(Instance::with_id(INSTANCE).account(OTHER_ACCOUNT).region("eu-west-1"));
    let auditor = accounts.auditor("auditor");
    accounts.configure_other(json!({"sts_role": auditor.arn})).await;
    let fields = json!({
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "eu-west-1",
        "bound_account_id": OTHER_ACCOUNT,
    });
    stage.role("inferring", fields).await;
    let session = stage.aws.session(&accounts.other_role, INSTANCE);
    stage.admitted(&session.credentials, "inferring").await;
    let described = &stage.aws.calls("DescribeInstances")[0];
    assert_eq!((described.account.as_str(), described.region.as_str()), (OTHER_ACCOUNT, "eu-west-1"));
}
