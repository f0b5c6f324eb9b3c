//! The hourly removal, begun by the host's minute timer.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    ACCESS_LIST, DEADLINE, DENY_LIST, PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, left, mounted, put_entries,
    until,
};
use testkit::host::Mount;

const LISTS: [&str; 2] = [DENY_LIST, ACCESS_LIST];

async fn is_tidied(mount: &Mount, list: &str) {
    until("the removal of expired entries", || left(mount, list) == ["bbbb"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_tick_tidies_and_the_next_ones_wait() {
    let (_host, mount) = mounted().await;
    for list in LISTS {
        put_entries(&mount, list);
    }
    assert_eq!(mount.rollback().await.status, 204);
    for list in LISTS {
        is_tidied(&mount, list).await;
    }
    // Whether the first pass is at its end or not: these begin none.
    mount.storage().reset_counts();
    put_entries(&mount, ACCESS_LIST);
    for _ in 0..5 {
        assert_eq!(mount.rollback().await.status, 204);
    }
    assert_eq!(mount.storage().counts().lists, 0);
    assert_eq!(left(&mount, ACCESS_LIST).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_waits_for_nothing() {
    let (_host, mount) = mounted().await;
    let gate = mount.storage().hold_get("config/tidy/roletag-blacklist");
    let begun = Instant::now();
    assert_eq!(mount.rollback().await.status, 204);
    gate.arrived(1).await;
    assert_eq!(mount.rollback().await.status, 204);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    mount.cleanup().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_count() {
    let (_host, mount) = mounted().await;
    for list in LISTS {
        put_entries(&mount, list);
    }
    let off = json!({"disable_periodic_tidy": true});
    assert_eq!(mount.write("config/tidy/roletag-denylist", &off).await.status, 204);
    mount.rollback().await;
    is_tidied(&mount, ACCESS_LIST).await;
    assert_eq!(left(&mount, DENY_LIST).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_pass_is_tried_again_on_the_next_tick() {
    let (host, mount) = mounted().await;
    put_entries(&mount, ACCESS_LIST);
    mount.storage().put("config/tidy/identity-whitelist", "{");
    assert_eq!(mount.rollback().await.status, 204);
    host.wait_for_log(DEADLINE, |entry| entry.message.starts_with("the periodic tidy has failed"))
        .await
        .expect("a log entry");
    assert_eq!(left(&mount, ACCESS_LIST).len(), 4);
    mount.storage().remove("config/tidy/identity-whitelist");
    // The line is written just before the pass has ended.
    until_tidied_by_ticks(&mount).await;
}

async fn until_tidied_by_ticks(mount: &Mount) {
    let begun = Instant::now();
    while left(mount, ACCESS_LIST) != ["bbbb"] {
        assert!(begun.elapsed() < DEADLINE, "no tick tidied the list");
        mount.rollback().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replication_decides_whose_work_it_is() {
    for (replication, local_mount, tidied) in [
        (PERFORMANCE_SECONDARY, false, &[ACCESS_LIST][..]),
        (PERFORMANCE_SECONDARY, true, &LISTS[..]),
        (PERFORMANCE_STANDBY, false, &[][..]),
    ] {
        let (_host, mount) = mounted().await;
        mount.system_view().update(|values| {
            values.replication_state = replication;
            values.local_mount = local_mount;
        });
        for list in LISTS {
            put_entries(&mount, list);
        }
        mount.rollback().await;
        for list in tidied {
            is_tidied(&mount, list).await;
        }
        if tidied.is_empty() {
            until("the question", || mount.system_view().calls("ReplicationState") > 0).await;
        }
        mount.cleanup().await.unwrap();
        for list in LISTS.iter().filter(|list| !tidied.contains(list)) {
            assert_eq!(left(&mount, list).len(), 4, "{replication} {local_mount}");
        }
    }
}
