//! Answers that are not what was asked for: each is a refusal or a detail left out, never an admission.

use serde_json::{Value, json};

use crate::login_scene::{LoginScene, login_as, outcome, refused};
use testkit::aws::{ACCOUNT, Entity, Fault, Instance, OTHER_ACCOUNT};
use testkit::host::Answer;

const INSTANCE: &str = "i-0123456789abcdef0";
const OTHER_INSTANCE: &str = "i-0fedcba9876543210";

/// A scene in which one login makes every call: the role of another account is assumed, its role is
/// looked up, its instance, and the profile of that.
struct Everything {
    scene: LoginScene,
    login: Value,
}

impl Everything {
    async fn open() -> Self {
        let scene = LoginScene::open().await;
        let other = |name: &str| Entity::named(name).account(OTHER_ACCOUNT).path("/team/");
        let role = scene.aws.create_role(other("App"));
        let reader = scene.aws.create_role(other("Reader"));
        let profile = scene.aws.create_instance_profile(other("App"), &[&role]);
        scene.aws.run_instance(Instance::with_id(INSTANCE).account(OTHER_ACCOUNT).profile(&profile));
        scene.aws.run_instance(Instance::with_id(OTHER_INSTANCE).account(OTHER_ACCOUNT));
        let sts = json!({"sts_role": reader.arn});
        scene.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
        let binding = json!({
            "auth_type": "iam",
            "bound_iam_principal_arn": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/team/*"),
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": "us-east-1",
            "bound_iam_role_arn": role.arn,
        });
        scene.write_role("app", &binding).await;
        let session = scene.aws.session(&role, INSTANCE);
        let login = login_as(&session.credentials, "app");
        let everything = Self { scene, login };
        everything.scene.admitted(&everything.login).await;
        everything
    }

    /// The answer to the login with a fault in the calls of an action, nothing being known yet.
    async fn with_fault(&self, action: &str, fault: Fault) -> Answer {
        self.scene.mount.invalidate("config/client").await.unwrap();
        self.scene.aws.fault(action, 1, fault);
        let answer = self.scene.mount.login_only(&self.login).await;
        self.scene.aws.clear_faults();
        answer
    }
}

const ACTIONS: [&str; 5] =
    ["GetCallerIdentity", "AssumeRole", "GetRole", "DescribeInstances", "GetInstanceProfile"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_one_whole_answer_is_refused() {
    let everything = Everything::open().await;
    for action in ACTIONS {
        let response = format!("{action}Response");
        for fault in [
            Fault::Oversized(1024 * 1024),
            Fault::Endless,
            Fault::Truncated,
            Fault::SecondResult(Vec::new()),
            Fault::SecondResult(vec![(
                "Arn".to_owned(),
                "arn:aws:iam::111122223333:user/people/alice".to_owned(),
            )]),
            Fault::Leading("x".to_owned()),
            Fault::Trailing("x".to_owned()),
            Fault::Trailing("<x/>".to_owned()),
            Fault::Trailing("<!-- x -->".to_owned()),
            Fault::Trailing("\u{0}".to_owned()),
            Fault::redirect("http://127.0.0.1:1/"),
            Fault::status(204),
            Fault::status(404),
            Fault::xml(""),
            Fault::xml("<"),
            Fault::xml("{}"),
            Fault::xml(&format!("<{response}/>")),
            Fault::xml(&format!("<{response}>")),
            Fault::xml(&format!("<{response}>&x;</{response}>")),
            Fault::xml(&format!("<!DOCTYPE x [<!ENTITY x 'y'>]><{response}/>")),
            Fault::xml(&format!("<{response}>{}</{response}>", "<a>".repeat(100_000))),
        ] {
            let shown = format!("{fault:?}");
            // A second reservation or result is one more than was asked for.
            everything.scene.configure(&everything.scene.mount, &json!({"max_retries": 0})).await;
            let answer = everything.with_fault(action, fault).await;
            let shown = &shown[..shown.len().min(200)];
            assert!(answer.auth.is_none(), "{action}: {shown}");
            assert!(matches!(answer.status, 400 | 500) && !answer.errors.is_empty(), "{action}: {shown}");
        }
        let white_space = everything.with_fault(action, Fault::Trailing(" \r\n\t".to_owned())).await;
        assert!(outcome(&white_space).is_some(), "{action}: {:?}", white_space.errors);
    }
    everything.scene.assert_alive(everything.scene.host.pid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_one_mebibyte_is_read_and_no_longer_one() {
    let scene = LoginScene::open().await;
    let (arn, id) = (&scene.alice.arn, &scene.alice.unique_id);
    let document = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{id}</UserId>\
         <Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    for (length, admits) in [(1024 * 1024, true), (1024 * 1024 + 1, false)] {
        let padding = " ".repeat(length - document.len());
        scene.aws.fault("GetCallerIdentity", 1, Fault::xml(&format!("{document}{padding}")));
        let answer = scene.mount.login_only(&scene.alice_login()).await;
        assert_eq!(outcome(&answer).is_some(), admits, "{length}: {:?}", answer.errors);
    }
}

/// Which elements of each answer must be there, once.
#[tokio::test(flavor = "multi_thread")]
async fn an_element_that_is_missing_empty_or_doubled_is_refused() {
    let everything = Everything::open().await;
    for (action, needed) in [
        ("GetCallerIdentity", ["Arn", "UserId", "Account"].as_slice()),
        ("AssumeRole", &["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Credentials"]),
        ("GetRole", &["Arn", "RoleId", "Role"]),
        (
            "DescribeInstances",
            &["instanceId", "imageId", "name", "launchTime", "instanceState", "instancesSet"],
        ),
        ("GetInstanceProfile", &["InstanceProfileId", "InstanceProfile", "Roles", "member"]),
    ] {
        for element in needed {
            let element = (*element).to_owned();
            for fault in [Fault::Missing(element.clone()), Fault::Empty(element.clone())] {
                let shown = format!("{action}: {fault:?}");
                let answer = everything.with_fault(action, fault).await;
                assert!(answer.auth.is_none(), "{shown}");
                assert!(matches!(answer.status, 400 | 500), "{shown}");
            }
            // A doubled container says nothing by itself.
            let leaf = ![
                "Credentials",
                "Role",
                "instanceState",
                "instancesSet",
                "InstanceProfile",
                "Roles",
                "member",
            ]
            .contains(&element.as_str());
            if leaf {
                let answer =
                    everything.with_fault(action, Fault::Repeated(element.clone(), "x".to_owned())).await;
                assert!(answer.auth.is_none(), "{action}: two {element}");
            }
        }
    }
    // Details that nobody asked for are left out.
    for element in
        ["privateDnsName", "vpcId", "subnetId", "ownerId", "groupSet", "reservationId", "architecture"]
    {
        let answer = everything.with_fault("DescribeInstances", Fault::Missing(element.to_owned())).await;
        assert!(outcome(&answer).is_some(), "{element}: {:?}", answer.errors);
    }
    everything.scene.assert_alive(everything.scene.host.pid()).await;
}

/// The role that is written learns its principals' ids from these answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_principal_without_an_id_is_not_bound() {
    let scene = LoginScene::open().await;
    let role = scene.aws.create_role("App");
    let profile = scene.aws.create_instance_profile("App", &[&role]);
    for (action, id, arn) in [
        ("GetUser", "UserId", &scene.alice.arn),
        ("GetRole", "RoleId", &role.arn),
        ("GetInstanceProfile", "InstanceProfileId", &profile.arn),
    ] {
        for fault in [
            Fault::Missing(id.to_owned()),
            Fault::Empty(id.to_owned()),
            Fault::Repeated(id.to_owned(), "AIDAOTHER".to_owned()),
            Fault::xml("<a/>"),
        ] {
            scene.aws.fault(action, 1, fault);
            let answer = scene.mount.write("role/new", &json!({"bound_iam_principal_arn": arn})).await;
            let expected = format!("{action} at {}: the answer could not be read", scene.aws.url());
            assert!(answer.status == 400 && answer.error().ends_with(&expected), "{answer:#?}");
            scene.aws.clear_faults();
        }
        scene.write_role("new", &json!({"bound_iam_principal_arn": arn})).await;
        scene.mount.delete("role/new").await.expect(204);
    }
}

/// An answer about somebody or something else.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_another_is_refused() {
    let everything = Everything::open().await;
    let (alice, id) = (everything.scene.alice.arn.clone(), everything.scene.alice.unique_id.clone());
    let replaced = |element: &str, value: &str| Fault::Replaced(element.to_owned(), value.to_owned());
    for (action, fault, expected) in [
        (
            "DescribeInstances",
            Fault::wrong_instance(OTHER_INSTANCE),
            "expected instance ID not matching the instance ID",
        ),
        ("DescribeInstances", Fault::wrong_instance(""), "expected instance ID not matching the instance ID"),
        ("DescribeInstances", replaced("name", "stopped"), "instance is not in 'running' state"),
        ("DescribeInstances", replaced("name", "Running"), "instance is not in 'running' state"),
        ("GetRole", replaced("RoleId", &id), "IAM knows"),
        ("GetRole", replaced("Arn", &alice), "IAM knows"),
        ("GetRole", replaced("Arn", &format!("arn:aws:iam::{ACCOUNT}:role/team/App")), "IAM knows"),
        ("GetRole", replaced("Arn", &format!("arn:aws-cn:iam::{OTHER_ACCOUNT}:role/team/App")), "IAM knows"),
        (
            "GetRole",
            replaced("Arn", &format!("arn:aws:iam::{OTHER_ACCOUNT}:role/other/App")),
            "does not belong to the role",
        ),
        (
            "GetInstanceProfile",
            replaced("Arn", &format!("arn:aws:iam::{OTHER_ACCOUNT}:role/other/App")),
            "IAM role ARN",
        ),
        ("GetCallerIdentity", replaced("Account", ACCOUNT), "error parsing STS response"),
        ("GetCallerIdentity", replaced("UserId", "AROAOTHER:other"), "error parsing STS response"),
        ("GetCallerIdentity", replaced("Arn", &alice), "error parsing STS response"),
    ] {
        let shown = format!("{action}: {fault:?}");
        let text = refused(&everything.with_fault(action, fault).await);
        assert!(text.contains(expected), "{shown}: {text}");
    }
}
