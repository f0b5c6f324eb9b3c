//! `tidy/…`, also by the old names.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    ACCESS_LIST, DEADLINE, DENY_LIST, LONG_AGO, PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, left, mounted,
    put_entries, until,
};
use crate::under_test;
use testkit::host::{Mount, MountOptions, READ_ONLY};

const STARTED: &str = "Tidy operation successfully started. Any information from the operation will be printed to Vault's server logs.";
const LISTS: [(&str, &str); 4] = [
    ("tidy/roletag-denylist", DENY_LIST),
    ("tidy/roletag-blacklist", DENY_LIST),
    ("tidy/identity-accesslist", ACCESS_LIST),
    ("tidy/identity-whitelist", ACCESS_LIST),
];

/// Waits until the last of the entries that [`put_entries`] makes has been looked at.
async fn last_is_gone(mount: &Mount, list: &str) {
    until("the removal of the last entry", || !left(mount, list).contains(&"zzzz".to_owned())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_comes_at_once_and_says_so() {
    let host = under_test::host().await;
    for (path, list) in LISTS {
        let mount = host.mount(path, MountOptions::default()).await;
        put_entries(&mount, list);
        let request = mount.request("update", path, &json!({}));
        let answer = request.message(|message| message.id = "the-id".to_owned()).send().await;
        assert_eq!(answer.status, 202, "{answer:#?}");
        let body = answer.raw_body.unwrap();
        assert_eq!(body.content_type, "application/json");
        let expected = json!({
            "request_id": "the-id", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
            "wrap_info": null, "warnings": [STARTED], "auth": null,
        });
        assert_eq!(serde_json::from_slice::<Value>(&body.body).unwrap(), expected);
        last_is_gone(&mount, list).await;
        assert_eq!(left(&mount, list), ["bbbb"], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buffer_of_the_request_counts_and_no_other() {
    let host = under_test::host().await;
    for (path, list) in LISTS {
        let mount = host.mount(path, MountOptions::default()).await;
        for config in ["config/tidy/roletag-denylist", "config/tidy/identity-accesslist"] {
            let settings = json!({"safety_buffer": 0, "disable_periodic_tidy": true});
            assert_eq!(mount.write(config, &settings).await.status, 204);
        }
        // By default it is 72 hours for both lists.
        let hours_ago = |hours| {
            let time = time::OffsetDateTime::now_utc() - time::Duration::hours(hours);
            let time = time.format(&time::format_description::well_known::Rfc3339).unwrap();
            json!({"expiration_time": time})
        };
        mount.storage().put_json(&format!("{list}kept"), &hours_ago(71));
        mount.storage().put_json(&format!("{list}zzzz"), &hours_ago(73));
        assert_eq!(mount.write(path, &json!({})).await.status, 202);
        last_is_gone(&mount, list).await;
        assert_eq!(left(&mount, list), ["kept"]);
        started(&mount, path, &json!({"safety_buffer": "70h"})).await;
        until("the removal", || left(&mount, list).is_empty()).await;
    }
}

/// Starts a run, after the one before it has come to its end.
async fn started(mount: &Mount, path: &str, data: &Value) {
    let begun = Instant::now();
    while mount.write(path, data).await.status != 202 {
        assert!(begun.elapsed() < DEADLINE, "the run before does not end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_entries_are_named_in_the_log_and_stop_nothing() {
    let (host, mount) = mounted().await;
    for (path, list, module, message, fetching, empty) in [
        (
            "tidy/roletag-denylist",
            DENY_LIST,
            "aws.bltidy",
            "error running deny list tidy",
            "error fetching tag \"bad\": ",
            "found entry for tag \"empty\" but actual tag is empty",
        ),
        (
            "tidy/identity-accesslist",
            ACCESS_LIST,
            "aws.wltidy",
            "error running access list tidy",
            "error fetching identity of instanceID \"bad\": ",
            "found identity entry for instanceID \"empty\" but actual identity is empty",
        ),
    ] {
        put_entries(&mount, list);
        mount.storage().put(&format!("{list}bad"), "{\"expiration_time\":");
        mount.storage().put(&format!("{list}empty"), "");
        assert_eq!(mount.write(path, &json!({})).await.status, 202);
        last_is_gone(&mount, list).await;
        assert_eq!(left(&mount, list), ["bad", "bbbb", "empty"]);
        for start in [fetching, empty] {
            let entry = host
                .wait_for_log(DEADLINE, |entry| {
                    entry.message == message
                        && entry.fields["error"].as_str().is_some_and(|error| error.starts_with(start))
                })
                .await
                .unwrap_or_else(|| panic!("no log entry for {start}"));
            assert_eq!((entry.level.as_str(), entry.module.as_deref()), ("error", Some(module)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_run_per_list_at_a_time() {
    let (_host, mount) = mounted().await;
    put_entries(&mount, DENY_LIST);
    put_entries(&mount, ACCESS_LIST);
    let gate = mount.storage().hold_get(&format!("{DENY_LIST}aaaa"));
    assert_eq!(mount.write("tidy/roletag-denylist", &json!({})).await.status, 202);
    gate.arrived(1).await;
    for path in ["tidy/roletag-denylist", "tidy/roletag-blacklist"] {
        let answer = mount.write(path, &json!({})).await.expect(200);
        assert_eq!(answer.warnings, ["Tidy operation already in progress."]);
        assert_eq!(answer.data, Value::Null);
    }
    assert_eq!(mount.write("tidy/identity-accesslist", &json!({})).await.status, 202);
    last_is_gone(&mount, ACCESS_LIST).await;
    assert_eq!(left(&mount, DENY_LIST).len(), 4);
    gate.open();
    last_is_gone(&mount, DENY_LIST).await;
    started(&mount, "tidy/roletag-denylist", &json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_its_mount() {
    let (_host, mount) = mounted().await;
    put_entries(&mount, ACCESS_LIST);
    let gate = mount.storage().hold_get(&format!("{ACCESS_LIST}aaaa"));
    assert_eq!(mount.write("tidy/identity-accesslist", &json!({})).await.status, 202);
    gate.arrived(1).await;
    let begun = Instant::now();
    mount.cleanup().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    gate.open();
    assert_eq!(mount.open_connections(), 0);
    assert_eq!(left(&mount, ACCESS_LIST).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_performance_standby_hands_the_request_on() {
    let (_host, mount) = mounted().await;
    for (path, list) in LISTS {
        put_entries(&mount, list);
        mount.system_view().update(|values| values.replication_state = PERFORMANCE_STANDBY);
        let answer = mount.write(path, &json!({})).await;
        assert_eq!((answer.status, answer.error()), (500, READ_ONLY));
        mount.system_view().update(|values| values.replication_state = PERFORMANCE_SECONDARY);
        started(&mount, path, &json!({})).await;
        last_is_gone(&mount, list).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_write_ends_with_one_line() {
    let (host, mount) = mounted().await;
    put_entries(&mount, ACCESS_LIST);
    mount.storage().set_read_only(true);
    assert_eq!(mount.write("tidy/identity-accesslist", &json!({})).await.status, 202);
    let entry =
        host.wait_for_log(DEADLINE, |entry| entry.message == "error running access list tidy").await.unwrap();
    assert_eq!(entry.fields["error"], READ_ONLY);
    assert_eq!(mount.storage().counts().deletes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_writing_starts_a_run() {
    let (_host, mount) = mounted().await;
    mount.storage().put_json(&format!("{ACCESS_LIST}i-1"), &json!({"expiration_time": LONG_AGO}));
    for (path, _) in LISTS {
        assert_eq!(mount.read(path).await.status, 405);
        assert_eq!(mount.write(path, &json!({"safety_buffer": "zz"})).await.status, 400);
    }
    assert_eq!(left(&mount, ACCESS_LIST), ["i-1"]);
}
