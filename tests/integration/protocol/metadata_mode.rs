//! Metadata mode: a start that only asks what the plugin is.

use serde_json::Value;
use tonic::{Code, Status};

use crate::under_test;
use testkit::host::{Host, MountError, MountOptions};

const TEXT: &str = "plugin server can not perform action while in metadata mode";

fn assert_refused(status: &Status) {
    assert_eq!((status.code(), status.message()), (Code::Unknown, TEXT));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_questions_about_the_plugin_are_answered() {
    let launches = [
        under_test::open_bao().metadata_mode(),
        under_test::vault().metadata_mode(),
        // The one way hosts use it today: old protocol versions, without TLS.
        under_test::open_bao().metadata_mode().protocol_versions(Some("3,4")).without_client_certificate(),
    ];
    for launch in launches {
        let host = Host::launch(launch).await;
        let mount = host.open("aws", MountOptions::default()).await.unwrap();
        mount.setup().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(mount.mount_type().await.unwrap(), 2);
        assert_eq!(
            mount.special_paths().await.unwrap().unauthenticated,
            ["login", "oidc/.well-known/openid-configuration", "oidc/.well-known/keys"]
        );
        assert_eq!(mount.version().await.unwrap(), "");

        match mount.initialize().await {
            Err(MountError::Call("Initialize", status)) => assert_refused(&status),
            other => panic!("{other:?}"),
        }
        let request = || mount.request("read", "config/client", &Value::Null);
        assert_refused(&request().reply().await.unwrap_err());
        assert_refused(&request().existence_check().await.unwrap_err());
        assert_refused(&mount.invalidate("config/client").await.unwrap_err());
        mount.cleanup().await.unwrap();
    }
}
