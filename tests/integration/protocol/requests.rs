//! How requests, answers and errors travel. What the paths mean is tested elsewhere.

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::{Answer, Call, READ_ONLY};
use testkit::proto::pb::storage_client::StorageClient;
use testkit::proto::pb::{ProtoError, StorageGetArgs};

const ROLE: &str = "role/dev";

fn role() -> Value {
    json!({"auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::123456789012:user/dev", "resolve_aws_unique_ids": false})
}

/// The error beside which nothing else was sent.
fn lone_error(answer: &Answer) -> ProtoError {
    let reply = answer.raw.as_ref().unwrap();
    assert!(reply.response.is_none(), "{answer:#?}");
    reply.err.clone().unwrap_or_else(|| panic!("{answer:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_created_then_updated_then_deleted() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let (_host, mount) = under_test::mounted(launch).await;
        let check = async || mount.request("update", ROLE, &role()).existence_check().await.unwrap();
        let before = check().await;
        assert_eq!((before.check_found, before.exists, before.err), (true, false, None));
        assert!(mount.write(ROLE, &role()).await.succeeded());
        let after = check().await;
        assert_eq!((after.check_found, after.exists, after.err), (true, true, None));
        assert!(mount.write(ROLE, &json!({"token_ttl": 60})).await.succeeded());
        let read = mount.read(ROLE).await.expect(200);
        assert_eq!((&read.data["auth_type"], &read.data["token_ttl"]), (&json!("iam"), &json!(60)));
        assert_eq!(mount.list("role").await.expect(200).data["keys"], json!(["dev"]));
        let _ = mount.delete(ROLE).await.expect(204);
        let _ = mount.read(ROLE).await.expect(404);
        let _ = mount.list("role").await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_operations_have_errors_of_their_own() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    let path = mount.request("read", "no/such/path", &Value::Null).send().await.expect(404);
    assert_eq!(lone_error(&path).err_type, 6);
    for operation in ["delete", "patch", "header", "scan", "invented"] {
        let answer = mount.request(operation, "login", &Value::Null).send().await.expect(405);
        assert_eq!(lone_error(&answer).err_type, 5, "{operation}");
    }
    let check = mount.request("update", "no/such/path", &Value::Null).existence_check().await.unwrap();
    assert_eq!(check.err.map(|error| error.err_type), Some(6));
    let check = mount.request("read", ROLE, &Value::Null).existence_check().await.unwrap();
    let error = check.err.expect("only updates are checked");
    assert_eq!(error.err_msg, "incorrect operation type read for an existence check");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_does_not_convert_is_told_by_the_existence_check() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    let data = json!({"token_num_uses": {"a": 1}});
    let check = mount.request("update", ROLE, &data).existence_check().await.unwrap();
    assert_eq!(check.err.map(|error| error.err_type), Some(1));
    let answer = mount.write(ROLE, &data).await.expect(400);
    assert!(answer.error().contains("token_num_uses"), "{answer:#?}");
    assert!(!answer.error().starts_with("Field validation failed"), "{answer:#?}");
}

/// Hosts recognise the text and send the whole request to a node that can write.
#[tokio::test(flavor = "multi_thread")]
async fn the_read_only_error_travels_alone_and_unchanged() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    assert!(mount.write(ROLE, &role()).await.succeeded());
    mount.storage().set_read_only(true);
    let answers = [
        mount.write("role/other", &role()).await,
        mount.write("config/client", &json!({"max_retries": 1})).await,
        mount.delete(ROLE).await,
    ];
    for answer in answers {
        let error = lone_error(&answer);
        assert_eq!((error.err_type, error.err_msg.as_str()), (0, READ_ONLY));
    }
    let _ = mount.read(ROLE).await.expect(200);
    mount.storage().set_read_only(false);
    let _ = mount.delete(ROLE).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_storage_errors_are_kept() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    mount.storage().put_json("role/broken", &json!({}));
    mount.storage().fail(Call::Get, "role/broken", "the disk is on fire");
    mount.storage().fail(Call::List, "role/", "the list is on fire");
    let read = mount.read("role/broken").await.expect(500);
    assert!(read.error().contains("the disk is on fire"), "{}", read.error());
    let list = mount.list("role").await.expect(500);
    assert!(list.error().contains("the list is on fire"), "{}", list.error());
    mount.storage().heal();
    assert_eq!(mount.list("role").await.expect(200).data["keys"], json!(["broken"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_data_ends_in_an_answer() {
    let (host, mount) = under_test::mounted(under_test::open_bao()).await;
    for text in
        ["null", "{}", r#"{"max_retries":1e400}"#, r#"{"max_retries":123456789012345678901234567890}"#]
    {
        let request = mount.request("update", "config/client", &Value::Null).data_text(text);
        let answer = request.send().await;
        assert!(matches!(answer.status, 200 | 204 | 400 | 500), "{text}: {answer:#?}");
    }
    for text in ["[]", "{", "nonsense"] {
        let answer = mount.request("update", "config/client", &Value::Null).data_text(text).send().await;
        assert!(!answer.succeeded(), "{text}: {answer:#?}");
    }
    assert!(host.plugin().process.is_running());
    let _ = mount.request("read", ROLE, &Value::Null).without_connection().send().await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minute_timer_and_invalidation_are_answered() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    assert!(mount.rollback().await.succeeded());
    assert!(mount.write(ROLE, &role()).await.succeeded());
    let _ = mount.read(ROLE).await.expect(200);
    // Another node has deleted the role.
    mount.storage().remove(ROLE);
    mount.invalidate(ROLE).await.unwrap();
    let _ = mount.read(ROLE).await.expect(404);
    for key in ["", "role/", "config/client", "no/such/key"] {
        mount.invalidate(key).await.unwrap();
    }
}

/// A host that asks gets the spelling under which the role is stored (accident 17).
#[tokio::test(flavor = "multi_thread")]
async fn the_host_learns_the_canonical_path() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    assert_eq!(mount.resolve_path("role/PROD").await.expect(200).data, json!({"path": "role/prod"}));
    assert!(mount.write("role/PROD", &role()).await.succeeded());
    assert_eq!(mount.storage().keys_of_requests(), ["role/prod"]);
}

/// One slow read does not hold up the mount's other requests.
#[tokio::test(flavor = "multi_thread")]
async fn requests_do_not_wait_for_each_other() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    mount.storage().put_json("role/slow", &json!({}));
    assert!(mount.write(ROLE, &role()).await.succeeded());
    mount.invalidate(ROLE).await.unwrap();
    let gate = mount.storage().hold_get("role/slow");
    let slow = {
        let mount = mount.clone();
        tokio::spawn(async move { mount.read("role/slow").await })
    };
    gate.arrived(1).await;
    let _ = mount.read(ROLE).await.expect(200);
    assert!(!slow.is_finished());
    gate.open();
    assert_ne!(slow.await.unwrap().status, 404);
}

/// What OpenBao sets for every plugin makes the host an OpenBao, and nothing else does; the version is the one
/// the host tells each mount.
#[tokio::test(flavor = "multi_thread")]
async fn documents_name_the_host() {
    for (launch, title) in [
        (under_test::open_bao(), "OpenBao API"),
        (under_test::open_bao().env("BAO_VERSION", ""), "OpenBao API"),
        (under_test::vault(), "HashiCorp Vault API"),
        (under_test::vault().env("BAO_VERSION", ""), "HashiCorp Vault API"),
        (under_test::vault().env("BAO_VERSION", "2.7.2"), "HashiCorp Vault API"),
        (under_test::vault().env("BAO_PLUGIN_METADATA_MODE", "false"), "OpenBao API"),
    ] {
        let (_host, mount) = under_test::mounted(launch).await;
        mount.system_view().update(|values| values.version = "9.8.7".to_owned());
        let help = mount.help("config/client").await.expect(200);
        let info = &help.data["openapi"]["info"];
        assert_eq!((&info["title"], &info["version"]), (&json!(title), &json!("9.8.7")));
        assert!(help.data["help"].as_str().unwrap().starts_with("Request:        config/client\n"));
        let data = json!({"requestResponsePrefix": "aws"});
        let document = mount.request("help", "", &data).without_connection().send().await.expect(200);
        assert!(document.data["openapi"]["paths"]["/login"]["x-vault-unauthenticated"].as_bool().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_carries_no_identity_when_refused() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    let answer = mount.login(&json!({"role": "dev"})).await.expect(400);
    assert!(answer.auth.is_none() && answer.role.is_none());
    assert_eq!(answer.errors.len(), 1);
    assert!(answer.raw.unwrap().response.is_none_or(|response| response.auth.is_none()));
}

/// The storage of a mount is a service of the host alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_the_plugin_does_not_have_is_unimplemented() {
    let (host, _mount) = under_test::mounted(under_test::open_bao()).await;
    let mut client = StorageClient::new(host.plugin().channel.clone());
    let status =
        client.get(StorageGetArgs { key: ROLE.to_owned(), ..StorageGetArgs::default() }).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}
