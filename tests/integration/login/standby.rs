//! Logins at a node that cannot write: where the host forwards them anyway, AWS is asked at the node they are
//! forwarded to and nowhere else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::User;
use testkit::host::{Answer, Launch, PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, READ_ONLY};
use testkit::stage::{Stage, with};

const LOG_LIMIT: Duration = Duration::from_secs(20);

/// A node in that state of replication, and the user whom its role `dev` admits.
async fn node(launch: Launch, state: i32) -> (Stage, User) {
    let stage = Stage::on(launch).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    stage.mount.system_view().update(|host| host.replication_state = state);
    stage.mount.storage().set_read_only(true);
    (stage, dev)
}

async fn look_ahead(stage: &Stage, data: &Value) -> Answer {
    stage.mount.request("alias-lookahead", "login", data).send().await
}

/// The reply to an operation of `login` is the host's text with nothing beside it, and AWS was not asked.
async fn assert_left_to_the_writer(stage: &Stage, operation: &str, data: &Value) {
    let reply = stage.mount.request(operation, "login", data).reply().await.unwrap();
    assert_eq!(reply.response, None, "{operation} {data}");
    let error = reply.err.unwrap_or_else(|| panic!("{operation} {data} succeeded"));
    assert_eq!((error.err_type, error.err_msg.as_str()), (0, READ_ONLY), "{operation} {data}");
    assert_eq!(stage.aws.total_calls(), 0, "{operation} {data}");
}

/// Question, login and look-ahead are answered here.
async fn assert_served(stage: &Stage, dev: &User) {
    for role in ["", "dev"] {
        let data = stage.login_data(&dev.credentials, role);
        assert_eq!(stage.mount.resolve_role(&data).await.expect(200).data["role"], "dev");
        stage.mount.login_only(&data).await.expect(200);
        look_ahead(stage, &data).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_of_openbao_leaves_logins_to_the_writer() {
    for state in [PERFORMANCE_STANDBY, PERFORMANCE_STANDBY | PERFORMANCE_SECONDARY] {
        let (stage, dev) = node(under_test::open_bao(), state).await;
        let nameless = stage.login_data(&dev.credentials, "");
        for data in [
            nameless.clone(),
            with(&nameless, json!({"role": null})),
            // Whatever is wrong with it, the writer says so.
            with(&nameless, json!({"iam_request_url": "***"})),
            with(&nameless, json!({"pkcs7": "x"})),
            json!({"pkcs7": "***"}),
            json!({}),
        ] {
            for operation in ["update", "alias-lookahead", "resolve-role"] {
                assert_left_to_the_writer(&stage, operation, &data).await;
            }
        }
        for role in ["dev", "nope"] {
            let named = with(&nameless, json!({"role": role}));
            assert_left_to_the_writer(&stage, "update", &named).await;
            assert_left_to_the_writer(&stage, "alias-lookahead", &named).await;
            // A named role needs no look at the login.
            assert_eq!(stage.mount.resolve_role(&named).await.expect(200).data["role"], role);
        }
        assert_eq!(stage.aws.total_calls(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_left_to_the_writer_is_no_refusal() {
    let (stage, dev) = node(under_test::open_bao(), PERFORMANCE_STANDBY).await;
    for role in ["left", "dev"] {
        assert_eq!(stage.login(&dev.credentials, role).await.error(), READ_ONLY);
    }
    // The node becomes the writer, and speaks of what is refused from then on.
    stage.mount.system_view().update(|host| host.replication_state = 0);
    stage.mount.storage().set_read_only(false);
    stage.refused(&dev.credentials, "after").await;
    let line = stage.host.wait_for_log(LOG_LIMIT, |entry| entry.fields.get("role") == Some(&json!("after")));
    assert!(line.await.is_some(), "no line about the refusal");
    let lines = stage.host.logs();
    let entries = lines.iter().filter_map(|line| line.entry.as_ref().ok());
    let roles: Vec<_> = entries.filter_map(|entry| entry.fields.get("role")).collect();
    assert_eq!(roles, ["after"]);
    stage.admitted(&dev.credentials, "dev").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_nodes_serve_logins() {
    for (launch, state) in [
        (under_test::open_bao(), PERFORMANCE_SECONDARY),
        (under_test::vault(), PERFORMANCE_SECONDARY),
        (under_test::vault(), PERFORMANCE_STANDBY),
    ] {
        let (stage, dev) = node(launch, state).await;
        assert_served(&stage, &dev).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_say_what_the_node_is_has_logins_served() {
    let (stage, dev) = node(under_test::open_bao(), PERFORMANCE_STANDBY).await;
    stage.mount.system_view().update(|host| "not now".clone_into(&mut host.replication_error));
    assert_served(&stage, &dev).await;
    let line = stage.host.wait_for_log(LOG_LIMIT, |entry| {
        entry.fields.get("reason").and_then(Value::as_str).is_some_and(|reason| reason.contains("not now"))
    });
    assert_eq!(line.await.expect("a line about the host").level, "debug");
}

#[tokio::test(flavor = "multi_thread")]
async fn vault_is_not_asked_what_the_node_is() {
    let (stage, dev) = node(under_test::vault(), PERFORMANCE_STANDBY).await;
    let before = stage.mount.system_view().calls("ReplicationState");
    assert_served(&stage, &dev).await;
    assert_eq!(stage.mount.system_view().calls("ReplicationState"), before);
}
