//! `rotate_in_plugin` of `config/client`: rotation where the host has no rotation manager.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{Fault, Gate};
use testkit::host::{Host, Mount, MountOptions, PERFORMANCE_STANDBY};
use testkit::stage::{Stage, with};

const KEY: &str = "config/client";
const STATE: &str = "rotation/state";
const PENDING: &str = "rotation/key";
const UNSUPPORTED: &str = "rotation manager capabilities not supported in Vault community edition";

async fn open_bao(changes: Value) -> Stage {
    let launch = under_test::open_bao().env("AWS_EC2_METADATA_DISABLED", "true");
    Stage::set(launch).await.configured(changes).await
}

fn daily() -> Value {
    json!({"rotate_in_plugin": true, "rotation_period": "24h", "iam_strict_request": true})
}

/// Waits for what the background does after a timer.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what} does not come");
        tokio::task::yield_now().await;
    }
}

/// The timer, and the state that it leaves at once.
async fn first_tick(mount: &Mount) {
    mount.rollback().await.expect(204);
    until("a state", || mount.storage().get(STATE).is_some()).await;
}

/// Makes the rotation due: the key is as if it had been there for two days.
fn age(mount: &Mount) {
    let mut state = mount.storage().json(STATE).unwrap();
    state["counted_from"] = json!("2020-01-01T00:00:00Z");
    mount.storage().put_json(STATE, &state);
}

fn configured(mount: &Mount) -> String {
    mount.storage().json(KEY).unwrap()["access_key"].as_str().unwrap().to_owned()
}

