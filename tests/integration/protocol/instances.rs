//! Several mounts in one process.

use std::sync::Arc;

use serde_json::{Value, json};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Request, Status};

use crate::under_test;
use testkit::host::{MULTIPLEX_ID, Mount, MountOptions};
use testkit::proto::pb::backend_client::BackendClient;
use testkit::proto::pb::{
    Empty, HandleExistenceCheckArgs, HandleRequestArgs, InitializeArgs, InvalidateKeyArgs, SetupArgs,
};

/// A path no version of the method has.
const NOWHERE: &str = "no/such/path";

async fn is_usable(mount: &Mount) -> bool {
    mount.mount_type().await.is_ok_and(|number| number == 2)
        && mount.request("read", NOWHERE, &Value::Null).reply().await.is_ok()
}

fn assert_unknown(status: &Status, text: &str) {
    assert_eq!((status.code(), status.message()), (Code::Unknown, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_of_one_mount_leaves_the_others_usable() {
    let host = under_test::host().await;
    let one = host.mount("one", MountOptions::default()).await;
    let other = host.mount("other", MountOptions::default()).await;
    assert_ne!(one.multiplex_id(), other.multiplex_id());
    assert!(is_usable(&one).await && is_usable(&other).await);

    one.cleanup().await.unwrap();
    assert_eq!(one.open_connections(), 0);
    assert_eq!(other.open_connections(), 1);
    assert!(!is_usable(&one).await);
    assert!(is_usable(&other).await);
    assert_unknown(&one.cleanup().await.unwrap_err(), "no backend instance found");

    let third = host.mount("third", MountOptions::default()).await;
    assert!(is_usable(&third).await && is_usable(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mounts_have_storage_of_their_own() {
    let host = under_test::host().await;
    let one = host.mount("one", MountOptions::default()).await;
    let other = host.mount("other", MountOptions::default()).await;
    other.storage().reset_counts();
    one.rollback().await;
    one.read("config/client").await;
    let counts = other.storage().counts();
    assert_eq!((counts.gets, counts.lists, counts.puts, counts.deletes), (0, 0, 0, 0));
}

fn with_ids(ids: &[&str]) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    for id in ids {
        metadata.append(MULTIPLEX_ID, MetadataValue::try_from(*id).unwrap());
    }
    metadata
}

fn call<T>(message: T, ids: &[&str]) -> Request<T> {
    let mut request = Request::new(message);
    *request.metadata_mut() = with_ids(ids);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ids_are_refused_by_every_call() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    let client = || BackendClient::new(host.plugin().channel.clone());
    let unknown: &[&str] = &["zmxzsOtaku"];
    let statuses = [
        client().handle_request(call(HandleRequestArgs::default(), unknown)).await.err(),
        client().handle_existence_check(call(HandleExistenceCheckArgs::default(), unknown)).await.err(),
        client().special_paths(call(Empty {}, unknown)).await.err(),
        client().r#type(call(Empty {}, unknown)).await.err(),
        client().initialize(call(InitializeArgs {}, unknown)).await.err(),
        client().invalidate_key(call(InvalidateKeyArgs::default(), unknown)).await.err(),
        client().cleanup(call(Empty {}, unknown)).await.err(),
    ];
    for status in statuses {
        assert_unknown(&status.expect("an error"), "no backend instance found");
    }
    assert!(is_usable(&mount).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_ids_are_refused() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    let known = mount.multiplex_id();
    let client = || BackendClient::new(host.plugin().channel.clone());
    for (ids, text) in [
        (vec![], "no multiplexing ID found"),
        (vec![""], "empty multiplex ID in metadata"),
        (vec![known.as_str(), known.as_str()], "unexpected number of IDs in metadata: (2)"),
    ] {
        let status = client().r#type(call(Empty {}, &ids)).await.unwrap_err();
        assert_unknown(&status, text);
        let status = client().setup(call(SetupArgs::default(), &ids)).await.unwrap_err();
        assert_unknown(&status, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_run_at_the_same_time() {
    let host = under_test::host().await;
    let mounts = Arc::new([
        host.mount("one", MountOptions::default()).await,
        host.mount("other", MountOptions::default()).await,
    ]);
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let mounts = Arc::clone(&mounts);
            tokio::spawn(async move {
                mounts[number % 2].request("read", NOWHERE, &json!({"number": number})).reply().await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_moves_every_mount_to_a_new_process() {
    let host = under_test::host().await;
    let one = host.mount("one", MountOptions::default()).await;
    let other = host.mount("other", MountOptions::default()).await;
    let (process, id) = (host.pid(), one.multiplex_id());
    host.reload().await.unwrap();
    assert_ne!(host.pid(), process);
    assert_ne!(one.multiplex_id(), id);
    assert!(is_usable(&one).await && is_usable(&other).await);
}
