//! What the plugin writes to standard error.

use crate::under_test;
use testkit::host::{Host, MountOptions};

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_a_log_entry_of_the_host() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let host = Host::launch(launch).await;
        let mount = host.mount("aws", MountOptions::default()).await;
        mount.read("no/such/path").await;
        mount.cleanup().await.unwrap();
        host.shutdown().await;
        let finished = host.plugin().process.finish(std::time::Duration::from_secs(5)).await;
        assert!(!finished.stderr.is_empty(), "nothing was logged");
        for line in host.logs() {
            let entry = line.entry.unwrap_or_else(|reason| panic!("{reason}: {}", line.raw));
            assert!(entry.timestamp.is_some(), "{}", line.raw);
            assert!(!entry.message.is_empty(), "{}", line.raw);
        }
        assert_eq!(finished.stdout.len(), 1, "standard output is for the handshake alone");
    }
}
