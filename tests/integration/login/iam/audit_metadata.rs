//! Metadata by which a login is found in AWS's own records.

use serde_json::json;

use crate::under_test;
use testkit::aws::{Fault, LoginOptions, sign_login};
use testkit::stage::SERVER_ID;

const ALL: [&str; 4] = ["aws_access_key_id", "aws_region", "aws_request_id", "aws_signed_at"];

#[tokio::test(flavor = "multi_thread")]
async fn the_token_names_its_request_and_the_alias_does_not() {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role("r", json!({"bound_iam_principal_arn": dev.arn})).await;
    let before = stage.admitted(&dev.credentials, "r").await;
    assert!(ALL.iter().all(|name| !before.metadata.contains_key(*name)));
    stage.mount.write("config/identity", &json!({"iam_audit_metadata": ALL})).await.expect(204);
    stage.aws.clear_calls();

    let header = LoginOptions::vault_cli().server_id(SERVER_ID).role("r");
    let presigned = LoginOptions::presigned_get().server_id(SERVER_ID).role("r");
    for options in [header, presigned] {
        stage.aws.clear_calls();
        let answer = stage.mount.login_only(&sign_login(&dev.credentials, &options)).await;
        let auth = answer.expect(200).auth.unwrap();
        let calls = stage.aws.calls("GetCallerIdentity");
        let [call] = calls.as_slice() else { panic!("one call: {calls:#?}") };
        assert_eq!(auth.metadata["aws_request_id"], call.request_id);
        assert_eq!(auth.metadata["aws_access_key_id"], dev.credentials.access_key_id);
        assert_eq!(auth.metadata["aws_region"], call.region);
        let signed_at = &auth.metadata["aws_signed_at"];
        let date = call.header("X-Amz-Date").map(str::to_owned).or_else(|| call.parameter("X-Amz-Date"));
        assert_eq!(signed_at.replace(['-', ':'], ""), date.unwrap());
        assert_eq!(auth.alias.unwrap().metadata, before.alias.as_ref().unwrap().metadata);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_chosen_and_known_is_there() {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role("r", json!({"bound_iam_principal_arn": dev.arn})).await;
    stage.mount.write("config/identity", &json!({"iam_audit_metadata": "aws_request_id"})).await.expect(204);
    let metadata = stage.admitted(&dev.credentials, "r").await.metadata;
    assert!(metadata.contains_key("aws_request_id") && !metadata.contains_key("aws_access_key_id"));
    // The header counts; what is no id is left out.
    stage.aws.fault("GetCallerIdentity", 1, Fault::Replaced("RequestId".to_owned(), "a b".to_owned()));
    let metadata = stage.admitted(&dev.credentials, "r").await.metadata;
    assert!(metadata["aws_request_id"].starts_with("00000000-0000-4000-8000-"));
    stage.mount.write("config/identity", &json!({"iam_audit_metadata": ""})).await.expect(204);
    let metadata = stage.admitted(&dev.credentials, "r").await.metadata;
    assert!(!metadata.contains_key("aws_request_id"));
}
