//! One endpoint of AWS that does not answer, and everything else.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::login_scene::{LoginScene, admitted, login_as};
use testkit::aws::{Entity, Fault, LoginOptions, OTHER_ACCOUNT, SilentListener, Target, Times, sign_login};

/// Requests that wait for the endpoint that hangs.
const WAITING: usize = 200;
/// The limit for what has nothing to do with it. An attempt at the endpoint that hangs takes ten seconds.
const PROMPT: Duration = Duration::from_secs(8);

/// Does something that must not take long.
async fn prompt<T>(what: &str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let result = tokio::time::timeout(PROMPT, work).await;
    result.unwrap_or_else(|_| panic!("{what} has not ended after {:?}", begun.elapsed()))
}

/// Everything that needs no endpoint that hangs.
async fn everything_else(scene: &LoginScene) {
    let mount = &scene.mount;
    prompt("a login", async { admitted(&mount.login(&scene.alice_login()).await) }).await;
    let auth = prompt("a login", mount.login_only(&scene.alice_login())).await.auth.expect("an identity");
    prompt("a renewal", mount.renew(&auth)).await.expect(200);
    let role = json!({"bound_iam_principal_arn": scene.alice.arn});
    prompt("a write with a look-up", mount.write("role/more", &role)).await.expect(204);
    prompt("a read", mount.read("role/more")).await.expect(200);
    prompt("a list", mount.list("roles")).await.expect(200);
    prompt("a deletion", mount.delete("role/more")).await.expect(204);
    prompt("a configuration", mount.write("config/client", &json!({"max_retries": 2}))).await.expect(204);
    prompt("an account", mount.write("config/sts/999988887777", &json!({"sts_role": "arn:x"})))
        .await
        .expect(204);
    prompt("the timer", mount.rollback()).await.expect(204);
    prompt("help", mount.help("")).await.expect(200);
}

/// Another mount, whose STS accepts connections and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_endpoint_of_one_mount_does_not_slow_another() {
    let scene = LoginScene::open().await;
    let silent = SilentListener::start();
    let other = scene.further_mount("silent", &json!({"sts_endpoint": silent.url()})).await;
    let login = scene.alice_login();
    let waiting: Vec<_> = (0..WAITING)
        .map(|_| {
            let (other, login) = (other.clone(), login.clone());
            tokio::spawn(async move { other.login_only(&login).await })
        })
        .collect();
    for _ in 0..3 {
        everything_else(&scene).await;
    }
    // The mount itself serves what needs no STS.
    prompt("a read", other.read("role/dev")).await.expect(200);
    let role = json!({"bound_iam_principal_arn": scene.alice.arn, "resolve_aws_unique_ids": false});
    prompt("a write", other.write("role/new", &role)).await.expect(204);
    let fixed = json!({"sts_endpoint": scene.aws.url()});
    prompt("a configuration", other.write("config/client", &fixed)).await.expect(204);
    prompt("a login", async { admitted(&other.login_only(&login).await) }).await;
    assert!(waiting.iter().all(|login| !login.is_finished()));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

/// One region of STS hangs; the others serve the same mount.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_region_does_not_slow_another() {
    let scene = LoginScene::behind_proxy().await;
    scene.configure(&scene.mount, &json!({"use_sts_region_from_client": true})).await;
    let from = |region: &str| {
        let options = LoginOptions::vault_cli().role("dev").region(region);
        sign_login(&scene.alice.credentials, &options)
    };
    scene.aws.fault(Target::all().region("eu-west-1"), Times::Always, Fault::Hang);
    let (mount, login) = (scene.mount.clone(), from("eu-west-1"));
    let waiting = tokio::spawn(async move {
        join_all((0..WAITING).map(|_| mount.login_only(&login))).await;
    });
    scene
        .aws
        .wait_until(|calls| calls.iter().filter(|call| call.region == "eu-west-1").count() >= WAITING / 2)
        .await;
    for region in ["eu-central-1", "us-east-1", "ap-south-1"] {
        prompt(region, async { admitted(&scene.mount.login_only(&from(region)).await) }).await;
    }
    everything_else(&scene).await;
    assert!(!waiting.is_finished());
    waiting.abort();
}

/// The look-ups in one account hang; logins from other accounts go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_account_does_not_slow_another() {
    let scene = LoginScene::open().await;
    let foreign = scene.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
    let own = scene.aws.create_role("App");
    let reader = scene.aws.create_role(Entity::named("Reader").account(OTHER_ACCOUNT));
    let sts = json!({"sts_role": reader.arn});
    scene.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
    let patterns = [&foreign.arn, &own.arn].map(|arn| arn.replace("App", "A*"));
    scene.write_role("wild", &json!({"bound_iam_principal_arn": patterns})).await;

    for action in ["AssumeRole", "GetRole"] {
        let target =
            if action == "GetRole" { Target::from(action).account(OTHER_ACCOUNT) } else { action.into() };
        scene.mount.invalidate("config/client").await.unwrap();
        scene.aws.clear_calls();
        scene.aws.fault(target, Times::Always, Fault::Hang);
        let session = scene.aws.session(&foreign, "s");
        let (mount, login) = (scene.mount.clone(), login_as(&session.credentials, "wild"));
        let waiting = tokio::spawn(async move {
            join_all((0..WAITING).map(|_| mount.login_only(&login))).await;
        });
        scene.aws.wait_for_calls(action, 1).await;
        let session = scene.aws.session(&own, "s");
        let login = login_as(&session.credentials, "wild");
        prompt("a login of another account", async { admitted(&scene.mount.login_only(&login).await) }).await;
        everything_else(&scene).await;
        assert!(!waiting.is_finished());
        waiting.abort();
        scene.aws.clear_faults();
    }
}
