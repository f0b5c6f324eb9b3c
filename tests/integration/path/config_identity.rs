//! `config/identity` as it is written, stored and read.

use serde_json::{Value, json};

use crate::under_test;
use testkit::stage::{Stage, with};

const KEY: &str = "config/identity";

fn defaults() -> Value {
    json!({
        "iam_alias": "role_id", "iam_metadata": ["account_id", "auth_type"],
        "ec2_alias": "role_id", "ec2_metadata": ["account_id", "auth_type"],
    })
}

async fn read(stage: &Stage) -> Value {
    stage.mount.read(KEY).await.expect(200).data
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_with_defaults_before_anything_is_stored() {
    let stage = under_test::stage().await;
    assert_eq!(read(&stage).await, defaults());
    assert_eq!(stage.mount.storage().get(KEY), None);
    assert_eq!(stage.mount.delete(KEY).await.status, 405);

    // A write pins the aliases and leaves the metadata unset.
    stage.mount.write(KEY, &json!({})).await.expect(204);
    let stored = json!({
        "iam_alias": "role_id", "iam_auth_metadata_handler": {"auth_metadata": null},
        "ec2_alias": "role_id", "ec2_auth_metadata_handler": {"auth_metadata": null},
    });
    assert_eq!(stage.mount.storage().json(KEY).unwrap(), stored);
    assert_eq!(stage.mount.storage().get(KEY).unwrap().last(), Some(&b'\n'));
    assert_eq!(read(&stage).await, defaults());
}

#[tokio::test(flavor = "multi_thread")]
async fn selections_are_normalised_and_kept() {
    let stage = under_test::stage().await;
    let fields = json!({
        "iam_alias": "canonical_arn", "iam_metadata": " CLIENT_ARN,account_id,,account_id", "ec2_alias": "image_id",
        "ec2_metadata": ["region", "AMI_id"],
    });
    stage.mount.write(KEY, &fields).await.expect(204);
    let (iam, ec2) = (json!(["account_id", "client_arn"]), json!(["ami_id", "region"]));
    let stored = json!({
        "iam_alias": "canonical_arn", "iam_auth_metadata_handler": {"auth_metadata": iam},
        "ec2_alias": "image_id", "ec2_auth_metadata_handler": {"auth_metadata": ec2},
    });
    assert_eq!(stage.mount.storage().json(KEY).unwrap(), stored);
    let shown = json!({"iam_alias": "canonical_arn", "iam_metadata": iam, "ec2_alias": "image_id", "ec2_metadata": ec2});
    assert_eq!(read(&stage).await, shown);

    stage.mount.write(KEY, &json!({"iam_metadata": ""})).await.expect(204);
    assert_eq!(read(&stage).await, with(&shown, json!({"iam_metadata": []})), "none at all");
    stage.mount.write(KEY, &json!({"iam_metadata": ["Default", "default"]})).await.expect(204);
    assert_eq!(read(&stage).await["iam_metadata"], defaults()["iam_metadata"]);
    let stored = stage.mount.storage().json(KEY).unwrap();
    assert_eq!(stored["iam_auth_metadata_handler"], json!({"auth_metadata": null}), "unset again");

    let every = "account_id,auth_type,canonical_arn,client_arn,client_user_id,inferred_aws_region,inferred_entity_id,inferred_entity_type,inferred_hostname";
    for alias in ["role_id", "unique_id", "full_arn", "canonical_arn"] {
        stage.mount.write(KEY, &json!({"iam_alias": alias, "iam_metadata": every})).await.expect(204);
    }
    for alias in ["role_id", "instance_id", "image_id"] {
        let fields =
            json!({"ec2_alias": alias, "ec2_metadata": "account_id,auth_type,ami_id,instance_id,region"});
        stage.mount.write(KEY, &fields).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_their_order() {
    let stage = under_test::stage().await;
    let iam_alias = |value: &str| {
        format!(
            "iam_alias of \"{value}\" not in set of allowed values: [role_id unique_id full_arn canonical_arn]"
        )
    };
    let ec2_alias = |value: &str| {
        format!("ec2_alias of \"{value}\" not in set of allowed values: [role_id instance_id image_id]")
    };
    let combined = |names: &str| {
        format!("[{names}] contains default - default can't be used in combination with other fields")
    };
    let iam_unknown = |names: &str| {
        format!(
            "\"{names}\" contains an unavailable field, please select from \"account_id, auth_type, canonical_arn, \
             client_arn, client_user_id, inferred_aws_region, inferred_entity_id, inferred_entity_type, inferred_hostname\""
        )
    };
    let ec2_unknown = "\"x\" contains an unavailable field, please select from \"account_id, auth_type, ami_id, instance_id, region\"";
    let all = json!({"iam_alias": "x", "ec2_alias": "x", "iam_metadata": "x,y", "ec2_metadata": "x"});
    for (fields, text, marked) in [
        (all.clone(), iam_alias("x"), false),
        (with(&all, json!({"iam_alias": null})), ec2_alias("x"), false),
        (with(&all, json!({"iam_alias": null, "ec2_alias": null})), iam_unknown("x, y"), true),
        (json!({"ec2_metadata": "x"}), ec2_unknown.to_owned(), true),
        (json!({"iam_alias": ""}), iam_alias(""), false),
        (json!({"ec2_alias": ""}), ec2_alias(""), false),
        (json!({"ec2_alias": "instance-id"}), ec2_alias("instance-id"), false),
        (json!({"iam_metadata": "default,client_arn"}), combined("\"client_arn\" \"default\""), true),
        (json!({"iam_metadata": "default,x"}), combined("\"default\" \"x\""), true),
        (json!({"ec2_metadata": "default,region"}), combined("\"default\" \"region\""), true),
        (json!({"ec2_metadata": "inferred_hostname,client_arn"}), "\"client_arn, inferred_hostname\" contains an unavailable field, please select from \"account_id, auth_type, ami_id, instance_id, region\"".to_owned(), true),
    ] {
        let answer = stage.mount.write(KEY, &fields).await;
        assert_eq!((answer.status, answer.error()), (400, text.as_str()), "{fields}");
        let mark = answer.raw.unwrap().err.map(|error| error.err_type);
        assert_eq!(mark, marked.then_some(7), "{fields}: the mark of an invalid request");
    }
    assert_eq!(stage.mount.storage().get(KEY), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_the_built_in_method_are_read_and_kept() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    stage.role_for("dev", &user.arn).await;
    let storage = stage.mount.storage();
    // Older than metadata, with the dashes of very old values.
    storage.put(KEY, "{\"iam_alias\":\"unique_id\",\"ec2_alias\":\"instance-id\"}\n");
    stage.mount.invalidate(KEY).await.unwrap();
    let shown = with(&defaults(), json!({"iam_alias": "unique_id", "ec2_alias": "instance-id"}));
    assert_eq!(read(&stage).await, shown);
    let auth = stage.admitted(&user.credentials, "dev").await;
    assert_eq!(auth.alias.unwrap().name, user.unique_id);
    stage.mount.write(KEY, &json!({"iam_metadata": "client_arn"})).await.expect(204);
    assert_eq!(read(&stage).await, with(&shown, json!({"iam_metadata": ["client_arn"]})));

    let later = json!({
        "iam_alias": "", "iam_auth_metadata_handler": {"auth_metadata": []}, "ec2_alias": "",
        "ec2_auth_metadata_handler": null, "later": [{"a": 1}],
    });
    storage.put_json(KEY, &later);
    stage.mount.invalidate(KEY).await.unwrap();
    assert_eq!(read(&stage).await, with(&defaults(), json!({"iam_metadata": []})));
    let auth = stage.admitted(&user.credentials, "dev").await;
    assert_eq!(auth.metadata.keys().collect::<Vec<_>>(), ["role_id"]);
    stage.mount.write(KEY, &json!({"ec2_alias": "image_id"})).await.expect(204);
    let stored = storage.json(KEY).unwrap();
    assert_eq!((&stored["later"], &stored["iam_alias"]), (&json!([{"a": 1}]), &json!("role_id")));
}
