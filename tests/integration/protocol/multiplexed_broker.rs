//! The transport of containerised plugins: everything over one connection.

use std::time::Duration;

use serde_json::Value;

use crate::under_test;
use testkit::host::{ConnInfoTiming, Host, MountOptions};

#[tokio::test(flavor = "multi_thread")]
async fn two_mounts_share_one_connection() {
    let host = Host::launch(under_test::vault().multiplexed_broker()).await;
    assert_eq!(host.plugin().handshake.multiplexed_broker, Some(true));
    let one = host.mount("one", MountOptions::default()).await;
    let other = host.mount("other", MountOptions::default()).await;
    for mount in [&one, &other] {
        assert_eq!(mount.open_connections(), 1);
        mount.request("read", "no/such/path", &Value::Null).reply().await.unwrap();
    }
    one.cleanup().await.unwrap();
    assert_eq!(one.open_connections(), 0);
    other.request("read", "no/such/path", &Value::Null).reply().await.unwrap();
    let ended = host.shutdown().await;
    assert!(!ended.killed, "{ended:?}");
}

/// The first knock of a mount can come before the host listens for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_knock_is_repeated() {
    let host = Host::launch(under_test::vault().multiplexed_broker()).await;
    let conn_info = ConnInfoTiming::After(Duration::from_millis(300));
    let mount = host.mount("late", MountOptions { conn_info, ..MountOptions::default() }).await;
    assert_eq!(mount.open_connections(), 1);
}

#[tokio::test]
async fn the_seventh_segment_answers_the_variable() {
    for (value, expected) in [("true", Some(true)), ("1", Some(true))] {
        let launch = under_test::vault().multiplexed_broker().env("PLUGIN_MULTIPLEX_GRPC", value);
        let started = launch.spawn();
        let handshake = started.handshake().await.unwrap();
        assert_eq!(handshake.multiplexed_broker, expected, "{value}");
    }
}
