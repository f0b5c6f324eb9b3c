//! Many requests of strangers at the same time: they are bounded, and hold up nobody else.

use futures_util::future::{join_all, select_all};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::login_scene::{LoginScene, admitted, login_as};
use testkit::aws::{Fault, Target, Times, edit_headers};
use testkit::host::{Answer, Mount};

/// Logins of one mount that may wait for STS.
const MAY_WAIT: usize = 512;

/// Begins so many logins.
fn begin(mount: &Mount, login: &Value, count: usize) -> Vec<JoinHandle<Answer>> {
    let begin = |_| {
        let (mount, login) = (mount.clone(), login.clone());
        tokio::spawn(async move { mount.login_only(&login).await })
    };
    (0..count).map(begin).collect()
}

async fn give_up(logins: Vec<JoinHandle<Answer>>) {
    logins.iter().for_each(JoinHandle::abort);
    join_all(logins).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_beyond_those_that_may_wait_for_sts_are_refused_at_once() {
    let scene = LoginScene::open().await;
    let other = scene.further_mount("other", &json!({})).await;
    let mallory = scene.aws.create_user("mallory").credentials;
    scene.aws.clear_calls();
    scene.aws.fault(Target::all().access_key_id(&mallory.access_key_id), Times::Always, Fault::Hang);
    let waiting = begin(&scene.mount, &login_as(&mallory, "dev"), MAY_WAIT);
    scene.aws.wait_for_calls("GetCallerIdentity", MAY_WAIT).await;

    let answer = scene.mount.login_only(&scene.alice_login()).await.expect(429);
    assert_eq!(answer.error(), "too many logins are waiting for STS");
    let answer = scene.mount.resolve_role(&login_as(&scene.alice.credentials, "")).await.expect(429);
    assert_eq!(answer.error(), "too many logins are waiting for STS");
    scene.mount.read("role/dev").await.expect(200);
    admitted(&other.login_only(&scene.alice_login()).await);
    assert!(waiting.iter().all(|login| !login.is_finished()));

    give_up(waiting).await;
    scene.admitted(&scene.alice_login()).await;
}

/// Those whose requests are long take as much room as many others.
#[tokio::test(flavor = "multi_thread")]
async fn long_requests_that_wait_for_sts_are_bounded_by_their_bytes() {
    const LONG: usize = 45_000;
    const ROOM: usize = 16 * 1024 * 1024;
    let scene = LoginScene::open().await;
    let mut login = scene.alice_login();
    edit_headers(&mut login, |headers| headers.push(("X-Long".to_owned(), vec!["x".repeat(LONG)])));
    scene.aws.fault("GetCallerIdentity", Times::Always, Fault::Hang);
    let logins = begin(&scene.mount, &login, ROOM / LONG + 1);
    let (first, _, waiting) = select_all(logins).await;
    assert_eq!(first.unwrap().expect(429).error(), "too many logins are waiting for STS");
    give_up(waiting).await;
}
