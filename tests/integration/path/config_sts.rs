//! `config/sts/<account>` as it is written, stored and read.

use serde_json::{Value, json};

use crate::under_test;
use testkit::stage::Stage;

const PATH: &str = "config/sts/444455556666";

fn stored(stage: &Stage) -> Value {
    stage.mount.storage().json(PATH).expect("a stored entry")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_needed_and_an_external_id_may_be_set() {
    let stage = under_test::stage().await;
    for (fields, text) in [
        (json!({}), "missing sts role"),
        (json!({"external_id": "x"}), "missing sts role"),
        (json!({"sts_role": ""}), "sts role cannot be empty"),
    ] {
        let answer = stage.mount.write(PATH, &fields).await;
        assert_eq!((answer.status, answer.error()), (400, text));
        assert_eq!(stage.mount.storage().get(PATH), None);
    }
    stage.mount.write(PATH, &json!({"sts_role": "arn:r"})).await.expect(204);
    assert_eq!(stage.mount.storage().get(PATH).unwrap(), b"{\"sts_role\":\"arn:r\"}\n");
    assert_eq!(
        stage.mount.read(PATH).await.expect(200).data,
        json!({"sts_role": "arn:r", "external_id": ""})
    );

    stage.mount.write(PATH, &json!({"external_id": "x"})).await.expect(204);
    assert_eq!(stored(&stage), json!({"sts_role": "arn:r", "external_id": "x"}));
    stage.mount.write(PATH, &json!({"sts_role": "arn:s"})).await.expect(204);
    assert_eq!(stage.mount.read(PATH).await.data, json!({"sts_role": "arn:s", "external_id": "x"}));
    let answer = stage.mount.write(PATH, &json!({"sts_role": ""})).await;
    assert_eq!((answer.status, answer.error()), (400, "sts role cannot be empty"));
    stage.mount.write(PATH, &json!({"external_id": ""})).await.expect(204);
    assert_eq!(stored(&stage), json!({"sts_role": "arn:s"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_and_deleted() {
    let stage = under_test::stage().await;
    assert_eq!(stage.mount.list("config/sts").await.status, 404);
    assert_eq!(stage.mount.read(PATH).await.status, 404);
    for account in ["444455556666", "ABC", "abc"] {
        stage.mount.write(&format!("config/sts/{account}"), &json!({"sts_role": account})).await.expect(204);
    }
    let keys = stage.mount.list("config/sts").await.expect(200).data;
    assert_eq!(keys, json!({"keys": ["444455556666", "ABC", "abc"]}), "spelling counts");
    assert_eq!(stage.mount.read("config/sts/ABC").await.data["sts_role"], "ABC");
    for _ in 0..2 {
        stage.mount.delete("config/sts/ABC").await.expect(204);
    }
    assert_eq!(stage.mount.read("config/sts/ABC").await.status, 404);
    assert_eq!(stage.mount.read("config/sts/abc").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_the_built_in_method_are_read_and_kept() {
    let stage = under_test::stage().await;
    for (entry, external_id) in [
        (json!({"sts_role": "arn:r"}), ""),
        (json!({"sts_role": "arn:r", "external_id": ""}), ""),
        (json!({"sts_role": "arn:r", "external_id": "x", "later": {"a": 1}}), "x"),
    ] {
        stage.mount.storage().put_json(PATH, &entry);
        let data = stage.mount.read(PATH).await.expect(200).data;
        assert_eq!(data, json!({"sts_role": "arn:r", "external_id": external_id}));
        stage.mount.write(PATH, &json!({"sts_role": "arn:s"})).await.expect(204);
        assert_eq!(stored(&stage).get("later"), entry.get("later"));
    }
}
