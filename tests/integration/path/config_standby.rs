//! Nodes that cannot write: the host's own text goes back alone and unchanged, so that the host
//! forwards the request to the node that can.

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::{Call, Launch, READ_ONLY};
use testkit::stage::Stage;

const STANDBY: i32 = 16384;
const SECONDARY: i32 = 64;

/// Every request that writes: operation, path, data.
fn writes(stage: &Stage) -> Vec<(&'static str, &'static str, Value)> {
    let principal = json!({"bound_iam_principal_arn": stage.server_user.arn});
    vec![
        ("create", "config/client", json!({"sts_region": "eu-west-1"})),
        ("update", "config/client", json!({"sts_region": "eu-west-1"})),
        ("delete", "config/client", Value::Null),
        ("update", "config/identity", json!({"iam_alias": "unique_id"})),
        ("create", "config/sts/444455556666", json!({"sts_role": "arn:r"})),
        ("update", "config/sts/777788889999", json!({"sts_role": "arn:s"})),
        ("delete", "config/sts/777788889999", Value::Null),
        ("create", "role/new", principal.clone()),
        ("update", "role/dev", principal),
        ("delete", "role/dev", Value::Null),
    ]
}

async fn stage_with_entries(launch: Launch) -> Stage {
    let stage = Stage::on(launch).await;
    stage.role_for("dev", &stage.server_user.arn).await;
    stage.mount.write("config/sts/777788889999", &json!({"sts_role": "arn:r"})).await.expect(204);
    stage
}

/// The reply has the text and nothing beside it.
async fn check_alone(stage: &Stage, when: &str) {
    let before = stage.mount.storage().entries();
    for (operation, path, data) in writes(stage) {
        let reply = stage.mount.request(operation, path, &data).reply().await.unwrap();
        assert_eq!(reply.response, None, "{when}: {operation} {path}");
        let error = reply.err.unwrap_or_else(|| panic!("{when}: {operation} {path} succeeded"));
        assert_eq!((error.err_type, error.err_msg.as_str()), (0, READ_ONLY), "{when}: {operation} {path}");
    }
    assert_eq!(stage.mount.storage().entries(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_only_text_of_storage_goes_back_alone() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let stage = stage_with_entries(launch).await;
        stage.mount.storage().set_read_only(true);
        check_alone(&stage, "storage says it").await;

        // Hosts wrap the text; the plugin gives it bare.
        stage.mount.storage().set_read_only(false);
        for (_, path, _) in writes(&stage) {
            for call in [Call::Put, Call::Delete] {
                stage.mount.storage().fail(call, path, &format!("put {path}: {READ_ONLY}"));
            }
        }
        check_alone(&stage, "storage says it with more").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_asks_aws_nothing() {
    for state in [STANDBY, SECONDARY] {
        let stage = stage_with_entries(under_test::vault()).await;
        stage.mount.system_view().update(|host| host.replication_state = state);
        stage.mount.storage().set_read_only(true);
        check_alone(&stage, "standby").await;
        assert_eq!(stage.aws.total_calls(), 0);

        // With the host's questions around them, as an API client sees it.
        let principal = json!({"bound_iam_principal_arn": stage.server_user.arn});
        for path in ["role/new", "role/dev"] {
            assert_eq!(stage.mount.write(path, &principal).await.error(), READ_ONLY);
        }
        assert_eq!(stage.mount.write("config/client", &json!({"max_retries": 1})).await.error(), READ_ONLY);
        assert_eq!(stage.aws.total_calls(), 0);

        // The rotation manager is the writer's to tell, and so are identity tokens.
        let rotation = json!({"rotation_period": 60, "role_arn": "arn:r", "identity_token_audience": "a"});
        assert_eq!(stage.mount.write("config/client", &rotation).await.error(), READ_ONLY);
        stage.mount.storage().put_json("config/client", &json!({"rotation_period": 60_000_000_000_i64}));
        stage.mount.invalidate("config/client").await.unwrap();
        assert_eq!(stage.mount.delete("config/client").await.error(), READ_ONLY);
        let view = stage.mount.system_view();
        assert_eq!((view.registered_jobs().len(), view.deregistered_jobs().len()), (0, 0));
        assert_eq!(view.identity_tokens(), []);

        // Logins and reads are served here.
        stage.mount.read("role/dev").await.expect(200);
        stage.mount.storage().put("config/client", "{}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_served_where_nothing_can_be_written() {
    // The host forwards those at standbys of OpenBao.
    for (launch, state) in [
        (under_test::vault(), STANDBY),
        (under_test::vault(), SECONDARY),
        (under_test::open_bao(), SECONDARY),
    ] {
        let stage = Stage::on(launch).await;
        let dev = stage.aws.create_user("dev");
        stage.role("dev", json!({"bound_iam_principal_arn": dev.arn})).await;
        stage.role("w", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
        stage.mount.system_view().update(|host| host.replication_state = state);
        stage.mount.storage().set_read_only(true);
        for key in ["role/dev", "role/w", "config/client", "config/identity"] {
            stage.mount.invalidate(key).await.unwrap();
        }
        let auth = stage.admitted(&dev.credentials, "dev").await;
        stage.admitted(&dev.credentials, "w").await;
        stage.mount.renew(&auth).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_of_the_cluster_s_own_is_written_on_a_secondary() {
    let stage = stage_with_entries(under_test::vault()).await;
    stage.mount.system_view().update(|host| {
        host.replication_state = SECONDARY;
        host.local_mount = true;
    });
    stage.role("new", json!({"bound_iam_principal_arn": stage.server_user.arn})).await;
    stage.mount.write("config/client", &json!({"max_retries": 1})).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_texts_of_storage_are_shown() {
    let stage = stage_with_entries(under_test::open_bao()).await;
    for (operation, path, data) in writes(&stage) {
        let call = if operation == "delete" { Call::Delete } else { Call::Put };
        stage.mount.storage().fail(call, path, "disk full");
        let answer = stage.mount.request(operation, path, &data).send().await;
        let text = if (operation, path) == ("delete", "role/dev") {
            "error deleting role: disk full"
        } else {
            "disk full"
        };
        assert_eq!((answer.status, answer.error()), (500, text), "{operation} {path}");
    }
}

/// An entry that nobody can read any more can still be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_entry_can_be_deleted() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let stage = stage_with_entries(launch).await;
        for key in ["config/client", "config/sts/777788889999", "role/dev"] {
            stage.mount.storage().put(key, "not JSON");
            stage.mount.invalidate(key).await.unwrap();
            stage.mount.delete(key).await.expect(204);
            assert_eq!(stage.mount.storage().get(key), None);
        }
    }
}
