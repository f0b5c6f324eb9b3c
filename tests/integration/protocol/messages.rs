//! Large messages.

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::MountOptions;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_four_mebibytes_is_refused() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    let login = |size: usize| json!({"role": "dev", "iam_request_body": "A".repeat(size)});

    let reply = mount.request("update", "login", &login(4 * MIB)).reply().await;
    let status = reply.expect_err("too large");
    assert_eq!(status.code(), tonic::Code::OutOfRange, "{status}");
    let answer = mount.request("update", "login", &login(4 * MIB)).send().await;
    assert_eq!(answer.status, 500);

    // Below the limit the message is read, whatever becomes of it.
    mount.request("update", "login", &login(4 * MIB - 4096)).reply().await.unwrap();
    assert!(host.plugin().process.is_running());
    assert_eq!(mount.mount_type().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_and_answers_may_be_larger() {
    let host = under_test::host().await;
    let mount = host.mount("aws", MountOptions::default()).await;
    // 50 000 names of 104 bytes: the host's answer to List, and the plugin's to LIST, are 5 MB each.
    let names: Vec<String> = (0..50_000).map(|number| format!("role-{number:099}")).collect();
    for name in &names {
        mount.storage().put(&format!("role/{name}"), "{}");
    }
    let answer = mount.list("roles").await.expect(200);
    assert_eq!(answer.data["keys"].as_array().map(Vec::len), Some(names.len()));
    let bytes: usize =
        answer.data["keys"].as_array().unwrap().iter().filter_map(Value::as_str).map(str::len).sum();
    assert!(bytes > 5_000_000, "{bytes}");
}
