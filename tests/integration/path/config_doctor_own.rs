//! `config/doctor`: what it says of what only this plugin has: organizations as bindings, and the mount as an issuer.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Fault, RawAnswer, Times};
use testkit::stage::{Stage, with};

const ISSUER: &str = "https://keys.example.com/aws";
const CONFIGURATION: &str = "https://keys.example.com/aws/.well-known/openid-configuration";
const KEYS: &str = "https://keys.example.com/aws/.well-known/keys";
const STORED: &str = "issuer/keys";
const DAY: i64 = 24 * 3600;

async fn stage() -> Stage {
    let launch =
        under_test::open_bao().env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "us-east-1");
    Stage::set(launch).await.behind_proxy().configured(json!({})).await
}

/// The probes of these names, in their order.
async fn probes(stage: &Stage, only: &str) -> Vec<Value> {
    let answer =
        stage.mount.request("read", "config/doctor", &json!({ "only": only })).send().await.expect(200);
    answer.data["probes"].as_array().unwrap().clone()
}

/// Panics unless the probes have these names and verdicts, each with a part of what it has seen.
#[track_caller]
fn assert_probes(found: &[Value], wanted: &[(&str, &str, &str)]) {
    let names: Vec<&str> = found.iter().map(|probe| probe["probe"].as_str().unwrap()).collect();
    assert_eq!(names, wanted.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), "{found:#?}");
    for (probe, (_, verdict, seen)) in found.iter().zip(wanted) {
        assert_eq!(probe["verdict"], *verdict, "{probe:#}");
        assert!(probe["seen"].as_str().unwrap().contains(seen), "{seen}: {probe:#}");
        let is_to_do = ["failed", "warning"].contains(verdict);
        assert_eq!(probe["hint"].as_str().unwrap().is_empty(), !is_to_do, "{probe:#}");
        assert_eq!(probe["who_acts"].as_str().unwrap().is_empty(), !is_to_do, "{probe:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_permission_for_organizations_is_tried_where_a_role_binds_one() {
    let stage = stage().await;
    stage.write_config(&json!({"organizations_endpoint": stage.aws.url(), "max_retries": 0})).await;
    let dev = stage.aws.create_user("dev");
    let plain = json!({"bound_iam_principal_arn": dev.arn, "resolve_aws_unique_ids": false});
    stage.role("dev", plain.clone()).await;
    assert_probes(&probes(&stage, "permission").await, &[]);
    assert_eq!(stage.aws.call_count("DescribeAccount"), 0);

    let name = format!("permission.{ACCOUNT}.organizations:DescribeAccount");
    stage.role("dev", with(&plain, json!({"bound_organization_ids": "o-abcdefghij"}))).await;
    let not_in_use = [(name.as_str(), "failed", "AWSOrganizationsNotInUseException")];
    assert_probes(&probes(&stage, "permission").await, &not_in_use);
    stage.aws.organization("o-abcdefghij");
    stage.aws.put_account(ACCOUNT, "o-abcdefghij/r-abcd/", "ACTIVE");
    let allowed = [(name.as_str(), "ok", "allowed; the account is in o-abcdefghij")];
    assert_probes(&probes(&stage, "permission").await, &allowed);
    for (fault, verdict, seen) in [
        (Fault::error(400, "AccessDeniedException", "no"), "failed", "AccessDeniedException"),
        (Fault::error(400, "TooManyRequestsException", "slow"), "warning", "rate"),
        (Fault::Missing("Paths".to_owned()), "ok", "tells no organizational units"),
        (Fault::error(400, "AccountNotFoundException", "no"), "ok", "allowed"),
    ] {
        stage.aws.fault("DescribeAccount", Times::Always, fault);
        let found = probes(&stage, "permission").await;
        assert_probes(&found, &[(name.as_str(), verdict, seen)]);
        if seen == "AccessDeniedException" {
            assert!(
                found[0]["hint"].as_str().unwrap().contains("organizations:DescribeAccount"),
                "{found:#?}"
            );
        }
        stage.aws.clear_faults();
    }
    // A role of config/sts has no part in it.
    let calls = stage.aws.calls("DescribeAccount");
    assert!(calls.iter().all(|call| call.access_key_id == stage.server_user.credentials.access_key_id));
    let answer = stage.mount.read("status/aws").await.expect(200);
    assert!(answer.data.to_string().contains("organizations:DescribeAccount"), "it stands in the books");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_is_looked_at_where_aws_looks_for_it() {
    let stage = stage().await;
    assert_probes(&probes(&stage, "issuer").await, &[]);
    stage.mount.write("config/issuer", &json!({ "issuer": ISSUER })).await.expect(204);
    let exported = stage.mount.read("issuer/export").await.expect(200).data;
    let (configuration, keys) = (&exported["openid_configuration"], &exported["jwks"]);
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    let signs = format!("1, and one of them is {kid}, which signs now");

    let none_named = ("issuer.keys", "skipped", "see issuer.configuration");
    let page = RawAnswer {
        status: 200,
        content_type: Some("text/html".to_owned()),
        headers: Vec::new(),
        body: b"<html/>".to_vec(),
    };
    let gone = RawAnswer { status: 404, ..page.clone() };
    for (answer, seen) in [(gone, "answers with status 404"), (page, "is no JSON")] {
        stage.aws.publish_answer(CONFIGURATION, answer.clone());
        assert_probes(
            &probes(&stage, "issuer").await,
            &[("issuer.configuration", "failed", seen), none_named],
        );
        stage.aws.publish(CONFIGURATION, configuration);
        stage.aws.publish_answer(KEYS, answer);
        let named = ("issuer.configuration", "ok", KEYS);
        assert_probes(&probes(&stage, "issuer").await, &[named, ("issuer.keys", "failed", seen)]);
        assert_probes(&probes(&stage, "issuer.keys").await, &[("issuer.keys", "failed", seen)]);
    }
    for (change, seen) in [
        (
            json!({"issuer": "https://keys.example.com/other"}),
            "is of the issuer \"https://keys.example.com/other\"",
        ),
        (json!({"issuer": null}), "is of the issuer \"\""),
        (json!({"jwks_uri": "http://keys.example.com/aws/.well-known/keys"}), "names no https URL of keys"),
        (json!({"jwks_uri": null}), "names no https URL of keys"),
    ] {
        stage.aws.publish(CONFIGURATION, &with(configuration, change));
        assert_probes(
            &probes(&stage, "issuer").await,
            &[("issuer.configuration", "failed", seen), none_named],
        );
    }
    stage.aws.publish(CONFIGURATION, configuration);
    let mut other = keys.clone();
    other["keys"][0]["n"] = json!("AQAB");
    let named = ("issuer.configuration", "ok", KEYS);
    for (published, verdict, seen) in [
        (&json!({"keys": []}), "failed", format!("of 0 keys none is {kid}, which signs now")),
        (&other, "failed", format!("the key {kid}, which signs now, is published as another one")),
        (keys, "ok", signs.clone()),
    ] {
        stage.aws.publish(KEYS, published);
        assert_probes(&probes(&stage, "issuer").await, &[named, ("issuer.keys", verdict, &seen)]);
    }

    // A copy that is not made anew after a rotation: first without the next key, a day later without the one that
    // signs.
    stage.mount.write("issuer/rotate", &json!({})).await.expect(200);
    let next = "which signs next";
    assert_probes(&probes(&stage, "issuer").await, &[named, ("issuer.keys", "warning", next)]);
    let mut stored = stage.mount.storage().json(STORED).unwrap();
    for key in stored["keys"].as_array_mut().unwrap() {
        for member in ["created", "signs_from"] {
            key[member] = json!(key[member].as_i64().unwrap() - DAY);
        }
    }
    stage.mount.storage().put_json(STORED, &stored);
    stage.mount.invalidate(STORED).await.unwrap();
    assert_probes(&probes(&stage, "issuer").await, &[named, ("issuer.keys", "failed", "of 1 keys none is ")]);
    stage.aws.publish(KEYS, &stage.mount.read("issuer/export").await.expect(200).data["jwks"]);
    assert_probes(&probes(&stage, "issuer").await, &[named, ("issuer.keys", "ok", "2, and one of them is ")]);

    // Nobody there.
    stage.mount.write("config/issuer", &json!({"issuer": "https://nobody.example.com"})).await.expect(204);
    let found = probes(&stage, "issuer").await;
    assert_probes(
        &found,
        &[("issuer.configuration", "failed", "https://nobody.example.com/.well-known/"), none_named],
    );
}
