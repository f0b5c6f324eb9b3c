//! How the process ends, and what it leaves behind.

use std::time::Duration;

use rustix::process::Signal;

use crate::under_test;
use testkit::host::{Host, MountOptions, SHUTDOWN_LIMIT};

/// How long a process may take to notice that its host has died.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

/// Sockets and other files in the plugin's temporary folder.
fn files(host: &Host) -> Vec<std::ffi::OsString> {
    let folder = host.plugin().folders.plugin();
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_the_process_in_time() {
    let host = under_test::host().await;
    host.mount("aws", MountOptions::default()).await;
    assert_eq!(files(&host).len(), 1);
    let ended = host.shutdown().await;
    assert!(!ended.killed, "{ended:?}");
    assert_eq!(ended.code, Some(0));
    assert!(ended.elapsed < Duration::from_secs(2), "{ended:?}");
    assert_eq!(files(&host), Vec::<std::ffi::OsString>::new());
}

/// The request alone is enough, even if the host keeps its connections.
#[tokio::test(flavor = "multi_thread")]
async fn shutdown_needs_no_closed_connection() {
    let host = under_test::host().await;
    host.mount("aws", MountOptions::default()).await;
    let plugin = host.plugin();
    plugin.request_shutdown().await;
    let status = plugin.process.wait(SHUTDOWN_LIMIT).await.expect("the plugin still runs");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupts_are_left_to_the_host() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    let process = &host.plugin().process;
    for _ in 0..3 {
        process.signal(Signal::INT);
    }
    assert!(process.wait(Duration::from_millis(300)).await.is_none(), "SIGINT ended the plugin");
    assert_eq!(mount.mount_type().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn termination_removes_the_socket() {
    let host = under_test::host().await;
    host.mount("aws", MountOptions::default()).await;
    let process = &host.plugin().process;
    process.signal(Signal::TERM);
    assert!(process.wait(NOTICE_LIMIT).await.is_some(), "SIGTERM did not end the plugin");
    assert_eq!(files(&host), Vec::<std::ffi::OsString>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_does_not_outlive_its_host() {
    for launch in [under_test::open_bao(), under_test::vault().multiplexed_broker()] {
        let host = Host::launch(launch).await;
        host.mount("aws", MountOptions::default()).await;
        host.die();
        let process = &host.plugin().process;
        assert!(process.wait(NOTICE_LIMIT).await.is_some(), "the plugin still runs");
        assert_eq!(files(&host), Vec::<std::ffi::OsString>::new());
    }
}
