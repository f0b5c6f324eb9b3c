//! `status/aws`: what a mount tells about its calls to AWS.

use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::login_scene::{LoginScene, login_as, outcome};
use testkit::aws::{ACCOUNT, Entity, Fault, OTHER_ACCOUNT, Times};
use testkit::host::Mount;

const LOG_LIMIT: Duration = Duration::from_secs(20);

async fn status(mount: &Mount) -> Value {
    mount.read("status/aws").await.expect(200).data
}

/// The lines of an action, as account, whether forwarded, calls, throttles and errors.
fn lines(status: &Value, api: &str) -> Vec<(String, bool, u64, u64, u64)> {
    let lines = status["calls"].as_array().unwrap().iter().filter(|line| line["api"] == api);
    let number = |line: &Value, name: &str| line[name].as_u64().unwrap();
    lines
        .map(|line| {
            let latency = &line["latency_ms"];
            assert!(latency["p50"].as_f64().unwrap() <= latency["max"].as_f64().unwrap(), "{line}");
            assert_eq!(line["budget"].is_object(), line["forwarded"] == json!(false), "{line}");
            (
                line["account_id"].as_str().unwrap().to_owned(),
                line["forwarded"].as_bool().unwrap(),
                number(line, "calls"),
                number(line, "throttles"),
                number(line, "errors"),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_told_by_account_and_action() {
    let scene = LoginScene::open().await;
    let further = scene.further_mount("further", &json!({})).await;
    let patterns = [ACCOUNT, OTHER_ACCOUNT].map(|account| format!("arn:aws:iam::{account}:role/*"));
    let reader = scene.aws.create_role(Entity::named("Reader").account(OTHER_ACCOUNT));
    let sts = json!({"sts_role": reader.arn});
    scene.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
    scene.write_role("wild", &json!({"bound_iam_principal_arn": patterns})).await;
    let own = scene.aws.create_role("App");
    let other = scene.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
    for role in [&own, &own, &other] {
        scene.admitted(&login_as(&scene.aws.session(role, "s").credentials, "wild")).await;
    }
    // Bound nowhere, and an answer of STS that is none.
    let stranger = scene.aws.create_user(Entity::named("stranger").account("999999999999"));
    scene.refused(&login_as(&stranger.credentials, "wild")).await;
    scene.aws.fault("GetCallerIdentity", 1, Fault::throttling());
    let answer = scene.mount.login_only(&scene.alice_login()).await;
    assert!(outcome(&answer).is_some());

    let status = status(&scene.mount).await;
    let line = |account: &str, forwarded, calls, throttles, errors| {
        (account.to_owned(), forwarded, calls, throttles, errors)
    };
    assert_eq!(
        lines(&status, "sts:GetCallerIdentity"),
        [
            line("", true, 2, 1, 0),
            // Of the mount's first configuration, and of that with another account.
            line("", false, 2, 0, 0),
            line(ACCOUNT, true, 3, 0, 0),
            line(OTHER_ACCOUNT, true, 1, 0, 0),
        ]
    );
    assert_eq!(lines(&status, "sts:AssumeRole"), [line(OTHER_ACCOUNT, false, 1, 0, 0)]);
    assert_eq!(
        lines(&status, "iam:GetRole"),
        [line(ACCOUNT, false, 1, 0, 0), line(OTHER_ACCOUNT, false, 1, 0, 0)]
    );
    let caches = &status["caches"];
    assert_eq!(
        caches["full_arn"],
        json!({"entries": 2, "capacity": 8192, "hits": 1, "misses": 3, "hit_rate": 0.25})
    );
    assert_eq!(caches["assumed_role"]["entries"], 1);
    assert!(caches["role"]["hits"].as_u64().unwrap() >= 2, "{caches}");
    for name in ["config_client", "config_identity", "config_sts", "resolve_role", "jwt_keys"] {
        assert!(caches[name]["capacity"].as_u64().unwrap() > 0, "{caches}");
    }
    let text = status.to_string();
    for secret in
        [&scene.server_user.credentials.access_key_id, &scene.server_user.credentials.secret_access_key]
    {
        assert!(!text.contains(secret.as_str()), "{text}");
    }

    // Another mount speaks of its own calls alone.
    let of_further = self::status(&further).await;
    assert_eq!(lines(&of_further, "iam:GetRole"), []);
    assert_eq!(lines(&of_further, "iam:GetUser"), [line(ACCOUNT, false, 1, 0, 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_neither_storage_nor_aws() {
    let scene = LoginScene::open().await;
    let storage = scene.mount.storage().counts();
    let before = scene.aws.total_calls();
    status(&scene.mount).await;
    assert_eq!(scene.mount.storage().counts(), storage);
    assert_eq!(scene.aws.total_calls(), before);
}

/// The age of requests is told by the clock of the node.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_that_of_aws_is_told() {
    let scene = LoginScene::open().await;
    let login_dated = async |ahead: i64| {
        scene.aws.clear_faults();
        let date = OffsetDateTime::now_utc() + time::Duration::seconds(ahead);
        let date = date.format(&Rfc2822).unwrap().replace("+0000", "GMT");
        let fault = Fault::Header("Date".to_owned(), date);
        scene.aws.fault("GetCallerIdentity", Times::Always, fault);
        scene.admitted(&scene.alice_login()).await;
        scene.mount.rollback().await.expect(204);
        status(&scene.mount).await["aws_clock_ahead_seconds"].clone()
    };
    assert_eq!(login_dated(0).await, Value::Null);
    assert_eq!(login_dated(-29).await, Value::Null);
    for ahead in [300, -600] {
        for _ in 0..2 {
            let told = login_dated(ahead).await.as_i64().unwrap();
            assert!((told - ahead).abs() < 30, "{told} is not {ahead}");
        }
        let is_told = |fields: &Map<String, Value>| {
            let told = fields.get("aws_ahead_seconds").and_then(Value::as_i64);
            told.is_some_and(|told| (told - ahead).abs() < 30)
        };
        let line =
            scene.host.wait_for_log(LOG_LIMIT, |entry| is_told(&entry.fields)).await.expect("a warning");
        assert_eq!(line.level, "warn");
    }
    let lines = scene.host.logs().into_iter().filter_map(|line| line.entry.ok());
    let warnings = lines.filter(|entry| entry.fields.contains_key("aws_ahead_seconds"));
    assert_eq!(warnings.count(), 2, "each is told once");
    assert_eq!(login_dated(0).await, Value::Null);
}
