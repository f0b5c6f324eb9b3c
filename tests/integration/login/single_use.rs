//! A signed request admits once, whatever happens to node, process and mount meanwhile.

use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::under_test;
use testkit::aws::{LoginOptions, User, sign_login};
use testkit::host::{Call, Launch, MountOptions, PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, READ_ONLY};
use testkit::stage::{SERVER_ID, Stage, with};

const USED: &str = "the signed request was used before: sign a new one, at least one second later or with a new value of the header X-Vault-AWS-IAM-Nonce";
const BEFORE: &str =
    "the signed request is older than the single use or the server id of this mount: sign a new one";
const SHARED: &str = "signed requests cannot be taken once only: other mounts take the same ones, because this mount has no iam_server_id_header_value or that of another mount";

/// A mount where requests admit once, and a user whom its role `dev` admits.
async fn on(launch: Launch) -> (Stage, User) {
    let stage = Stage::set(launch).await.configured(json!({"iam_request_single_use": true})).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

async fn stage() -> (Stage, User) {
    on(under_test::open_bao()).await
}

/// The form of a login that was never made before, signed a little after everything that was configured.
fn form(role: &str) -> LoginOptions {
    static NUMBER: AtomicI64 = AtomicI64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let date = OffsetDateTime::now_utc() + Duration::seconds(5);
    LoginOptions::vault_cli()
        .server_id(SERVER_ID)
        .role(role)
        .date(date)
        .signed_header("X-Vault-AWS-IAM-Nonce", &number.to_string())
}

fn login(user: &User, role: &str) -> Value {
    sign_login(&user.credentials, &form(role))
}

fn records(stage: &Stage) -> Vec<String> {
    let mut keys = stage.mount.storage().keys();
    keys.retain(|key| key.starts_with("replay/"));
    keys
}

async fn assert_used(stage: &Stage, login: &Value) {
    let answer = stage.mount.login_only(login).await.expect(409);
    assert_eq!(answer.error(), USED);
    assert_eq!(answer.auth, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_admits_once() {
    let (stage, dev) = stage().await;
    for form in [form("dev"), LoginOptions { form: testkit::aws::RequestForm::PresignedGet, ..form("dev") }] {
        let login = sign_login(&dev.credentials, &form);
        stage.mount.login_only(&login).await.expect(200);
        stage.aws.clear_calls();
        assert_used(&stage, &login).await;
        // Nor in another wrapping, or for another role.
        assert_used(&stage, &with(&login, json!({"role": "other"}))).await;
        assert_eq!(stage.aws.total_calls(), 0);
    }
    let records = records(&stage);
    assert_eq!(records.len(), 2);
    for record in &records {
        let parts: Vec<&str> = record.split('/').collect();
        assert_eq!((parts.len(), parts[2].len()), (3, 64), "{record}");
        assert_eq!(stage.mount.storage().get(record).unwrap(), b"");
    }
    stage.mount.login_only(&login(&dev, "dev")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_the_same_time_one_is_admitted() {
    let (stage, dev) = stage().await;
    let login = login(&dev, "dev");
    let answers = join_all((0..64).map(|_| stage.mount.login_only(&login))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(409)), (1, 63));
    assert_eq!(records(&stage).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_uses_nothing_up() {
    let (stage, dev) = stage().await;
    stage.role_for("others", &stage.server_user.arn).await;
    let login = login(&dev, "dev");
    for role in ["nope", "others"] {
        stage.mount.login_only(&with(&login, json!({"role": role}))).await.expect(400);
    }
    assert_eq!(records(&stage), [""; 0]);
    stage.mount.login_only(&login).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stored_record_there_is_no_token() {
    let (stage, dev) = stage().await;
    let login = login(&dev, "dev");
    stage.mount.storage().set_read_only(true);
    let reply = stage.mount.request("update", "login", &login).reply().await.unwrap();
    assert_eq!(reply.response, None);
    assert_eq!(reply.err.unwrap().err_msg, READ_ONLY);
    stage.mount.storage().set_read_only(false);
    // What was sent once is not sent again.
    assert_used(&stage, &login).await;
    assert_eq!(records(&stage), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_knows_what_was_used() {
    let (stage, dev) = stage().await;
    let login = login(&dev, "dev");
    stage.mount.login_only(&login).await.expect(200);
    for _ in 0..2 {
        stage.host.plugin().process.kill();
        stage.mount.reload().await.unwrap();
        assert_used(&stage, &login).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_used_requests_are_not_known_nobody_is_admitted() {
    let (stage, dev) = stage().await;
    let (used, fresh) = (login(&dev, "dev"), login(&dev, "dev"));
    stage.mount.login_only(&used).await.expect(200);
    let storage = stage.mount.storage();
    let folder = format!("replay/{}/", records(&stage)[0].split('/').nth(1).unwrap());
    for prefix in ["replay/", &folder] {
        storage.fail(Call::List, prefix, "no lists today");
        stage.host.plugin().process.kill();
        stage.mount.reload().await.unwrap();
        for login in [&used, &fresh] {
            let answer = stage.mount.login_only(login).await.expect(500);
            assert_eq!(answer.error(), "the used requests could not be loaded: no lists today");
        }
        storage.heal();
        assert_used(&stage, &used).await;
    }
    stage.mount.login_only(&fresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn mounts_that_take_the_same_requests_admit_nobody() {
    let (stage, dev) = stage().await;
    let other = stage.host.mount("other", MountOptions::default()).await;
    let shared = |id: &str| json!({"iam_server_id_header_value": id});
    for id in [SERVER_ID, ""] {
        other.write("config/client", &shared(id)).await.expect(204);
        if id.is_empty() {
            // A request for this mount is taken by the other one, and not the other way round.
            stage.mount.login_only(&login(&dev, "dev")).await.expect(200);
            stage.write_config(&shared("")).await;
        }
        let answer = stage.mount.login_only(&login(&dev, "dev")).await.expect(400);
        assert_eq!(answer.error(), SHARED);
    }
    stage.write_config(&shared(SERVER_ID)).await;
    stage.mount.login_only(&login(&dev, "dev")).await.expect(200);
    other.write("config/client", &shared(SERVER_ID)).await.expect(204);
    stage.mount.login_only(&login(&dev, "dev")).await.expect(400);
    other.cleanup().await.unwrap();
    stage.mount.login_only(&login(&dev, "dev")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_at_one_mount_is_used_at_all() {
    let (stage, dev) = stage().await;
    let login = login(&dev, "dev");
    stage.mount.login_only(&login).await.expect(200);
    stage.write_config(&json!({"iam_server_id_header_value": "elsewhere"})).await;
    let heir = stage.host.mount("heir", MountOptions::default()).await;
    let config = with(&stage.stored_config(), json!({"iam_server_id_header_value": SERVER_ID}));
    heir.write("config/client", &config).await.expect_written();
    let role = json!({"bound_iam_principal_arn": dev.arn, "resolve_aws_unique_ids": false});
    heir.write("role/dev", &role).await.expect(204);
    assert_eq!(heir.login_only(&login).await.expect(409).error(), USED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_before_the_server_id_changed_is_not_taken() {
    let (stage, dev) = stage().await;
    let date = OffsetDateTime::now_utc() - Duration::seconds(1);
    let login = sign_login(&dev.credentials, &form("dev").date(date));
    let answer = stage.mount.login_only(&login).await.expect(400);
    assert_eq!(answer.error(), BEFORE, "single use began later");
    assert_eq!(records(&stage), [""; 0]);
    // Also where only a role demands single use.
    stage.configure(json!({})).await;
    stage.mount.login_only(&login).await.expect(200);
    stage.mount.write("role/dev", &json!({"iam_request_single_use": true})).await.expect(204);
    assert_eq!(stage.mount.login_only(&login).await.expect(400).error(), BEFORE);
    let version = stage.mount.storage().json("config/version").unwrap();
    let since = version["iam_requests_kept_since"].as_i64().unwrap();
    assert!((since - OffsetDateTime::now_utc().unix_timestamp()).abs() <= 60, "{version}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_can_switch_it_on_for_itself() {
    let (stage, dev) = stage().await;
    stage.configure(json!({})).await;
    stage.role_for("free", &dev.arn).await;
    stage.mount.write("role/dev", &json!({"iam_request_single_use": true})).await.expect(204);
    let (once, often) = (login(&dev, "dev"), login(&dev, "free"));
    stage.mount.login_only(&once).await.expect(200);
    assert_used(&stage, &once).await;
    for _ in 0..2 {
        stage.mount.login_only(&often).await.expect(200);
    }
    // And not off.
    stage.write_config(&json!({"iam_request_single_use": true})).await;
    stage.mount.write("role/free", &json!({"iam_request_single_use": false})).await.expect(204);
    let login = login(&dev, "free");
    stage.mount.login_only(&login).await.expect(200);
    assert_used(&stage, &login).await;
}

/// The role of a login that names none is known only once AWS has answered; what it alone demands holds all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_nobody_names_can_switch_it_on_too() {
    let (stage, dev) = stage().await;
    stage.configure(json!({})).await;
    stage.mount.write("role/dev", &json!({"iam_request_single_use": true})).await.expect(204);
    for is_known in [true, false] {
        let login = login(&dev, "");
        if !is_known {
            stage.mount.invalidate("role/dev").await.unwrap();
        }
        stage.mount.login_only(&login).await.expect(200);
        assert_used(&stage, &login).await;
        // Named or not, it is the same request.
        assert_used(&stage, &with(&login, json!({"role": "dev"}))).await;
    }
    assert_eq!(records(&stage).len(), 2);
    // So does its age.
    stage.mount.write("role/dev", &json!({"iam_request_max_age": 60})).await.expect(204);
    let old = form("").date(OffsetDateTime::now_utc() - Duration::seconds(90));
    let answer = stage.mount.login_only(&sign_login(&dev.credentials, &old)).await.expect(400);
    assert!(answer.error().starts_with("the signed request is "), "{}", answer.error());
    assert_eq!(records(&stage).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_around_a_login_use_nothing_up() {
    let (stage, dev) = stage().await;
    let login = login(&dev, "");
    for _ in 0..2 {
        stage.mount.request("alias-lookahead", "login", &login).send().await.expect(200);
    }
    stage.aws.clear_calls();
    assert_eq!(stage.mount.resolve_role(&login).await.expect(200).data["role"], "dev");
    stage.mount.login_only(&login).await.expect(200);
    assert_eq!(stage.aws.total_calls(), 1, "the login uses the verification of the question");
    stage.mount.resolve_role(&login).await.expect(200);
    assert_used(&stage, &login).await;
    assert_eq!(records(&stage).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_store_the_use_leaves_the_login_to_the_one_that_can() {
    for (state, local) in [(PERFORMANCE_STANDBY, true), (PERFORMANCE_SECONDARY, false)] {
        let (stage, dev) = on(under_test::vault()).await;
        stage.mount.system_view().update(|host| {
            host.replication_state = state;
            host.local_mount = local;
        });
        let login = login(&dev, "dev");
        let reply = stage.mount.request("update", "login", &login).reply().await.unwrap();
        assert_eq!(reply.response, None);
        assert_eq!(reply.err.unwrap().err_msg, READ_ONLY);
        assert_eq!((stage.aws.total_calls(), records(&stage)), (0, Vec::new()));
        stage.mount.system_view().update(|host| {
            host.replication_state = PERFORMANCE_SECONDARY;
            host.local_mount = true;
        });
        stage.mount.login_only(&login).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_off_nothing_is_stored_and_nothing_asked() {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    let login = stage.login_data(&dev.credentials, "dev");
    stage.mount.login_only(&login).await.expect(200);
    let (keys, entries) = (stage.mount.storage().keys(), stage.mount.storage().entries());
    stage.mount.storage().reset_counts();
    for _ in 0..3 {
        stage.mount.login_only(&login).await.expect(200);
    }
    stage.mount.rollback().await;
    stage.write_config(&json!({"max_retries": 3})).await;
    assert_eq!(stage.mount.storage().counts().puts, 1);
    assert_eq!(stage.mount.storage().keys(), keys);
    assert_eq!(stage.mount.storage().entries()["config/version"], entries["config/version"]);
    assert_eq!(stage.mount.read("status/aws").await.expect(200).data.get("single_use"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_how_much_is_kept() {
    let (stage, dev) = stage().await;
    for _ in 0..3 {
        stage.mount.login_only(&login(&dev, "dev")).await.expect(200);
    }
    let status = stage.mount.read("status/aws").await.expect(200).data["single_use"].clone();
    assert_eq!((&status["loaded"], &status["entries_of_process"]), (&json!(true), &json!(3)));
    assert_eq!(status["capacity_of_process"], json!(1024 * 1024));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_record_elsewhere_clears_nothing() {
    let (stage, dev) = stage().await;
    let used = login(&dev, "dev");
    stage.mount.login_only(&used).await.expect(200);
    for record in records(&stage) {
        stage.mount.invalidate(&record).await.unwrap();
    }
    assert_used(&stage, &used).await;
}
