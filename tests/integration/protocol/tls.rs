//! Who may connect to the plugin, and to whom the plugin connects.

use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::under_test;
use testkit::host::{Host, Identity, MountOptions};

/// More than a refusal takes.
const LIMIT: Duration = Duration::from_secs(10);

async fn health(channel: Channel, service: &str) -> Result<ServingStatus, tonic::Status> {
    let call = HealthClient::new(channel).check(HealthCheckRequest { service: service.to_owned() }).await?;
    Ok(call.into_inner().status())
}

/// Whether the plugin serves a peer that presents this identity, or none.
async fn is_served(host: &Host, identity: Option<&Identity>) -> bool {
    let plugin = host.plugin();
    let certificate = plugin.handshake.certificate.as_ref().unwrap();
    let tls = Arc::new(Identity::client_config(identity, certificate));
    let attempt = async {
        match plugin.route.channel(Some(tls)).await {
            Ok(channel) => health(channel, "plugin").await.is_ok(),
            Err(_) => false,
        }
    };
    tokio::time::timeout(LIMIT, attempt).await.expect("a refusal, not silence")
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_announced_client_certificate_is_served() {
    let host = under_test::host().await;
    let announced = Arc::clone(&host.plugin().identity);
    assert!(is_served(&host, Some(&announced)).await);
    assert!(!is_served(&host, Some(&Identity::generate())).await);
    assert!(!is_served(&host, None).await);
    assert!(!is_served(&host, Some(&announced.impostor())).await, "a certificate without its key");
    assert!(is_served(&host, Some(&announced)).await, "a refused peer does no harm");
    host.mount("aws", MountOptions::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_is_not_served() {
    let host = under_test::host().await;
    let attempt = async {
        match host.plugin().route.channel(None).await {
            Ok(channel) => health(channel, "plugin").await.is_ok(),
            Err(_) => false,
        }
    };
    assert!(!tokio::time::timeout(LIMIT, attempt).await.expect("a refusal, not silence"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_peers_hold_nobody_up() {
    let host = under_test::host().await;
    let stalled: Vec<_> = (0..20).map(|_| host.plugin().raw_connection()).collect();
    let announced = Arc::clone(&host.plugin().identity);
    assert!(is_served(&host, Some(&announced)).await);
    drop(stalled);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_known_for_the_plugin_and_the_server() {
    let host = under_test::host().await;
    let channel = host.plugin().channel.clone();
    assert_eq!(health(channel.clone(), "plugin").await.unwrap(), ServingStatus::Serving);
    assert_eq!(health(channel.clone(), "").await.unwrap(), ServingStatus::Serving);
    assert_eq!(health(channel, "other").await.unwrap_err().code(), tonic::Code::NotFound);
}

/// What stands behind the broker must be the host, too: roles and keys are read there.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_host_is_believed_to_have_the_storage() {
    for launch in [under_test::open_bao(), under_test::vault().multiplexed_broker()] {
        let host = Host::launch(launch).await;
        let announced = Arc::clone(&host.plugin().identity);
        for identity in [Identity::generate(), announced.impostor()] {
            let options =
                MountOptions { server_identity: Some(Arc::new(identity)), ..MountOptions::default() };
            let mount = host.open("other", options).await.unwrap();
            let setup = tokio::time::timeout(2 * LIMIT, mount.setup()).await.expect("an answer");
            assert!(setup.is_err(), "a stranger's storage was accepted");
        }
        host.mount("aws", MountOptions::default()).await;
    }
}
