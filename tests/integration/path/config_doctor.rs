//! `config/doctor`: what it says of a mount to which one thing happens at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::under_test;
use testkit::aws::{ACCOUNT, Aws, Entity, Fault, OTHER_ACCOUNT, RefusingPort, Role, Target, Times};
use testkit::core::{self, MemoryStorage, block_on};
use testkit::host::{Launch, Mount, MountOptions};
use testkit::stage::{SERVER_ID, Stage};
use vault_plugin_auth_aws::framework::{Operation, Reply, Response};
use vault_plugin_auth_aws::method::AuthMethod;
use vault_plugin_auth_aws::ports::{HttpRequest, HttpResponse, Transport, TransportError};

const THIRD_ACCOUNT: &str = "777788889999";
const FOURTH_ACCOUNT: &str = "888899990000";

/// A mount with everything that the doctor looks at.
struct Scene {
    stage: Stage,
    /// The roles of `config/sts`, by account.
    readers: BTreeMap<&'static str, Role>,
}

fn launch() -> Launch {
    under_test::open_bao().env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "us-east-1")
}

impl Scene {
    async fn open() -> Self {
        let stage = Stage::on(launch()).await;
        let user = stage.aws.create_user("alice");
        let mut readers = BTreeMap::new();
        for account in [OTHER_ACCOUNT, THIRD_ACCOUNT, FOURTH_ACCOUNT] {
            let role = stage.aws.create_role(Entity::named("Reader").account(account));
            let via = json!({"sts_role": role.arn});
            stage.mount.write(&format!("config/sts/{account}"), &via).await.expect(204);
            readers.insert(account, role);
        }
        stage.role("dev", json!({"bound_iam_principal_arn": user.arn})).await;
        let app = stage.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
        let inferring = json!({
            "bound_iam_principal_arn": app.arn,
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": "us-east-1",
            "bound_iam_role_arn": app.arn,
            "auth_type": "iam",
        });
        stage.role("fleet", inferring).await;
        let scene = Self { stage, readers };
        scene.aws_clock_is_off_by(0);
        scene
    }

    fn aws(&self) -> &Aws {
        &self.stage.aws
    }

    /// Answers of AWS are dated so many seconds later than they are.
    fn aws_clock_is_off_by(&self, seconds: i64) {
        self.aws().clear_faults();
        let date = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
        let date = date.format(&Rfc2822).unwrap().replace("+0000", "GMT");
        self.aws().fault(Target::all(), Times::Always, Fault::Header("Date".to_owned(), date));
    }

    async fn examine(&self) -> Value {
        examine(&self.stage.mount, &json!({})).await
    }

    /// Panics unless these are all the probes that are not well, with a part of what each has seen.
    async fn expect_unwell(&self, wanted: &[(&str, &str, &str)]) -> Value {
        let report = self.examine().await;
        let unwell: Vec<&Value> = probes(&report)
            .iter()
            .filter(|probe| probe["verdict"] == "failed" || probe["verdict"] == "warning")
            .collect();
        let names: Vec<&str> = unwell.iter().map(|probe| probe["probe"].as_str().unwrap()).collect();
        let wanted_names: Vec<&str> = wanted.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, wanted_names, "{report:#}");
        for (probe, (_, verdict, seen)) in unwell.iter().zip(wanted) {
            assert_eq!(probe["verdict"], *verdict, "{probe:#}");
            assert!(probe["seen"].as_str().unwrap().contains(seen), "{probe:#}");
            assert!(!probe["hint"].as_str().unwrap().is_empty(), "{probe:#}");
            assert!(!probe["who_acts"].as_str().unwrap().is_empty(), "{probe:#}");
        }
        let fails = wanted.iter().any(|(_, verdict, _)| *verdict == "failed");
        assert_eq!(report["healthy"], json!(!fails), "{report:#}");
        report
    }
}

async fn examine(mount: &Mount, wishes: &Value) -> Value {
    mount.request("read", "config/doctor", wishes).send().await.expect(200).data
}

