//! Setting up a mount: the broker, registration, special paths.

use std::time::{Duration, Instant};

use crate::under_test;
use testkit::host::{ConnInfoTiming, Host, MountOptions, Registration};

fn timing(conn_info: ConnInfoTiming) -> MountOptions {
    MountOptions { conn_info, ..MountOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_info_may_come_before_or_after_setup() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let host = Host::launch(launch).await;
        for (name, conn_info) in [
            ("before", ConnInfoTiming::Before),
            ("during", ConnInfoTiming::During),
            ("after", ConnInfoTiming::After(Duration::from_millis(300))),
        ] {
            let mount = host.mount(name, timing(conn_info)).await;
            assert_eq!(mount.open_connections(), 1, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_connection_info_setup_fails_in_five_seconds() {
    let host = under_test::host().await;
    let begun = Instant::now();
    let error = host.try_mount("aws", timing(ConnInfoTiming::Never)).await.err().expect("an error");
    let elapsed = begun.elapsed();
    assert!(error.to_string().contains("timeout waiting for connection info"), "{error}");
    assert!((4..9).contains(&elapsed.as_secs()), "{elapsed:?}");
    host.mount("aws", MountOptions::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_waits_for_its_connection_holds_nobody_up() {
    let host = under_test::host().await;
    let waiting = host.open("late", timing(ConnInfoTiming::Never)).await.unwrap();
    let setup = tokio::spawn(async move { waiting.setup().await });
    let begun = Instant::now();
    host.mount("aws", MountOptions::default()).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(!setup.is_finished());
    setup.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_needs_neither_storage_nor_config() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let host = Host::launch(launch).await;
        let registration = host.register().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(registration, Registration { mount_type: 2, version: String::new() });
        let ended = host.shutdown().await;
        assert!(!ended.killed, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_neither_reads_nor_writes_storage() {
    let host = under_test::host().await;
    let mount = host.open("aws", MountOptions::default()).await.unwrap();
    mount.setup().await.unwrap();
    let counts = mount.storage().counts();
    assert_eq!((counts.gets, counts.lists, counts.puts, counts.deletes), (0, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn special_paths_are_those_of_the_method() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    let paths = mount.special_paths().await.unwrap();
    assert_eq!(
        paths.unauthenticated,
        ["login", "oidc/.well-known/openid-configuration", "oidc/.well-known/keys"]
    );
    assert_eq!(paths.local_storage, ["whitelist/identity/"]);
    assert_eq!(paths.seal_wrap_storage, ["config/client", "issuer/", "rotation/key"]);
    assert!(paths.root.is_empty() && paths.write_forwarded_storage.is_empty());
    assert!(paths.binary.is_empty() && paths.limited.is_empty() && paths.allow_snapshot_read.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_again_replaces_the_instance() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    let id = mount.multiplex_id();
    assert_eq!(mount.set_up_again().await.unwrap(), 0, "the replaced instance is still connected");
    assert_eq!(mount.multiplex_id(), id);
    assert_eq!(mount.open_connections(), 1);
    assert_eq!(mount.mount_type().await.unwrap(), 2);
}