/// Timers until nothing is left of a rotation.
async fn finish(stage: &Stage, mount: &Mount) {
    let end = Instant::now() + Duration::from_secs(20);
    while mount.storage().get(PENDING).is_some() || stage.aws.access_keys(&stage.server_user).len() > 1 {
        assert!(Instant::now() < end, "the rotation does not end");
        mount.rollback().await.expect(204);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_rotated_and_the_status_tells() {
    let stage = open_bao(daily()).await;
    let old = configured(&stage.mount);
    assert_eq!(stage.mount.read(KEY).await.expect(200).data["rotate_in_plugin"], true);
    first_tick(&stage.mount).await;
    let rotation = stage.mount.read("status/aws").await.expect(200).data["rotation"].clone();
    assert_eq!((&rotation["last_rotation"], &rotation["under_way"]), (&Value::Null, &json!(false)));
    assert!(rotation["next_rotation"].is_string(), "{rotation}");
    assert_eq!(stage.aws.total_calls(), 0);

    age(&stage.mount);
    stage.mount.rollback().await.expect(204);
    until("a pending key", || stage.mount.storage().get(PENDING).is_some()).await;
    assert_eq!(configured(&stage.mount), old, "the new key is not used before AWS is asked for it");
    finish(&stage, &stage.mount).await;
    let new = configured(&stage.mount);
    assert_ne!(new, old);
    assert_eq!(stage.aws.access_keys(&stage.server_user), [new.as_str()]);
    let verified = stage.aws.calls("GetCallerIdentity");
    assert!(verified.iter().all(|call| call.access_key_id == new && call.refused.is_none()));
    let rotation = stage.mount.read("status/aws").await.expect(200).data["rotation"].clone();
    assert!(rotation["last_rotation"].is_string(), "{rotation}");
    assert_eq!((&rotation["failures"], &rotation["last_error"]), (&json!(0), &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_leaves_the_rotation_to_the_next_one() {
    for action in ["GetUser", "GetCallerIdentity", "DeleteAccessKey"] {
        for answered in [false, true] {
            let stage = open_bao(daily()).await;
            first_tick(&stage.mount).await;
            age(&stage.mount);
            let fault = if answered { Fault::Hold(Gate::new()) } else { Fault::Hang };
            stage.aws.fault(action, 1, fault);
            while stage.aws.call_count(action) == 0 {
                stage.mount.rollback().await.expect(204);
                tokio::task::yield_now().await;
            }
            let storage = Arc::clone(stage.mount.storage());
            stage.host.shutdown().await;
            stage.aws.clear_faults();
            let mut state = storage.json(STATE).unwrap();
            // The pause after the attempt is over.
            state["last_attempt"] = json!("2020-01-01T00:00:00Z");
            storage.put_json(STATE, &state);

            let launch = under_test::open_bao().env("AWS_EC2_METADATA_DISABLED", "true");
            let host = Host::launch(launch).await;
            let options = MountOptions { storage: Some(storage), ..MountOptions::default() };
            let mount = host.mount("aws", options).await;
            mount.rollback().await.expect(204);
            let rotated = |mount: &Mount| {
                mount.storage().json(STATE).unwrap()["last_rotation"] != "0001-01-01T00:00:00Z"
            };
            while !rotated(&mount) {
                mount.rollback().await.expect(204);
                tokio::task::yield_now().await;
            }
            finish(&stage, &mount).await;
            assert_eq!(
                stage.aws.access_keys(&stage.server_user),
                [configured(&mount)],
                "{action} {answered}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_does_nothing() {
    let stage = open_bao(daily()).await;
    first_tick(&stage.mount).await;
    age(&stage.mount);
    stage.mount.system_view().update(|values| values.replication_state = PERFORMANCE_STANDBY);
    stage.mount.storage().reset_counts();
    for _ in 0..3 {
        stage.mount.rollback().await.expect(204);
    }
    assert_eq!((stage.aws.total_calls(), stage.mount.storage().counts().puts), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_all_is_as_it_was() {
    let stage = open_bao(json!({})).await;
    let text = "error registering rotation job: rotation manager capabilities not supported by OpenBao";
    let period = json!({"rotation_period": "24h"});
    assert_eq!(stage.mount.write(KEY, &period).await.expect(400).error(), text);
    assert!(stage.stored_config().get("rotate_in_plugin").is_none());
    assert!(stage.mount.read(KEY).await.expect(200).data.get("rotate_in_plugin").is_none());
    stage.mount.rollback().await.expect(204);
    assert!(stage.mount.read("status/aws").await.expect(200).data.get("rotation").is_none());

    // Switched off again, with its fields and without them.
    stage.mount.write(KEY, &with(&period, json!({"rotate_in_plugin": true}))).await;
    assert_eq!(stage.stored_config()["rotate_in_plugin"], true);
    let off = json!({"rotate_in_plugin": false});
    assert_eq!(stage.mount.write(KEY, &off).await.expect(400).error(), text);
    stage.mount.write(KEY, &with(&off, json!({"rotation_period": 0}))).await;
    assert!(stage.stored_config().get("rotate_in_plugin").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_a_rotation_manager_the_plugin_leaves_rotation_to_it() {
    let stage = Stage::on(under_test::vault()).await;
    let jobs = || {
        let view = stage.mount.system_view();
        (view.registered_jobs().len(), view.deregistered_jobs().len())
    };
    let text = "rotate_in_plugin is for servers without a rotation manager, and this one has one: it rotates the access key by the same fields";
    assert_eq!(stage.mount.write(KEY, &daily()).await.expect(400).error(), text);
    assert_eq!(jobs(), (1, 1), "what was tried is taken back");
    // A job that was there stays.
    stage.mount.write(KEY, &json!({"rotation_period": "48h"})).await.expect(204);
    assert_eq!(stage.mount.write(KEY, &daily()).await.expect(400).error(), text);
    assert_eq!(jobs(), (3, 1));
    assert_eq!(stage.mount.system_view().registered_jobs()[2].rotation_period, 48 * 3600);

    // The community edition has the call, and no manager.
    let say = |text: &str| stage.mount.system_view().update(|host| text.clone_into(&mut host.rotation_error));
    say("no quorum");
    let answer = stage.mount.write(KEY, &daily()).await.expect(400);
    assert_eq!(answer.error(), "error registering rotation job: no quorum");
    say(UNSUPPORTED);
    stage.mount.write(KEY, &daily()).await;
    assert_eq!(stage.stored_config()["rotate_in_plugin"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_keep_is_refused() {
    let stage = open_bao(json!({})).await;
    for (fields, text) in [
        (json!({"rotation_period": 599}), "with rotate_in_plugin, rotation_period is ten minutes or more"),
        (
            json!({"rotation_schedule": "0 4 * * *", "rotation_window": 599}),
            "with rotate_in_plugin, rotation_window is ten minutes or more",
        ),
        (
            json!({"rotation_schedule": "0 0 30 2 *"}),
            "with rotate_in_plugin, rotation_schedule needs times that come",
        ),
        (
            json!({"rotation_schedule": "jan 0 * * *"}),
            "with rotate_in_plugin, rotation_schedule needs times that come",
        ),
        (json!({"rotation_schedule": "nonsense"}), "failed to parse provided rotation_schedule: "),
    ] {
        let answer =
            stage.mount.write(KEY, &with(&fields, json!({"rotate_in_plugin": true}))).await.expect(400);
        assert!(answer.error().starts_with(text), "{fields}: {}", answer.error());
    }
}