/// How many entries the caches have that logins are served from.
async fn caches(mount: &Mount) -> Vec<Value> {
    let status = mount.read("status/aws").await.expect(200).data;
    let names = ["assumed_role", "full_arn", "resolve_role", "role"];
    names.map(|name| status["caches"][name]["entries"].clone()).to_vec()
}

fn probes(report: &Value) -> &Vec<Value> {
    report["probes"].as_array().unwrap()
}

/// The verdicts, by name, in the order of the answer.
fn verdicts(report: &Value) -> Vec<(&str, &str)> {
    let text = |probe: &Value, name: &str| probe[name].as_str().unwrap().to_owned();
    probes(report)
        .iter()
        .map(|probe| {
            assert!(probe["duration_ms"].is_u64() && !text(probe, "wanted").is_empty(), "{probe:#}");
            (probe["probe"].as_str().unwrap(), probe["verdict"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_to_which_nothing_happened_is_healthy() {
    let scene = Scene::open().await;
    let before = scene.stage.mount.storage().entries();
    let caches = caches(&scene.stage.mount).await;
    scene.aws().clear_calls();
    let report = scene.examine().await;
    let permission = |action: &str| format!("permission.{OTHER_ACCOUNT}.{action}");
    let own = format!("permission.{ACCOUNT}.iam:GetUser");
    let [get_role, get_profile, describe] =
        ["iam:GetRole", "iam:GetInstanceProfile", "ec2:DescribeInstances.us-east-1"].map(permission);
    let accounts = [OTHER_ACCOUNT, THIRD_ACCOUNT, FOURTH_ACCOUNT].map(|account| format!("account.{account}"));
    let wanted = [
        ("config.readable", "ok"),
        ("config.endpoints", "ok"),
        ("config.server_id", "ok"),
        ("config.mounts", "ok"),
        ("config.strict", "ok"),
        ("config.single_use", "skipped"),
        ("config.roles", "ok"),
        ("host.node", "ok"),
        ("host.version", "ok"),
        ("dns.sts", "ok"),
        ("dns.iam", "ok"),
        ("dns.ec2", "ok"),
        ("connect.sts", "ok"),
        ("connect.iam", "ok"),
        ("connect.ec2", "ok"),
        ("clock", "ok"),
        ("credentials.source", "ok"),
        ("credentials.identity", "ok"),
        (accounts[0].as_str(), "ok"),
        (accounts[1].as_str(), "ok"),
        (accounts[2].as_str(), "ok"),
        (own.as_str(), "ok"),
        (get_role.as_str(), "ok"),
        (get_profile.as_str(), "ok"),
        (describe.as_str(), "ok"),
        ("rotate_root", "skipped"),
    ];
    assert_eq!(verdicts(&report), wanted, "{report:#}");
    assert_eq!(report["healthy"], true);
    assert_eq!(report["summary"], "24 ok, 2 skipped");
    let text = report.to_string();
    assert!(text.contains(&scene.stage.server_user.arn), "{text}");
    assert!(text.contains(&format!("{OTHER_ACCOUNT}:assumed-role/Reader/")), "{text}");

    // It has changed nothing, and left nothing to logins.
    assert_eq!(scene.stage.mount.storage().entries(), before);
    assert_eq!(self::caches(&scene.stage.mount).await, caches);
    // What it asked stands in the books.
    let status = scene.stage.mount.read("status/aws").await.expect(200).data;
    let assumed = status["calls"].as_array().unwrap().iter().filter(|line| line["api"] == "sts:AssumeRole");
    assert_eq!(assumed.count(), 3, "{status:#}");
    assert_eq!(scene.aws().call_count("AssumeRole"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_told() {
    let scene = Scene::open().await;
    let mut texts = scene.examine().await.to_string();
    scene.aws().set_key_active(&scene.stage.server_user.credentials.access_key_id, false);
    texts.push_str(&scene.examine().await.to_string());
    let keys = &scene.stage.server_user.credentials;
    assert!(!texts.contains(&keys.secret_access_key) && !texts.contains(&keys.access_key_id), "{texts}");
    assert!(!texts.contains(SERVER_ID), "{texts}");
    for call in scene.aws().all_calls() {
        assert!(call.access_key_id.is_empty() || !texts.contains(&call.access_key_id), "{texts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_probes_that_are_wanted_run() {
    let scene = Scene::open().await;
    scene.aws().clear_calls();
    let report = examine(&scene.stage.mount, &json!({"only": "config.server_id,host"})).await;
    let wanted = [("config.server_id", "ok"), ("host.node", "ok"), ("host.version", "ok")];
    assert_eq!(verdicts(&report), wanted);
    assert_eq!(scene.aws().total_calls(), 0);
    let answer = scene.stage.mount.request("read", "config/doctor", &json!({"only": "sky"})).send().await;
    let answer = answer.expect(200);
    assert_eq!(answer.data["probes"], json!([]));
    assert!(answer.warnings[0].starts_with("no probe is named sky; they begin with config, host, dns"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_address_is_told() {
    let scene = Scene::open().await;
    scene.stage.write_config(&json!({"endpoint": "https://ec2.doctor.invalid"})).await;
    let describe = format!("permission.{OTHER_ACCOUNT}.ec2:DescribeInstances.us-east-1");
    let report = scene
        .expect_unwell(&[
            ("dns.ec2", "failed", "ec2.doctor.invalid"),
            ("connect.ec2", "failed", "ec2.doctor.invalid"),
            (&describe, "failed", "ec2.doctor.invalid"),
        ])
        .await;
    assert!(report.to_string().contains("(step: DNS)"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_told() {
    let scene = Scene::open().await;
    let port = RefusingPort::start();
    scene.stage.write_config(&json!({"iam_endpoint": port.url()})).await;
    let permissions = [
        format!("permission.{ACCOUNT}.iam:GetUser"),
        format!("permission.{OTHER_ACCOUNT}.iam:GetRole"),
        format!("permission.{OTHER_ACCOUNT}.iam:GetInstanceProfile"),
    ];
    let report = scene
        .expect_unwell(&[
            ("connect.iam", "failed", "refused"),
            (&permissions[0], "failed", "refused"),
            (&permissions[1], "failed", "refused"),
            (&permissions[2], "failed", "refused"),
        ])
        .await;
    assert!(report.to_string().contains("(step: connect)"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_told() {
    let scene = Scene::open().await;
    scene.stage.write_config(&json!({"endpoint": scene.aws().tls_url()})).await;
    let describe = format!("permission.{OTHER_ACCOUNT}.ec2:DescribeInstances.us-east-1");
    let report = scene
        .expect_unwell(&[("connect.ec2", "failed", "certificate"), (&describe, "failed", "certificate")])
        .await;
    assert!(report.to_string().contains("(step: TLS)"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_told() {
    let scene = Scene::open().await;
    scene.aws_clock_is_off_by(600);
    scene.expect_unwell(&[("clock", "failed", "s behind AWS")]).await;
    scene.aws_clock_is_off_by(-120);
    scene.expect_unwell(&[("clock", "warning", "s ahead of AWS")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_aws_refuses_are_told() {
    let scene = Scene::open().await;
    scene.aws().set_key_active(&scene.stage.server_user.credentials.access_key_id, false);
    let accounts = [OTHER_ACCOUNT, THIRD_ACCOUNT, FOURTH_ACCOUNT].map(|account| format!("account.{account}"));
    let refused = "InvalidClientTokenId";
    let report = scene
        .expect_unwell(&[
            ("credentials.identity", "failed", refused),
            (&accounts[0], "failed", refused),
            (&accounts[1], "failed", refused),
            (&accounts[2], "failed", refused),
        ])
        .await;
    // What follows from it is not told again.
    let skipped = verdicts(&report)
        .iter()
        .filter(|(name, verdict)| name.starts_with("permission.") && *verdict == "skipped")
        .count();
    assert_eq!(skipped, 4, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_one_account_that_may_not_be_assumed_is_told() {
    let scene = Scene::open().await;
    let account = format!("account.{THIRD_ACCOUNT}");
    scene.aws().trust_only(&scene.readers[THIRD_ACCOUNT], &["arn:aws:iam::1:root"]);
    let report = scene.expect_unwell(&[(&account, "failed", "AccessDenied")]).await;
    assert!(report["summary"].as_str().unwrap().starts_with(&format!("1 failed ({account})")));

    // A role of another account than the entry is for.
    let elsewhere = json!({"sts_role": scene.readers[FOURTH_ACCOUNT].arn});
    scene.stage.mount.write(&format!("config/sts/{THIRD_ACCOUNT}"), &elsewhere).await.expect(204);
    scene.expect_unwell(&[(&account, "failed", &format!("of account {FOURTH_ACCOUNT}"))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_that_are_missing_are_told() {
    for (action, account, name) in [
        ("GetUser", ACCOUNT, "iam:GetUser"),
        ("GetRole", OTHER_ACCOUNT, "iam:GetRole"),
        ("GetInstanceProfile", OTHER_ACCOUNT, "iam:GetInstanceProfile"),
        ("DescribeInstances", OTHER_ACCOUNT, "ec2:DescribeInstances.us-east-1"),
    ] {
        let scene = Scene::open().await;
        let code = if name.starts_with("ec2") { "UnauthorizedOperation" } else { "AccessDenied" };
        scene.aws().fault(action, Times::Always, Fault::error(403, code, "no"));
        let probe = format!("permission.{account}.{name}");
        let report = scene.expect_unwell(&[(&probe, "failed", code)]).await;
        let hint = format!("may not call {}", name.trim_end_matches(".us-east-1"));
        assert!(report.to_string().contains(&hint), "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_that_is_gone_is_told() {
    let scene = Scene::open().await;
    let bob = scene.aws().create_user("bob");
    scene.stage.mount.delete("role/dev").await.expect(204);
    scene.stage.role("bob", json!({"bound_iam_principal_arn": bob.arn})).await;
    scene.aws().delete_user(&bob);
    let probe = format!("permission.{ACCOUNT}.iam:GetUser");
    scene.expect_unwell(&[(&probe, "warning", "IAM knows no bob")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mounts_with_the_same_server_id_are_told() {
    let scene = Scene::open().await;
    let further = scene.stage.host.mount("further", MountOptions::default()).await;
    scene.expect_unwell(&[]).await;
    let id = json!({"iam_server_id_header_value": SERVER_ID});
    further.write("config/client", &id).await.expect(204);
    scene
        .expect_unwell(&[("config.mounts", "warning", "of 1 other mounts of this process 1 demand the same")])
        .await;
    further.delete("config/client").await.expect(204);
    scene.stage.write_config(&json!({"iam_server_id_header_value": ""})).await;
    scene
        .expect_unwell(&[
            ("config.server_id", "warning", "it is empty"),
            ("config.mounts", "warning", "1 demand none either"),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_read_is_told() {
    let scene = Scene::open().await;
    scene.stage.mount.storage().put("config/client", "{");
    scene.stage.mount.invalidate("config/client").await.unwrap();
    let report = scene.expect_unwell(&[("config.readable", "failed", "error getting configuration")]).await;
    let skipped = verdicts(&report).iter().filter(|(_, verdict)| *verdict == "skipped").count();
    assert!(skipped > 5, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_named_without_its_credentials() {
    let setting = Stage::set(launch()).await.behind_proxy().launched(|launch, aws| {
        launch.env("HTTPS_PROXY", aws.proxy_url().replace("http://", "http://me:hunter2@"))
    });
    let stage = setting.mount().await;
    let keys = stage.keys();
    stage.mount.write("config/client", &keys).await.expect(204);
    let report = examine(&stage.mount, &json!({"only": "dns,connect"})).await;
    let wanted = [
        ("dns.sts", "skipped"),
        ("dns.sts_of_server", "skipped"),
        ("dns.iam", "skipped"),
        ("dns.ec2", "skipped"),
        ("connect.sts", "ok"),
        ("connect.sts_of_server", "ok"),
        ("connect.iam", "ok"),
        ("connect.ec2", "ok"),
    ];
    assert_eq!(verdicts(&report), wanted, "{report:#}");
    let text = report.to_string();
    assert!(text.contains(&format!("connected through proxy {}", stage.aws.address())), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_answers_for_itself() {
    let scene = Scene::open().await;
    scene.stage.mount.storage().set_read_only(true);
    scene.stage.mount.system_view().update(|values| values.replication_state = 16384);
    let report = scene.expect_unwell(&[]).await;
    let node = probes(&report).iter().find(|probe| probe["probe"] == "host.node").unwrap();
    assert!(node["seen"].as_str().unwrap().starts_with("a standby"), "{node}");
}

/// Never answers.
struct Silent;

#[async_trait]
impl Transport for Silent {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        std::future::pending().await
    }

    async fn connect(&self, _: &http::Uri) -> Result<(), TransportError> {
        std::future::pending().await
    }
}

/// A mount whose AWS never answers.
fn silent_mount() -> AuthMethod {
    let mount = core::mount(Arc::new(Silent), Arc::new(MemoryStorage::default()));
    let keys = json!({"access_key": "AKID", "secret_key": "secret", "sts_endpoint": "https://sts.example"});
    write(&mount, "config/client", &keys);
    mount
}

fn write(mount: &AuthMethod, path: &str, data: &Value) {
    let request = core::request(Operation::Create, path, &data.to_string());
    assert_eq!(block_on(mount.handle_request(request)), Reply::Empty);
}

async fn answer_of(mount: &AuthMethod, wishes: Value) -> Response {
    let request = core::request(Operation::Read, "config/doctor", &wishes.to_string());
    match mount.handle_request(request).await {
        Reply::Answer(answer) => *answer,
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn who_asks_while_a_run_goes_on_gets_its_result() {
    let mount = silent_mount();
    let (first, second, third) = block_on(async {
        tokio::join!(
            answer_of(&mount, json!({"only": "credentials.identity"})),
            answer_of(&mount, json!({"only": "credentials.identity"})),
            answer_of(&mount, json!({"only": "config"})),
        )
    });
    assert_eq!((&first.data, &first.data), (&second.data, &third.data));
    assert_eq!(first.data.unwrap()["summary"], "1 failed (credentials.identity)");
    assert_eq!((first.warnings, second.warnings), (Vec::new(), Vec::new()));
    assert!(third.warnings[0].starts_with("another run was under way"), "{:?}", third.warnings);
    // Nobody waits for it any longer.
    let later = block_on(answer_of(&mount, json!({"only": "config.server_id"})));
    assert_eq!(
        (later.data.unwrap()["summary"].clone(), later.warnings),
        (json!("1 warning (config.server_id)"), Vec::new())
    );
}

#[test]
fn a_probe_takes_no_longer_than_it_may_and_a_run_no_longer_than_a_minute() {
    let mount = silent_mount();
    for account in 0..200 {
        let via = json!({"sts_role": "arn:aws:iam::1:role/Reader"});
        write(&mount, &format!("config/sts/{account:012}"), &via);
    }
    let (answer, time) = block_on(async {
        let start = tokio::time::Instant::now();
        (answer_of(&mount, json!({"timeout": 5})).await, start.elapsed())
    });
    assert!(time <= Duration::from_secs(61), "{time:?}");
    let report = Value::Object(answer.data.unwrap());
    let probes = probes(&report);
    let of = |name: &str| probes.iter().find(|probe| probe["probe"] == name).unwrap();
    for name in ["connect.sts", "clock", "credentials.identity", "account.000000000000"] {
        let probe = of(name);
        assert_eq!(probe["seen"], "it was not done within 5 s", "{probe:#}");
        assert_eq!(probe["verdict"], "failed", "{probe:#}");
        assert!((5000..5100).contains(&probe["duration_ms"].as_u64().unwrap()), "{probe:#}");
    }
    let last = of("account.000000000199");
    assert_eq!(last["seen"], "no time was left for it in this run", "{last:#}");
    assert_eq!(last["verdict"], "skipped");
}
