//! `config/rotate-root` and rotation on schedule: which keys AWS and the storage have afterwards.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{Aws, Call as AwsCall, Credentials, Entity, Fault, Gate, SilentListener};
use testkit::host::{Answer, Call, Launch, PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, READ_ONLY};
use testkit::stage::Stage;

const PATH: &str = "config/rotate-root";
const KEY: &str = "config/client";
const ACCESS_DENIED: (&str, &str) = ("AccessDenied", "User is not authorized to perform this.");

/// A mount whose configuration holds the only key of the user `vault`.
struct Scene(Stage);

impl Deref for Scene {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.0
    }
}

impl Scene {
    async fn open() -> Self {
        Self::launch(|launch, _| launch).await
    }

    async fn launch(change: impl FnOnce(Launch, &Aws) -> Launch) -> Self {
        let launch = under_test::open_bao().env("AWS_EC2_METADATA_DISABLED", "true");
        let setting = Stage::set(launch).await.launched(change);
        let setting = setting.server_user(Entity::named("vault").path("/servers/"));
        Self(setting.configured(json!({"iam_server_id_header_value": null})).await)
    }

    fn old(&self) -> &Credentials {
        &self.server_user.credentials
    }

    async fn rotate(&self) -> Answer {
        self.mount.write(PATH, &json!({})).await
    }

    /// What the rotation manager of a host sends for the job of this configuration.
    async fn on_schedule(&self) -> Answer {
        self.mount.request("rotation", KEY, &Value::Null).send().await
    }

    /// The ids of the keys AWS has, without the old one.
    fn new_keys(&self) -> Vec<String> {
        let mut keys = self.aws.access_keys(&self.server_user);
        keys.retain(|key| *key != self.old().access_key_id);
        keys
    }

    fn has_old_key(&self) -> bool {
        self.aws.access_keys(&self.server_user).contains(&self.old().access_key_id)
    }

    /// Asserts that storage holds the key that AWS had from the start.
    #[track_caller]
    fn assert_old_key_is_stored(&self) {
        assert_eq!(self.stored_config()["access_key"], json!(self.old().access_key_id));
        assert_eq!(self.stored_config()["secret_key"], json!(self.old().secret_access_key));
        assert!(self.has_old_key());
    }

    /// Resolves a principal at IAM; the call by which that was done.
    async fn look_up(&self) -> AwsCall {
        let role = json!({"auth_type": "iam", "bound_iam_principal_arn": self.server_user.arn});
        self.mount.write("role/look-up", &role).await.expect(204);
        self.aws.calls("GetUser").pop().expect("a look-up")
    }
}

fn actions(aws: &Aws) -> Vec<String> {
    aws.all_calls().into_iter().map(|call| call.action).collect()
}

