//! `config/client` as it is written, stored and read.

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::Call;
use testkit::stage::{Stage, with};

const KEY: &str = "config/client";

/// What is read after an empty write.
fn defaults() -> Value {
    json!({
        "access_key": "", "endpoint": "", "iam_endpoint": "", "sts_endpoint": "", "sts_region": "",
        "use_sts_region_from_client": false, "iam_server_id_header_value": "", "max_retries": -1,
        "allowed_sts_header_values": null, "role_arn": "", "identity_token_ttl": 0,
        "identity_token_audience": "", "rotation_schedule": "", "rotation_window": 0, "rotation_period": 0,
        "disable_automated_rotation": false,
    })
}

fn stored(stage: &Stage) -> Value {
    stage.mount.storage().json(KEY).expect("a stored configuration")
}

async fn empty_stage() -> Stage {
    let stage = under_test::stage().await;
    stage.mount.delete(KEY).await.expect(204);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_write_stores_the_defaults() {
    let stage = empty_stage().await;
    assert_eq!(stage.mount.read(KEY).await.status, 404);
    assert_eq!(stage.mount.storage().get(KEY), None);
    stage.mount.write(KEY, &json!({})).await.expect(204);
    assert_eq!(stage.mount.read(KEY).await.expect(200).data, defaults());
    let mut expected = defaults();
    expected["secret_key"] = json!("");
    assert_eq!(stored(&stage), expected);
    assert_eq!(stage.mount.storage().get(KEY).unwrap().last(), Some(&b'\n'));
    stage.mount.delete(KEY).await.expect(204);
    stage.mount.delete(KEY).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_stored_and_read_but_for_the_secret() {
    let stage = empty_stage().await;
    let fields = json!({
        "access_key": "AKID", "secret_key": "hunter2", "endpoint": "https://ec2", "iam_endpoint": "https://iam",
        "sts_endpoint": "https://sts", "sts_region": "eu-west-1", "use_sts_region_from_client": true,
        "iam_server_id_header_value": "vault", "max_retries": 5,
        "allowed_sts_header_values": "x-amz-foo,X-AMZ-BAR,other header", "role_arn": "arn:aws:iam::1:role/r",
        "identity_token_ttl": "90s",
    });
    stage.mount.write(KEY, &fields).await.expect(204);
    let canonical = json!(["X-Amz-Foo", "X-Amz-Bar", "other header"]);
    let shown = with(
        &with(&defaults(), fields),
        json!({"secret_key": null, "identity_token_ttl": 90, "allowed_sts_header_values": canonical}),
    );
    let answer = stage.mount.read(KEY).await.expect(200);
    assert_eq!(answer.data, shown);
    assert!(!format!("{answer:?}").contains("hunter2"), "the secret is never shown");
    let expected = with(&shown, json!({"secret_key": "hunter2", "identity_token_ttl": 90_000_000_000_i64}));
    assert_eq!(stored(&stage), expected, "durations are stored in nanoseconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_keeps_what_is_not_supplied_and_empty_text_clears() {
    let stage = empty_stage().await;
    let fields = json!({"access_key": "AKID", "secret_key": "s", "sts_region": "eu-west-1", "max_retries": 0, "allowed_sts_header_values": "X-Amz-A,X-Amz-B"});
    stage.mount.write(KEY, &fields).await.expect(204);
    let before = stored(&stage);
    for same in
        [json!({}), json!({"allowed_sts_header_values": ["x-amz-b", "x-amz-a"]}), json!({"max_retries": 0})]
    {
        stage.mount.write(KEY, &same).await.expect(204);
        assert_eq!(stored(&stage), before, "{same}");
    }
    let change = json!({"access_key": "", "max_retries": "7", "allowed_sts_header_values": ""});
    stage.mount.write(KEY, &change).await.expect(204);
    let expected =
        with(&before, json!({"access_key": "", "max_retries": 7, "allowed_sts_header_values": []}));
    assert_eq!(stored(&stage), expected);
    assert_eq!(stage.mount.read(KEY).await.data["allowed_sts_header_values"], json!([]));
    // JSON null is a text, the empty one.
    let mut null = json!({});
    null["secret_key"] = Value::Null;
    stage.mount.write(KEY, &null).await.expect(204);
    assert_eq!(stored(&stage)["secret_key"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_others_can_read_and_answer_are_warned_of_and_configured() {
    let stage = empty_stage().await;
    let warning = |name: &str| {
        format!(
            "{name} is an http URL: whoever is on the way to it can read the requests of the server and forge the answers that logins are decided by; use https"
        )
    };
    for name in ["endpoint", "iam_endpoint", "sts_endpoint"] {
        let open = json!({name: "http://aws.example:8080"});
        // The second write changes nothing, and is as dangerous as the first.
        for _ in 0..2 {
            let answer = stage.mount.write(KEY, &open).await.expect(200);
            assert_eq!((answer.warnings, answer.data), (vec![warning(name)], Value::Null));
            assert_eq!(stored(&stage)[name], "http://aws.example:8080");
        }
        // Only what the request gives is told.
        stage.mount.write(KEY, &json!({"max_retries": 3})).await.expect(204);
        for other in ["https://aws.example", "aws.example", "http://127.0.0.1:1", "http://[::1]", ""] {
            stage.mount.write(KEY, &json!({name: other})).await.expect(204);
        }
    }
    let all = json!({"endpoint": "http://a", "iam_endpoint": "https://b", "sts_endpoint": "http://c"});
    let answer = stage.mount.write(KEY, &all).await.expect(200);
    assert_eq!(answer.warnings, [warning("endpoint"), warning("sts_endpoint")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_where_the_metadata_service_is_are_warned_of_and_configured() {
    let stage = empty_stage().await;
    let warning = |name: &str| {
        format!(
            "{name} is a link-local address, where the metadata service of an instance and its neighbours are, and no API of AWS: signed requests and the answers that logins are decided by go there; use the name of an AWS endpoint"
        )
    };
    for name in ["endpoint", "iam_endpoint", "sts_endpoint"] {
        for url in ["https://169.254.169.254", "169.254.170.2", "https://[fe80::1]:8443/x"] {
            let answer = stage.mount.write(KEY, &json!({name: url})).await.expect(200);
            assert_eq!((answer.warnings, answer.data), (vec![warning(name)], Value::Null), "{url}");
            assert_eq!(stored(&stage)[name], url);
        }
        let open = stage.mount.write(KEY, &json!({name: "http://169.254.169.254"})).await.expect(200);
        assert_eq!(open.warnings.len(), 2, "{:?}", open.warnings);
        assert_eq!(open.warnings[1], warning(name));
        stage.mount.write(KEY, &json!({name: "https://169.253.0.1"})).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_field_of_any_configuration_is_told_of() {
    let stage = empty_stage().await;
    let told = |given: &str, meant: &str| {
        vec![format!("unrecognized parameter \"{given}\" was ignored; did you mean \"{meant}\"?")]
    };
    let sts = json!({"sts_role": "arn:aws:iam::1:role/r", "externalid": "hunter2"});
    for (path, fields, given, meant) in [
        (KEY, json!({"acess_key": "hunter2"}), "acess_key", "access_key"),
        (KEY, json!({"access_key": "A", "retries": 3}), "retries", "max_retries"),
        ("config/sts/444455556666", sts, "externalid", "external_id"),
        ("config/identity", json!({"iam-alias": "unique_id"}), "iam-alias", "iam_alias"),
        ("config/tidy/roletag-denylist", json!({"saftey_buffer": 1}), "saftey_buffer", "safety_buffer"),
        ("config/tidy/identity-accesslist", json!({"disable": true}), "disable", "disable_periodic_tidy"),
    ] {
        let answer = stage.mount.write(path, &fields).await.expect(200);
        assert_eq!((answer.warnings, answer.data), (told(given, meant), Value::Null), "{path} {fields}");
        // Of what is no slip nothing is said, as ever.
        stage.mount.write(path, &with(&fields, json!({given: null, "unknown_field": 1}))).await.expect(204);
    }
    // A role has fields that other versions of the method do not know.
    stage
        .mount
        .write("role/r", &json!({"bound_iam_principal_arn": "arn:aws:iam::*", "bound_cidrs": 1}))
        .await
        .expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_the_wrong_type_are_not_shown() {
    let stage = empty_stage().await;
    let answer = stage.mount.write(KEY, &json!({"secret_key": ["hunter2"]})).await;
    let text = "error converting input for field \"secret_key\": expected a string, got a list";
    assert_eq!((answer.status, answer.error()), (400, text));
    let answer = stage.mount.request("update", KEY, &json!({"max_retries": "hunter2"})).send().await;
    let text =
        "Field validation failed: error converting input for field \"max_retries\": text is not an integer";
    assert_eq!((answer.status, answer.error()), (400, text));
    // As both hosts' own methods take JSON numbers.
    for (fields, why) in [
        (json!({"max_retries": 2.5}), "number is not an integer"),
        (json!({"max_retries": 1e3}), "number is not an integer"),
        (json!({"use_sts_region_from_client": 2}), "number is neither 1 nor 0"),
        (json!({"identity_token_ttl": 0.5}), "time: missing unit in duration"),
    ] {
        let answer = stage.mount.write(KEY, &fields).await.expect(400);
        assert!(answer.error().ends_with(why), "{fields}: {}", answer.error());
    }
    assert_eq!(stage.mount.storage().get(KEY), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_the_built_in_method_are_read_and_members_of_others_kept() {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    let storage = stage.mount.storage();
    // Older than retries: none are made.
    let url = stage.aws.url();
    let old = with(
        &stage.keys(),
        json!({"endpoint": "", "iam_endpoint": "", "sts_endpoint": url, "iam_server_id_header_value": ""}),
    );
    storage.put_json(KEY, &old);
    stage.mount.invalidate(KEY).await.unwrap();
    assert_eq!(stage.mount.read(KEY).await.expect(200).data["max_retries"], 0);
    let unwell = || testkit::aws::Fault::throttled(503, Some(0));
    stage.aws.fault("GetCallerIdentity", 1, unwell());
    assert!(stage.refused(&dev.credentials, "dev").await.ends_with("giving up after 1 attempt(s)"));
    stage.admitted(&dev.credentials, "dev").await;

    // As the newest built-in method stores it, with a member of some other version.
    let mut new = with(
        &defaults(),
        with(&old, json!({"max_retries": -1, "identity_token_ttl": 60_000_000_000_i64, "later": {"a": [1]}})),
    );
    new["allowed_sts_header_values"] = Value::Null;
    storage.put_json(KEY, &new);
    stage.mount.invalidate(KEY).await.unwrap();
    assert_eq!(stage.mount.read(KEY).await.data["identity_token_ttl"], 60);
    stage.admitted(&dev.credentials, "dev").await;
    stage.mount.write(KEY, &json!({"sts_region": "eu-west-1"})).await.expect(204);
    let mut expected = with(&new, json!({"sts_region": "eu-west-1"}));
    expected["allowed_sts_header_values"] = Value::Null;
    assert_eq!(stored(&stage), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_is_not_absent_accident_14() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let stage = Stage::on(launch).await;
        let dev = stage.aws.create_user("dev");
        stage.role_for("dev", &dev.arn).await;
        let storage = stage.mount.storage();
        stage.mount.invalidate(KEY).await.unwrap();
        storage.fail(Call::Get, KEY, "the disk is on fire");
        let answer = stage.login(&dev.credentials, "dev").await;
        let text = "error getting configuration: the disk is on fire";
        assert_eq!((answer.status, answer.error(), answer.auth.is_none()), (500, text, true));
        assert_eq!(stage.mount.read(KEY).await.status, 500);
        storage.heal();
        storage.put(KEY, "{\"max_retries\":\"many\"}");
        let answer = stage.login(&dev.credentials, "dev").await;
        assert_eq!(answer.status, 500);
        assert!(answer.error().starts_with("error getting configuration: "), "{}", answer.error());
        assert_eq!(stage.aws.total_calls(), 0);

        // The role and the identity configuration are no different.
        stage.configure(json!({})).await;
        for key in ["role/dev", "config/identity"] {
            stage.mount.invalidate(key).await.unwrap();
            storage.fail(Call::Get, key, "the disk is on fire");
            let answer = stage.login(&dev.credentials, "dev").await;
            assert_eq!((answer.status, answer.error()), (500, "the disk is on fire"), "{key}");
            storage.heal();
            stage.admitted(&dev.credentials, "dev").await;
        }
    }
}
