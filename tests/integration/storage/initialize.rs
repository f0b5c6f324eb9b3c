//! What a mount does once after it was set up, and what goes on meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{Aws, Fault, Gate, Outcome, User};
use testkit::host::{
    Call, DR_SECONDARY, Flavor, Host, HostView, LogEntry, MemoryStorage, Mount, MountOptions,
    PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, READ_ONLY,
};

const VERSION: &str = "config/version";
const LIMIT: Duration = Duration::from_secs(20);

/// A role of version 1 that needs nobody to be brought to the current version.
fn old_role() -> Value {
    json!({"version": 1, "auth_type": "ec2", "bound_ami_id_list": ["ami-1"], "bound_iam_role_arn_list": ["arn:aws:iam::1:role/a"]})
}

/// A role of version 0 whose principal must be looked up.
fn role_to_resolve(user: &User) -> Value {
    json!({"auth_type": "iam", "resolve_aws_unique_ids": true, "bound_iam_principal_arn": user.arn})
}

fn with_role(role: &Value) -> Arc<MemoryStorage> {
    let storage = MemoryStorage::new();
    storage.put_json("role/old", role);
    storage
}

fn on(storage: &Arc<MemoryStorage>) -> MountOptions {
    MountOptions { storage: Some(Arc::clone(storage)), ..MountOptions::default() }
}

/// A mount whose initialization has only begun.
async fn begun(host: &Host, options: MountOptions) -> Mount {
    host.try_mount("aws", options).await.unwrap_or_else(|error| panic!("{error}"))
}

fn role_version(storage: &MemoryStorage, name: &str) -> Value {
    storage.json(&format!("role/{name}")).unwrap()["version"].clone()
}

async fn error_of_initialization(host: &Host, text: &str) -> LogEntry {
    let wanted = |entry: &LogEntry| {
        entry.message == "error running initialization"
            && entry.fields.get("error").and_then(Value::as_str).is_some_and(|error| error.contains(text))
    };
    let found = host.wait_for_log(LIMIT, wanted).await;
    found.unwrap_or_else(|| panic!("no such error: {text}; {:#?}", host.logs()))
}