fn denied() -> Fault {
    Fault::error(403, ACCESS_DENIED.0, ACCESS_DENIED.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_key_is_stored_and_used_and_the_old_one_deleted() {
    let scene = Scene::open().await;
    scene.look_up().await;
    let mut before = scene.stored_config();
    before["from_a_later_version"] = json!({"kept": true});
    scene.mount.storage().put_json(KEY, &before);
    scene.mount.invalidate(KEY).await.unwrap();
    scene.look_up().await;
    scene.aws.clear_calls();

    let answer = scene.rotate().await.expect(200);
    let new = scene.aws.access_keys(&scene.server_user);
    assert_eq!(new.len(), 1, "{new:?}");
    assert!(!scene.has_old_key());
    assert_eq!(answer.data, json!({"access_key": new[0]}));
    assert_eq!(answer.warnings, Vec::<String>::new());

    assert_eq!(actions(&scene.aws), ["GetUser", "CreateAccessKey", "DeleteAccessKey"]);
    let calls = scene.aws.all_calls();
    assert!(calls.iter().all(|call| call.access_key_id == scene.old().access_key_id));
    assert_eq!(calls[0].parameter("UserName"), None, "the caller itself");
    assert_eq!(calls[1].parameter("UserName").as_deref(), Some("vault"));
    assert_eq!(calls[2].parameter("UserName").as_deref(), Some("vault"));
    assert_eq!(calls[2].parameter("AccessKeyId").as_deref(), Some(scene.old().access_key_id.as_str()));

    let mut after = scene.stored_config();
    assert_ne!(after["secret_key"], before["secret_key"]);
    for name in ["access_key", "secret_key"] {
        before[name] = Value::Null;
        after[name] = Value::Null;
    }
    assert_eq!(after, before, "all else is as it was");

    scene.aws.clear_calls();
    assert_eq!(scene.look_up().await.access_key_id, new[0]);
    assert_eq!(actions(&scene.aws), ["GetUser"], "whose the key is was known");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_there_is_nothing_to_rotate() {
    let scene = Scene::open().await;
    for (fields, text) in [
        (json!({"access_key": ""}), "can't update access_key because it's unset"),
        (json!({"access_key": "AKIA", "secret_key": ""}), "can't update secret_key because it's unset"),
    ] {
        scene.mount.write(KEY, &fields).await.expect(204);
        assert_eq!(scene.rotate().await.expect(400).error(), text);
    }
    scene.mount.delete(KEY).await.expect(204);
    let answer = scene.rotate().await.expect(400);
    assert_eq!(answer.error(), "can't update client config because it's unset");
    assert_eq!(scene.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_has_changed_when_aws_refuses_before_a_key_is_made() {
    let scene = Scene::open().await;
    let text = |call: &str| {
        format!(
            "error calling {call}: {}: {}\n\tstatus code: 403, request id: ",
            ACCESS_DENIED.0, ACCESS_DENIED.1
        )
    };
    for (action, fault, expected) in [
        ("GetUser", denied(), text("GetUser")),
        ("GetUser", Fault::Missing("User".to_owned()), "nil user returned from GetUser".to_owned()),
        ("GetUser", Fault::Missing("UserName".to_owned()), "nil UserName returned from GetUser".to_owned()),
        (
            "GetUser",
            Fault::xml("<html/>"),
            format!("error calling GetUser: GetUser at {}: the answer could not be read", scene.aws.url()),
        ),
        ("CreateAccessKey", denied(), text("CreateAccessKey")),
    ] {
        scene.aws.fault(action, 1, fault);
        let answer = scene.rotate().await.expect(500);
        assert!(answer.error().starts_with(&expected), "{}", answer.error());
        scene.assert_old_key_is_stored();
        assert_eq!(scene.new_keys(), Vec::<String>::new(), "{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_two_keys_gets_no_third_one() {
    let scene = Scene::open().await;
    let second = scene.aws.create_access_key(&scene.server_user);
    let answer = scene.rotate().await.expect(500);
    let expected = "error calling CreateAccessKey: LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2\n\tstatus code: 409, request id: ";
    assert!(answer.error().starts_with(expected), "{}", answer.error());
    scene.assert_old_key_is_stored();
    assert_eq!(scene.new_keys(), [second.access_key_id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_aws_does_not_tell_is_not_stored() {
    let scene = Scene::open().await;
    for part in ["AccessKeyId", "SecretAccessKey"] {
        scene.aws.fault("CreateAccessKey", 1, Fault::Missing(part.to_owned()));
        let answer = scene.rotate().await.expect(500);
        assert_eq!(answer.error(), "nil AccessKeyId or SecretAccessKey returned from CreateAccessKey");
        scene.assert_old_key_is_stored();
        // Nobody knows it, so nobody can delete it.
        assert_eq!(scene.new_keys().len(), 1);
        scene.aws.delete_key(&scene.new_keys()[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_answer_is_lost_is_not_stored() {
    let scene = Scene::open().await;
    scene.aws.fault("CreateAccessKey", 1, Fault::Close);
    let answer = scene.rotate().await.expect(500);
    let expected = "error calling CreateAccessKey: LimitExceeded: ";
    assert!(answer.error().starts_with(expected), "{}", answer.error());
    scene.assert_old_key_is_stored();
    assert_eq!(scene.new_keys().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_stored_is_deleted_again() {
    let scene = Scene::open().await;
    scene.mount.storage().fail(Call::Put, KEY, "disk full");
    let answer = scene.rotate().await.expect(500);
    assert_eq!(answer.error(), "1 error occurred:\n\t* error saving new client config: disk full\n\n");
    scene.assert_old_key_is_stored();
    assert_eq!(scene.new_keys(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_can_neither_be_stored_nor_deleted_is_named() {
    let scene = Scene::open().await;
    scene.mount.storage().fail(Call::Put, KEY, "disk full");
    scene.aws.fault("DeleteAccessKey", 1, denied());
    let answer = scene.rotate().await.expect(500);
    scene.assert_old_key_is_stored();
    let new = scene.new_keys();
    let expected = format!(
        "2 errors occurred:\n\t* error saving new client config: disk full\n\t* error deleting newly created but unstored access key ID {}: {}: {}\n\tstatus code: 403, ",
        new[0], ACCESS_DENIED.0, ACCESS_DENIED.1
    );
    assert!(answer.error().starts_with(&expected), "{}", answer.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_stored_after_all_is_not_deleted() {
    let scene = Scene::open().await;
    scene.mount.storage().fail_after_put(KEY, "connection lost");
    let answer = scene.rotate().await.expect(200);
    assert_eq!(answer.data["access_key"], scene.stored_config()["access_key"]);
    assert_eq!(scene.new_keys(), [scene.stored_config()["access_key"].as_str().unwrap()]);
    assert!(!scene.has_old_key());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_that_cannot_be_deleted_is_named_and_the_new_one_used() {
    let scene = Scene::open().await;
    scene.aws.fault("DeleteAccessKey", 1, denied());
    let answer = scene.rotate().await.expect(500);
    let expected = format!(
        "1 error occurred:\n\t* error deleting old access key ID {}: {}: {}\n\tstatus code: 403, request id: ",
        scene.old().access_key_id,
        ACCESS_DENIED.0,
        ACCESS_DENIED.1
    );
    assert!(answer.error().starts_with(&expected), "{}", answer.error());
    assert!(scene.has_old_key());
    assert_eq!(scene.new_keys(), [scene.stored_config()["access_key"].as_str().unwrap()]);
    assert_eq!(scene.look_up().await.access_key_id, scene.new_keys()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_calls_are_tried_again_whatever_max_retries_says() {
    let scene = Scene::open().await;
    scene.mount.write(KEY, &json!({"max_retries": 0})).await.expect(204);
    for action in ["GetUser", "CreateAccessKey", "DeleteAccessKey"] {
        scene.aws.fault(action, 1, Fault::throttling());
    }
    scene.rotate().await.expect(200);
    for action in ["GetUser", "CreateAccessKey", "DeleteAccessKey"] {
        assert_eq!(scene.aws.call_count(action), 2, "{action}");
    }
    assert_eq!((scene.has_old_key(), scene.new_keys().len()), (false, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_does_not_call_aws() {
    let scene = Scene::open().await;
    for (state, local_mount) in
        [(PERFORMANCE_STANDBY, false), (PERFORMANCE_STANDBY, true), (PERFORMANCE_SECONDARY, false)]
    {
        scene.mount.system_view().update(|values| {
            values.replication_state = state;
            values.local_mount = local_mount;
        });
        assert_eq!(scene.rotate().await.expect(500).error(), READ_ONLY);
        assert_eq!(scene.on_schedule().await.expect(500).error(), READ_ONLY);
    }
    assert_eq!(scene.aws.total_calls(), 0);
    scene.mount.system_view().update(|values| {
        values.replication_state = PERFORMANCE_SECONDARY;
        values.local_mount = true;
    });
    scene.rotate().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_turns_out_not_to_write_gives_the_key_back() {
    let scene = Scene::open().await;
    scene.mount.storage().set_read_only(true);
    assert_eq!(scene.rotate().await.expect(500).error(), READ_ONLY);
    scene.assert_old_key_is_stored();
    assert_eq!(scene.new_keys(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_on_schedule_gives_no_answer_but_an_error() {
    let scene = Scene::open().await;
    let answer = scene.on_schedule().await;
    assert_eq!(answer.raw.unwrap(), testkit::proto::pb::HandleRequestReply::default());
    assert_eq!(scene.new_keys(), [scene.stored_config()["access_key"].as_str().unwrap()]);
    assert!(!scene.has_old_key());

    scene.aws.fault("GetUser", 1, denied());
    let answer = scene.on_schedule().await.expect(500);
    assert!(answer.error().starts_with("error calling GetUser: "), "{}", answer.error());

    // A refusal would look like success to the rotation manager.
    scene.mount.delete(KEY).await.expect(204);
    let reply = scene.on_schedule().await.raw.unwrap();
    assert_eq!(reply.response, None);
    assert_eq!(reply.err.unwrap().err_msg, "can't update client config because it's unset");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_whose_request_is_given_up_is_carried_through() {
    let scene = Scene::open().await;
    let gate = Gate::new();
    scene.aws.fault("CreateAccessKey", 1, Fault::Hold(gate.clone()));
    let mount = scene.mount.clone();
    let request = tokio::spawn(async move { mount.write(PATH, &json!({})).await });
    scene.aws.wait_for_calls("CreateAccessKey", 1).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    gate.open();
    scene.aws.wait_for_calls("DeleteAccessKey", 1).await;
    assert_eq!(scene.new_keys(), [scene.stored_config()["access_key"].as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_during_a_rotation_stays() {
    let scene = Scene::open().await;
    let gate = Gate::new();
    scene.aws.fault("CreateAccessKey", 1, Fault::Hold(gate.clone()));
    let during = async {
        scene.aws.wait_for_calls("CreateAccessKey", 1).await;
        // Nothing waits for AWS meanwhile.
        scene.mount.write(KEY, &json!({"sts_region": "eu-west-1"})).await.expect(204);
        gate.open();
    };
    let (answer, ()) = tokio::join!(scene.rotate(), during);
    assert_eq!(answer.expect(200).data["access_key"], scene.stored_config()["access_key"]);
    assert_eq!(scene.stored_config()["sts_region"], "eu-west-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_configured_during_a_rotation_win() {
    let scene = Scene::open().await;
    let other = scene.aws.create_user("other");
    let gate = Gate::new();
    scene.aws.fault("CreateAccessKey", 1, Fault::Hold(gate.clone()));
    let during = async {
        scene.aws.wait_for_calls("CreateAccessKey", 1).await;
        let Credentials { access_key_id, secret_access_key, .. } = &other.credentials;
        let fields = json!({"access_key": access_key_id, "secret_key": secret_access_key});
        scene.mount.write(KEY, &fields).await.expect(204);
        gate.open();
    };
    let (answer, ()) = tokio::join!(scene.rotate(), during);
    let expected =
        "1 error occurred:\n\t* error saving new client config: other credentials were stored meanwhile\n\n";
    assert_eq!(answer.expect(500).error(), expected);
    assert_eq!(scene.stored_config()["access_key"], json!(other.credentials.access_key_id));
    assert_eq!((scene.has_old_key(), scene.new_keys().len()), (true, 0));
    assert_eq!(scene.look_up().await.access_key_id, other.credentials.access_key_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_user_of_an_account_has_no_name() {
    let scene = Scene::open().await;
    let root = scene.aws.root(&scene.server_user.entity.account);
    let fields = json!({"access_key": root.access_key_id, "secret_key": root.secret_access_key});
    scene.mount.write(KEY, &fields).await.expect(204);
    assert_eq!(scene.rotate().await.expect(500).error(), "nil UserName returned from GetUser");
}

/// The region decides in which partition IAM is looked for, when no endpoint is configured.
#[tokio::test(flavor = "multi_thread")]
async fn iam_is_that_of_the_region_the_server_runs_in() {
    let profile = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(profile.path(), "[default]\nregion = cn-northwest-1\n").unwrap();
    let profile = profile.path().to_str().unwrap();
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Variables<'_>, &str, &str, &str); 4] = [
        (&[], "aws", "iam.amazonaws.com", "us-east-1"),
        (
            &[("AWS_REGION", "us-gov-east-1"), ("AWS_DEFAULT_REGION", "eu-west-1")],
            "aws-us-gov",
            "iam.us-gov.amazonaws.com",
            "us-gov-west-1",
        ),
        (&[("AWS_DEFAULT_REGION", "cn-north-1")], "aws-cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        (&[("AWS_CONFIG_FILE", profile)], "aws-cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ];
    for (environment, partition, host, region) in cases {
        let certificates = tempfile::NamedTempFile::new().unwrap();
        let scene = Scene::launch(|launch, aws| {
            std::fs::write(certificates.path(), aws.ca_pem()).unwrap();
            let launch = launch.env("HTTPS_PROXY", aws.proxy_url()).env("SSL_CERT_FILE", certificates.path());
            environment.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
        })
        .await;
        let user = scene.aws.create_user(Entity::named("there").partition(partition));
        let Credentials { access_key_id, secret_access_key, .. } = &user.credentials;
        let fields =
            json!({"access_key": access_key_id, "secret_key": secret_access_key, "iam_endpoint": ""});
        scene.mount.write(KEY, &fields).await.expect(204);
        scene.rotate().await.expect(200);
        for call in scene.aws.all_calls() {
            assert_eq!((call.header("Host"), call.region.as_str()), (Some(host), region), "{environment:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_none_is_named() {
    let scene = Scene::launch(|launch, _| launch.env("AWS_REGION", "evil.example#")).await;
    let answer = scene.rotate().await.expect(500);
    assert_eq!(
        answer.error(),
        "error retrieving region: the configured region \"evil.example#\" is not a region"
    );
    assert_eq!(scene.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_metadata_service_does_not_hold_a_rotation_up() {
    let silent = SilentListener::start();
    let scene = Scene::launch(|launch, _| {
        launch.env_remove("AWS_EC2_METADATA_DISABLED").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url())
    })
    .await;
    let begun = std::time::Instant::now();
    scene.rotate().await.expect(200);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_update_rotates() {
    let scene = Scene::open().await;
    for operation in ["read", "delete", "list", "create"] {
        scene.mount.ask(operation, PATH, &Value::Null).await.expect(405);
    }
    scene.mount.write(PATH, &json!({"unknown": 1})).await.expect(200);
    let warning = "Endpoint ignored these unrecognized parameters: [unknown]";
    assert_eq!(scene.mount.write(PATH, &json!({"unknown": 1})).await.expect(200).warnings, [warning]);
    assert_eq!(scene.aws.call_count("CreateAccessKey"), 2);
}
