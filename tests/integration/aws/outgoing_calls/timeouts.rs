//! How long the plugin waits. The one test here waits for real, for all cases at once.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::login_scene::{LoginScene, login_as};
use testkit::aws::{Entity, Fault, Instance, OTHER_ACCOUNT, SilentListener, Target, Times};
use testkit::host::{Answer, Mount};

/// What is waited for.
struct Case {
    name: &'static str,
    mount: Mount,
    operation: &'static str,
    path: &'static str,
    data: Value,
    /// When the answer may come.
    seconds: Range<f32>,
    /// Texts that the answer holds.
    texts: Vec<String>,
}

/// A server that accepts, says the head of an answer, and then a byte now and then.
async fn dripping() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if !matches!(stream.read(&mut request).await, Ok(length) if length > 0) {
                    return;
                }
                let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n";
                let mut sent = stream.write_all(head).await;
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    sent = stream.write_all(b" ").await;
                }
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_attempts_and_requests_end_in_time() {
    let scene =
        LoginScene::launch(|launch, _| launch.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", SILENT.url())).await;
    let silent = &*SILENT;
    let dripping = dripping().await;
    let mount = async |name: &str, changes: Value| scene.further_mount(name, &changes).await;
    let login = scene.alice_login();
    let exact = json!({"bound_iam_principal_arn": scene.alice.arn});
    let (http, https) = (silent.url(), silent.url().replace("http://", "https://"));
    let address = http.trim_start_matches("http://").to_owned();
    let post = |endpoint: &str| {
        format!("error making upstream request: error making request: POST {endpoint}// giving up")
    };
    let case = |name, mount, data: &Value, seconds, texts| Case {
        name,
        mount,
        operation: "update",
        path: "login",
        data: data.clone(),
        seconds,
        texts,
    };

    // A session name that is an instance, in another account: every look-up there is.
    let role = scene.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
    let reader = scene.aws.create_role(Entity::named("Reader").account(OTHER_ACCOUNT));
    let session = scene.aws.session(&role, "i-0123456789abcdef0");
    scene.aws.run_instance(Instance::with_id("i-0123456789abcdef0").account(OTHER_ACCOUNT));
    let foreign = login_as(&session.credentials, "foreign");
    let with_foreign_role = async |name: &str, changes: Value| {
        let mount = mount(name, changes).await;
        let sts = json!({"sts_role": reader.arn});
        mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
        let role = json!({
            "auth_type": "iam",
            "bound_iam_principal_arn": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/*"),
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": "us-east-1",
        });
        mount.write("role/foreign", &role).await.expect(204);
        mount
    };
    scene.aws.fault(Target::from("AssumeRole").region("eu-west-1"), Times::Always, Fault::Hang);

    let one_try = |changes: Value| {
        let mut changes = changes;
        changes["max_retries"] = json!(0);
        changes
    };
    let mut cases = vec![
        case(
            "a handshake that is not answered",
            mount("connect", one_try(json!({"sts_endpoint": https}))).await,
            &login,
            5.0..8.0,
            vec![
                post(&https),
                "after 1 attempt(s)".into(),
                format!("connecting to {address} took longer than 5 s"),
            ],
        ),
        case(
            "handshakes that are not answered",
            mount("connects", json!({"sts_endpoint": https})).await,
            &login,
            15.0..20.0,
            vec![post(&https), "after 3 attempt(s)".into()],
        ),
        case(
            "an answer that does not come",
            mount("attempt", one_try(json!({"sts_endpoint": http}))).await,
            &login,
            10.0..13.0,
            vec![post(&http), "after 1 attempt(s): no answer within 10 s".into()],
        ),
        case(
            "an answer that does not end",
            mount("drip", one_try(json!({"sts_endpoint": dripping}))).await,
            &login,
            10.0..13.0,
            vec![post(&dripping), "after 1 attempt(s): no answer within 10 s".into()],
        ),
        case(
            "answers that do not come",
            mount("attempts", json!({"sts_endpoint": http})).await,
            &login,
            29.0..31.5,
            vec![post(&http), "after 3 attempt(s): no answer within".into()],
        ),
        case(
            "an instance that is not described",
            with_foreign_role("ec2", json!({"endpoint": http, "max_retries": 9})).await,
            &foreign,
            29.0..31.5,
            vec!["failed to verify i-0123456789abcdef0".into(), format!("DescribeInstances at {http}")],
        ),
        case(
            "a principal that is not looked up",
            with_foreign_role("iam", json!({"iam_endpoint": http, "max_retries": 9})).await,
            &foreign,
            29.0..31.5,
            vec!["error looking up full ARN of entity".into(), format!("GetRole at {http}")],
        ),
        case(
            "a role that is not assumed",
            with_foreign_role("assume", json!({"sts_region": "eu-west-1"})).await,
            &foreign,
            29.0..31.5,
            vec!["error looking up full ARN of entity".into(), format!("AssumeRole at {}", scene.aws.url())],
        ),
    ];
    let write =
        |name, mount, seconds, texts| Case { path: "role/new", ..case(name, mount, &exact, seconds, texts) };
    cases.push(write(
        "a write",
        mount("write", json!({"iam_endpoint": http, "max_retries": 9})).await,
        29.0..31.5,
        vec!["unable to resolve ARN".into(), format!("GetUser at {http}")],
    ));
    cases.push(write(
        "no keys anywhere",
        {
            let mount = mount("keyless", json!({})).await;
            scene.configure(&mount, &json!({"access_key": "", "secret_key": ""})).await;
            mount
        },
        1.0..8.0,
        vec!["could not compile valid credential providers".into()],
    ));

    let waiting: Vec<_> = cases.into_iter().map(|case| tokio::spawn(wait_for(case))).collect();
    // Meanwhile the process does its work.
    for _ in 0..10 {
        scene.admitted(&scene.alice_login()).await;
    }
    let mut failures = Vec::new();
    for case in waiting {
        failures.extend(case.await.unwrap().err());
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(scene.aws.call_count("GetUser"), 10, "one for each mount");
}

/// Never answers anything.
static SILENT: std::sync::LazyLock<SilentListener> = std::sync::LazyLock::new(SilentListener::start);

async fn wait_for(case: Case) -> Result<(), String> {
    let Case { name, mount, operation, path, data, seconds, texts } = case;
    let begun = Instant::now();
    let answer: Answer = mount.request(operation, path, &data).send().await;
    let elapsed = begun.elapsed().as_secs_f32();
    let text = answer.error().to_owned();
    if answer.status != 400 || answer.auth.is_some() {
        return Err(format!("{name}: {answer:?}"));
    }
    if !seconds.contains(&elapsed) {
        return Err(format!("{name}: after {elapsed} s: {text}"));
    }
    match texts.iter().find(|wanted| !text.contains(*wanted)) {
        Some(wanted) => Err(format!("{name}: {wanted:?} is not in {text:?}")),
        None => Ok(()),
    }
}