/// AWS, and storage configured for it with a role that needs it.
async fn aws_with_role() -> (Aws, User, Arc<MemoryStorage>) {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let storage = with_role(&role_to_resolve(&user));
    let url = aws.url();
    storage.put_json(
        "config/client",
        &json!({
            "access_key": user.credentials.access_key_id,
            "secret_key": user.credentials.secret_access_key,
            "iam_endpoint": url,
            "sts_endpoint": url,
        }),
    );
    (aws, user, storage)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mount_gets_the_current_version() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    assert_eq!(mount.storage().get(VERSION).unwrap(), b"{\"version\":1}\n");
    assert_eq!(mount.storage().keys(), [VERSION]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_roles_are_brought_to_the_current_version() {
    let (aws, user, storage) = aws_with_role().await;
    storage.put_json("role/other", &old_role());
    storage.put_json(VERSION, &json!({"version": 0, "from_a_later_version": true}));
    storage.put_json("role/folder/x", &old_role());
    let host = under_test::host().await;
    let _mount = begun(&host, on(&storage)).await;
    let deadline = Instant::now() + LIMIT;
    while storage.json(VERSION).unwrap()["version"] != 1 {
        assert!(Instant::now() < deadline, "{:#?}", host.logs());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(storage.json(VERSION).unwrap(), json!({"version": 1, "from_a_later_version": true}));
    assert_eq!((role_version(&storage, "old"), role_version(&storage, "other")), (json!(3), json!(3)));
    assert_eq!(storage.json("role/old").unwrap()["bound_iam_principal_id_list"], json!([user.unique_id]));
    assert_eq!(storage.json("role/folder/x").unwrap(), old_role(), "not a role");
    assert_eq!(aws.call_count("GetUser"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_of_the_current_version_is_left_alone() {
    let storage = with_role(&old_role());
    storage.put_json(VERSION, &json!({"version": 1}));
    let gate = storage.hold_get(VERSION);
    let host = under_test::host().await;
    let mount = begun(&host, on(&storage)).await;
    gate.arrived(1).await;
    gate.open();
    mount.read("config/identity").await.expect(200);
    assert_eq!((storage.counts().lists, storage.counts().puts), (0, 0));
    assert_eq!(storage.json("role/old").unwrap(), old_role());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_nobody_knows_is_logged_and_left() {
    let storage = with_role(&old_role());
    storage.put_json(VERSION, &json!({"version": 7}));
    let host = under_test::host().await;
    let mount = begun(&host, on(&storage)).await;
    let entry = error_of_initialization(&host, "unrecognized role version: 7").await;
    assert_eq!((entry.level.as_str(), entry.fields["mount"].as_str()), ("error", Some(mount.uuid())));
    assert_eq!(storage.json(VERSION).unwrap(), json!({"version": 7}));
    assert_eq!(storage.json("role/old").unwrap(), old_role());
    mount.write("config/client", &json!({})).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_node_that_writes_does_it() {
    for (state, local_mount, does) in [
        (PERFORMANCE_STANDBY, false, false),
        (PERFORMANCE_STANDBY, true, false),
        (PERFORMANCE_SECONDARY, false, false),
        (DR_SECONDARY, false, false),
        (DR_SECONDARY, true, false),
        (PERFORMANCE_SECONDARY, true, true),
    ] {
        let storage = with_role(&old_role());
        let view = HostView::new(Flavor::OpenBao, "2.7.2");
        view.update(|values| {
            values.replication_state = state;
            values.local_mount = local_mount;
        });
        let host = under_test::host().await;
        let options = MountOptions { system_view: Some(Arc::clone(&view)), ..on(&storage) };
        let mount = if does { host.mount("aws", options).await } else { begun(&host, options).await };
        let deadline = Instant::now() + LIMIT;
        while view.calls("ReplicationState") == 0 {
            assert!(Instant::now() < deadline, "nobody asked");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        mount.read("config/identity").await.expect(200);
        assert_eq!(storage.get(VERSION).is_some(), does, "{state} {local_mount}");
        assert_eq!(storage.counts().lists > 0, does, "{state} {local_mount}");
        assert_eq!(role_version(&storage, "old") == 3, does, "{state} {local_mount}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_tried_again_at_the_next_start() {
    let storage = with_role(&old_role());
    storage.put("role/broken", "{");
    let host = under_test::host().await;
    let mount = begun(&host, on(&storage)).await;
    error_of_initialization(&host, "role/broken: error reading role/broken: ").await;
    assert_eq!(storage.get(VERSION), None);
    mount.read("role/old").await.expect(200);

    storage.fail(Call::List, "role/", "storage is away");
    mount.reload().await.unwrap();
    error_of_initialization(&host, "storage is away").await;
    assert_eq!(storage.get(VERSION), None);

    storage.heal();
    storage.remove("role/broken");
    storage.set_read_only(true);
    mount.reload().await.unwrap();
    error_of_initialization(&host, READ_ONLY).await;
    assert_eq!(storage.get(VERSION), None);

    storage.set_read_only(false);
    mount.reload().await.unwrap();
    mount.initialized().await;
    assert_eq!(role_version(&storage, "old"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_it() {
    let (aws, user, storage) = aws_with_role().await;
    let gate = Gate::new();
    aws.fault("GetUser", 1, Fault::Hold(gate.clone()));
    let host = under_test::host().await;
    let mount = begun(&host, on(&storage)).await;
    aws.wait_for_calls("GetUser", 1).await;

    mount.write("config/client", &json!({"max_retries": 1})).await.expect(204);
    let role =
        json!({"auth_type": "iam", "bound_iam_principal_arn": user.arn, "resolve_aws_unique_ids": false});
    mount.write("role/new", &role).await.expect(204);
    mount.read("role/new").await.expect(200);
    assert_eq!(mount.list("role").await.expect(200).data["keys"], json!(["new", "old"]));
    // Whoever needs the old role meanwhile brings it to the current version; it stays at that.
    let id = mount.read("role/old").await.expect(200).data["role_id"].clone();
    assert_eq!(storage.get(VERSION), None);

    gate.open();
    mount.initialized().await;
    assert_eq!(storage.json("role/old").unwrap()["role_id"], id);
    assert_eq!(mount.read("role/old").await.expect(200).data["role_id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_ends_it() {
    let (aws, _, storage) = aws_with_role().await;
    aws.fault("GetUser", 1, Fault::Hang);
    let host = under_test::host().await;
    let mount = begun(&host, on(&storage)).await;
    aws.wait_for_calls("GetUser", 1).await;
    let begun = Instant::now();
    mount.cleanup().await.unwrap();
    aws.wait_until(|calls| calls.iter().any(|call| call.outcome == Outcome::Abandoned)).await;
    // Long before it would have been given up by itself.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(storage.get(VERSION), None);
    assert!(storage.json("role/old").unwrap().get("version").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_read_at_the_same_time_gets_one_id() {
    let storage = with_role(&json!({"version": 2, "auth_type": "ec2", "bound_ami_id_list": ["ami-1"]}));
    let gate = storage.hold_get("role/old");
    let host = under_test::host().await;
    let mount = begun(&host, on(&storage)).await;
    gate.arrived(1).await;
    let read = async {
        let answer = mount.read("role/old").await.expect(200);
        answer.data["role_id"].clone()
    };
    let open = async {
        gate.arrived(2).await;
        gate.open();
    };
    let (id, ()) = tokio::join!(read, open);
    mount.initialized().await;
    assert_eq!(storage.json("role/old").unwrap()["role_id"], id);
    assert_eq!(mount.read("role/old").await.expect(200).data["role_id"], id);
}
