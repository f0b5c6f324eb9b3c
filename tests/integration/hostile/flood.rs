//! Many requests of strangers at the same time: they are bounded, and hold up nobody else.

use futures_util::future::{join_all, select_all};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::login_scene::{LoginScene, admitted, login_as};
use testkit::aws::{Fault, Target, Times, edit_headers};
use testkit::host::{Answer, Mount};

/// Logins of one mount that may be at STS at the same time.
const AT_STS: usize = 512;
/// What the requests of the logins of one mount that wait for STS may have together, in bytes.
const ROOM: usize = 16 * 1024 * 1024;
/// Less than any login has.
const SHORT: usize = 200;

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

/// Logins that STS hangs on keep others of their mount waiting, and nobody of another one.
#[tokio::test(flavor = "multi_thread")]
async fn logins_beyond_those_that_go_to_sts_at_the_same_time_wait_for_their_turn() {
    let scene = LoginScene::open().await;
    let other = scene.further_mount("other", &json!({})).await;
    let mallory = scene.aws.create_user("mallory").credentials;
    scene.aws.clear_calls();
    scene.aws.fault(Target::all().access_key_id(&mallory.access_key_id), Times::Always, Fault::Hang);
    let hanging = begin(&scene.mount, &login_as(&mallory, "dev"), AT_STS);
    scene.aws.wait_for_calls("GetCallerIdentity", AT_STS).await;

    let waiting = begin(&scene.mount, &scene.alice_login(), 3);
    scene.mount.read("role/dev").await.expect(200);
    admitted(&other.login_only(&scene.alice_login()).await);
    assert_eq!(scene.aws.call_count("GetCallerIdentity"), AT_STS + 1, "that of the other mount");
    assert!(hanging.iter().chain(&waiting).all(|login| !login.is_finished()));

    give_up(hanging).await;
    for login in join_all(waiting).await {
        admitted(&login.unwrap());
    }
}

/// Long requests take as much room as many others; once there is none, nobody else gets in.
#[tokio::test(flavor = "multi_thread")]
async fn logins_beyond_those_that_may_wait_for_sts_are_refused_at_once() {
    let scene = LoginScene::open().await;
    let other = scene.further_mount("other", &json!({})).await;
    let mallory = scene.aws.create_user("mallory").credentials;
    scene.aws.fault(Target::all().access_key_id(&mallory.access_key_id), Times::Always, Fault::Hang);
    let mut waiting = Vec::new();
    let mut room = ROOM;
    for length in [45_000, 4_000, 0] {
        let mut login = login_as(&mallory, "dev");
        if length > 0 {
            edit_headers(&mut login, |headers| {
                headers.push(("X-Long".to_owned(), vec!["x".repeat(length)]));
            });
        }
        let length = length.max(SHORT);
        let (first, _, others) = select_all(begin(&scene.mount, &login, room / length + 1)).await;
        assert_eq!(first.unwrap().expect(429).error(), "too many logins are waiting for STS");
        waiting.extend(others);
        room = length + SHORT;
    }

    let answer = scene.mount.login_only(&scene.alice_login()).await.expect(429);
    assert_eq!(answer.error(), "too many logins are waiting for STS");
    // A long one is not even read.
    let unreadable = json!({"iam_http_request_method": "POST", "iam_request_headers": "x".repeat(100_000)});
    let answer = scene.mount.login_only(&unreadable).await.expect(429);
    assert_eq!(answer.error(), "too many logins are waiting for STS");
    admitted(&other.login_only(&scene.alice_login()).await);
    let answer = scene.mount.resolve_role(&login_as(&scene.alice.credentials, "")).await.expect(429);
    assert_eq!(answer.error(), "too many logins are waiting for STS");
    scene.mount.read("role/dev").await.expect(200);
    admitted(&other.login_only(&scene.alice_login()).await);

    give_up(waiting).await;
    scene.admitted(&scene.alice_login()).await;
    scene.mount.login_only(&unreadable).await.expect(400);
}
