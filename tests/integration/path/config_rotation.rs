//! The rotation fields of `config/client` and the host's rotation manager.

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::Call;
use testkit::stage::{Stage, with};

const KEY: &str = "config/client";
const UNSUPPORTED: &str = "rotation manager capabilities not supported in Vault community edition";

async fn vault() -> Stage {
    let stage = Stage::on(under_test::vault()).await;
    stage.mount.delete(KEY).await.expect(204);
    stage
}

/// How many jobs were registered and removed so far.
fn jobs(stage: &Stage) -> (usize, usize) {
    let view = stage.mount.system_view();
    (view.registered_jobs().len(), view.deregistered_jobs().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_registered_with_its_schedule_or_period() {
    let stage = vault().await;
    let fields = json!({"access_key": "AKID", "rotation_schedule": "0 4 * * SAT", "rotation_window": "2h"});
    stage.mount.write(KEY, &fields).await.expect(204);
    let job = &stage.mount.system_view().registered_jobs()[0];
    assert_eq!((job.mount_point.as_str(), job.path.as_str()), ("auth/aws/", KEY));
    assert_eq!(
        (job.rotation_schedule.as_str(), job.rotation_window, job.rotation_period),
        ("0 4 * * SAT", 7200, 0)
    );
    let stored = stage.mount.storage().json(KEY).unwrap();
    assert_eq!(
        (&stored["rotation_window"], &stored["rotation_period"]),
        (&json!(7_200_000_000_000_i64), &json!(0))
    );
    let data = stage.mount.read(KEY).await.data;
    assert_eq!((&data["rotation_schedule"], &data["rotation_window"]), (&json!("0 4 * * SAT"), &json!(7200)));

    // Every write registers the job again.
    stage.mount.write(KEY, &json!({"sts_region": "eu-west-1"})).await.expect(204);
    assert_eq!(jobs(&stage), (2, 0));

    let to_period = json!({"rotation_schedule": "", "rotation_window": 0, "rotation_period": "24h"});
    stage.mount.write(KEY, &to_period).await.expect(204);
    let job = stage.mount.system_view().registered_jobs().pop().unwrap();
    assert_eq!((job.rotation_schedule.as_str(), job.rotation_window, job.rotation_period), ("", 0, 86_400));
}

/// A change of nothing but rotation is stored like any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_removed_with_its_reason() {
    for (what, ending) in [
        ("the flag", Some(json!({"disable_automated_rotation": true}))),
        ("no period", Some(json!({"rotation_period": 0}))),
        ("deletion", None),
    ] {
        let stage = vault().await;
        stage.mount.write(KEY, &json!({"rotation_period": 60})).await.expect(204);
        match &ending {
            Some(fields) => {
                stage.mount.write(KEY, fields).await.expect(204);
                let stored = stage.mount.storage().json(KEY).unwrap();
                assert_eq!(stored["disable_automated_rotation"], fields.get("rotation_period").is_none());
            }
            None => {
                stage.mount.delete(KEY).await.expect(204);
                assert_eq!(stage.mount.storage().get(KEY), None);
            }
        }
        assert_eq!(jobs(&stage), (1, 1), "{what}");
        let removed = &stage.mount.system_view().deregistered_jobs()[0];
        assert_eq!((removed.mount_point.as_str(), removed.req_path.as_str()), ("auth/aws/", KEY));
        stage.mount.write(KEY, &json!({"sts_region": "eu-west-1"})).await.expect(204);
        assert_eq!(jobs(&stage), (1, 1), "{what}: there is nothing to remove twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_their_order() {
    let stage = vault().await;
    let exclusive = "mutually exclusive fields rotation_schedule and rotation_period were both specified; only one of them can be provided";
    let window_of_period = "rotation_window does not apply to period";
    let window_alone = "cannot use rotation_window without rotation_schedule";
    let schedule = "0 4 * * *";
    let refused = async |fields: &Value, text: &str| {
        let answer = stage.mount.write(KEY, fields).await;
        assert_eq!(answer.status, 400, "{fields}");
        assert!(answer.error().starts_with(text), "{fields}: {}", answer.error());
    };
    for (fields, text) in [
        (json!({"rotation_schedule": schedule, "rotation_period": 60, "rotation_window": 60}), exclusive),
        (json!({"rotation_schedule": "nonsense", "rotation_period": 60}), exclusive),
        (json!({"rotation_schedule": "nonsense"}), "failed to parse provided rotation_schedule: "),
        (json!({"rotation_schedule": "@daily"}), "failed to parse provided rotation_schedule: "),
        (
            json!({"rotation_schedule": "nonsense", "rotation_window": 60}),
            "failed to parse provided rotation_schedule: ",
        ),
        (json!({"rotation_period": 60, "rotation_window": 60}), window_of_period),
        (json!({"rotation_window": 60}), window_alone),
        // Rotation comes before workload identity.
        (json!({"rotation_window": 60, "access_key": "A", "identity_token_audience": "a"}), window_alone),
    ] {
        refused(&fields, text).await;
        assert_eq!(stage.mount.storage().get(KEY), None);
    }
    // What is stored counts too.
    stage.mount.write(KEY, &json!({"rotation_schedule": schedule})).await.expect(204);
    refused(&json!({"rotation_period": 60}), exclusive).await;
    refused(&json!({"rotation_window": 60}), window_alone).await;
    assert_eq!(jobs(&stage), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rotation_manager_says_is_told() {
    let stage = vault().await;
    let say = |text: &str| stage.mount.system_view().update(|host| text.clone_into(&mut host.rotation_error));
    let period = json!({"rotation_period": 60});
    say(UNSUPPORTED);
    let answer = stage.mount.write(KEY, &period).await;
    let text = format!("error registering rotation job: {UNSUPPORTED}");
    assert_eq!((answer.status, answer.error()), (400, text.as_str()));
    assert_eq!(stage.mount.storage().get(KEY), None, "nothing is stored");

    say("");
    stage.mount.write(KEY, &period).await.expect(204);
    say("no quorum");
    let answer = stage.mount.write(KEY, &json!({"rotation_period": 0})).await;
    assert_eq!((answer.status, answer.error()), (400, "error deregistering rotation job: no quorum"));
    let answer = stage.mount.delete(KEY).await;
    assert_eq!((answer.status, answer.error()), (400, "error deregistering rotation job: no quorum"));
    assert_eq!(stage.mount.storage().json(KEY).unwrap()["rotation_period"], 60_000_000_000_i64);
    // An early manager refused this too; then there is no job.
    say(UNSUPPORTED);
    stage.mount.write(KEY, &json!({"rotation_period": 0})).await.expect(204);

    // A host that does not have the call.
    stage.mount.system_view().update(|host| host.rotation_jobs = false);
    let answer = stage.mount.write(KEY, &period).await;
    assert_eq!((answer.status, answer.error()), (400, text.as_str()));
    stage.mount.storage().put_json(KEY, &json!({"rotation_period": 60_000_000_000_i64}));
    stage.mount.delete(KEY).await.expect(204);
}

/// The manager may hold a job that storage does not know of; the operator must learn that.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_after_a_registered_job_is_told() {
    let stage = vault().await;
    stage.mount.storage().fail(Call::Put, KEY, "disk full");
    for (fields, operation) in
        [(json!({"rotation_period": 60}), "registration"), (json!({"rotation_period": 0}), "deregistration")]
    {
        if operation == "deregistration" {
            stage.mount.storage().put_json(KEY, &json!({"rotation_period": 60_000_000_000_i64}));
        }
        let answer = stage.mount.write(KEY, &with(&fields, json!({"sts_region": "eu-west-1"}))).await;
        let text = format!(
            "write to storage failed but the rotation manager still succeeded; operation={operation}, \
             mount=auth/aws/, path=config/client, storageError=disk full"
        );
        assert_eq!((answer.status, answer.error()), (500, text.as_str()));
    }
}
