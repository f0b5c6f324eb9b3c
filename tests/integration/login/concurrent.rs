//! Many logins at the same time: each is about its own caller, and equal look-ups are made once.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::login_scene::{LoginScene, admitted, login_as, outcome};
use testkit::aws::{ACCOUNT, Aws, Credentials, Entity, Fault, Gate, OTHER_ACCOUNT, Target, Times};

/// Logins at the same time.
const CALLERS: usize = 64;

/// A caller and what a login must say about it.
struct Caller {
    credentials: Credentials,
    arn: String,
    unique_id: String,
}

/// Users and sessions, by turns, all different.
fn callers(aws: &Aws) -> Vec<Caller> {
    let create = |number: usize| {
        let entity = Entity::named(&format!("Caller{number}")).path("/team/");
        if number.is_multiple_of(2) {
            let user = aws.create_user(entity);
            Caller { credentials: user.credentials, arn: user.arn, unique_id: user.unique_id }
        } else {
            let role = aws.create_role(entity);
            let session = aws.session(&role, &format!("session-{number}"));
            Caller { credentials: session.credentials, arn: session.arn, unique_id: role.unique_id }
        }
    };
    (0..CALLERS).map(create).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_logins_is_about_its_own_caller() {
    let scene = LoginScene::open().await;
    let callers = callers(&scene.aws);
    let patterns = ["user", "role"].map(|kind| format!("arn:aws:iam::{ACCOUNT}:{kind}/team/*"));
    scene.write_role("team", &json!({"bound_iam_principal_arn": patterns})).await;
    scene.aws.clear_calls();
    // No answer before all have asked: none of them waits for another.
    let gate = Gate::new();
    scene.aws.fault("GetCallerIdentity", CALLERS, Fault::Hold(gate.clone()));
    let logins: Vec<Value> = callers.iter().map(|caller| login_as(&caller.credentials, "team")).collect();
    let all = join_all(logins.iter().map(|login| scene.mount.login(login)));
    let opened = async {
        scene.aws.wait_for_calls("GetCallerIdentity", CALLERS).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(all, opened);
    for (caller, answer) in callers.iter().zip(&answers) {
        let admission = admitted(answer);
        assert_eq!(admission.alias, caller.unique_id);
        assert_eq!(admission.metadata["client_arn"], caller.arn);
        assert_eq!(admission.metadata["client_user_id"], caller.unique_id);
        assert_eq!(answer.role.as_deref(), Some("team"));
    }
    // One call of STS for each login; the server learned its own account when the role `dev` was written.
    let keys: Vec<String> =
        scene.aws.calls("GetCallerIdentity").into_iter().map(|call| call.access_key_id).collect();
    assert_eq!(keys.len(), CALLERS);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), CALLERS);
    assert_eq!(scene.aws.call_count("GetUser") + scene.aws.call_count("GetRole"), CALLERS);
}

/// Namesakes of two accounts, one of which the server has no client for.
#[tokio::test(flavor = "multi_thread")]
async fn namesakes_of_two_accounts_are_never_taken_for_each_other() {
    let scene = LoginScene::open().await;
    let own = scene.aws.create_role("App");
    let foreign = scene.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
    scene
        .write_role("wild", &json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/*")}))
        .await;
    let logins: Vec<Value> = (0..CALLERS)
        .map(|number| {
            let role = if number.is_multiple_of(2) { &own } else { &foreign };
            let session = scene.aws.session(role, &format!("s{number}"));
            login_as(&session.credentials, "wild")
        })
        .collect();
    let answers = join_all(logins.iter().map(|login| scene.mount.login_only(login))).await;
    for (number, answer) in answers.iter().enumerate() {
        let alias = outcome(answer).map(|admission| admission.alias);
        assert_eq!(alias, number.is_multiple_of(2).then(|| own.unique_id.clone()));
    }
}

/// The scene of look-ups in another account, of which nothing is known yet.
async fn foreign_logins(scene: &LoginScene) -> Vec<Value> {
    let reader = scene.aws.create_role(Entity::named("Reader").account(OTHER_ACCOUNT));
    let sts = json!({"sts_role": reader.arn});
    scene.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
    let pattern = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/*");
    scene.write_role("foreign", &json!({"bound_iam_principal_arn": pattern})).await;
    scene.aws.clear_calls();
    (0..CALLERS)
        .map(|number| {
            let role = scene.aws.create_role(Entity::named(&format!("App{number}")).account(OTHER_ACCOUNT));
            login_as(&scene.aws.session(&role, "s").credentials, "foreign")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_assumed_once_for_all_who_need_it() {
    let scene = LoginScene::open().await;
    let logins = foreign_logins(&scene).await;
    let gate = Gate::new();
    scene.aws.fault("AssumeRole", 1, Fault::Hold(gate.clone()));
    let all = join_all(logins.iter().map(|login| scene.mount.login_only(login)));
    let opened = async {
        scene.aws.wait_for_calls("GetCallerIdentity", CALLERS).await;
        scene.aws.wait_for_calls("AssumeRole", 1).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(all, opened);
    assert!(answers.iter().all(|answer| outcome(answer).is_some()));
    assert_eq!(scene.aws.call_count("AssumeRole"), 1);
}

/// What one of them fails with is the answer to all who waited, and to nobody after them.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_shared_and_not_kept() {
    let scene = LoginScene::open().await;
    let logins = foreign_logins(&scene).await;
    scene.configure(&scene.mount, &json!({"max_retries": 0})).await;
    scene.aws.clear_calls();
    let gate = Gate::new();
    scene.aws.fault("AssumeRole", 1, Fault::Hold(gate.clone()));
    scene.aws.fault("AssumeRole", 1, Fault::error(403, "AccessDenied", "not now"));
    let first = tokio::spawn({
        let (mount, login) = (scene.mount.clone(), logins[0].clone());
        async move { mount.login_only(&login).await }
    });
    scene.aws.wait_for_calls("AssumeRole", 1).await;
    gate.open();
    let answer = first.await.unwrap();
    assert_eq!(outcome(&answer), None);
    assert!(answer.error().contains("AccessDenied: not now"), "{}", answer.error());
    let answers = join_all(logins.iter().map(|login| scene.mount.login_only(login))).await;
    assert!(answers.iter().all(|answer| outcome(answer).is_some()));
    assert_eq!(scene.aws.call_count("AssumeRole"), 2);
}

/// Whoever asked first may leave: the others still get their answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_outlives_the_login_that_began_it() {
    let scene = LoginScene::open().await;
    let logins = foreign_logins(&scene).await;
    let gate = Gate::new();
    scene.aws.fault("AssumeRole", 1, Fault::Hold(gate.clone()));
    let log_in = |number: usize| {
        let (mount, login) = (scene.mount.clone(), logins[number].clone());
        tokio::spawn(async move { mount.login_only(&login).await })
    };
    let first = log_in(0);
    scene.aws.wait_for_calls("AssumeRole", 1).await;
    let others: Vec<_> = (1..8).map(log_in).collect();
    scene.aws.wait_for_calls("GetCallerIdentity", 8).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.open();
    for other in others {
        assert!(outcome(&other.await.unwrap()).is_some());
    }
    // Nobody else could have asked anew before the first had left, and then it was known.
    assert!(scene.aws.call_count("AssumeRole") <= 2);
}

/// The server asks once whose keys it has.
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_account_is_asked_for_once() {
    let scene = LoginScene::open().await;
    scene.configure(&scene.mount, &json!({"max_retries": 3})).await;
    scene.aws.clear_calls();
    let key = scene.server_user.credentials.access_key_id.clone();
    let gate = Gate::new();
    scene.aws.fault(Target::from("GetCallerIdentity").access_key_id(&key), 1, Fault::Hold(gate.clone()));
    let binding = json!({"bound_iam_principal_arn": scene.alice.arn});
    let paths: Vec<String> = (0..CALLERS).map(|number| format!("role/r{number}")).collect();
    let all = join_all(paths.iter().map(|path| scene.mount.write(path, &binding)));
    let opened = async {
        scene.aws.wait_for_calls("GetCallerIdentity", 1).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(all, opened);
    assert!(answers.iter().all(|answer| answer.status == 204));
    assert_eq!(scene.aws.call_count("GetCallerIdentity"), 1);
    assert_eq!(scene.aws.call_count("GetUser"), CALLERS);
}

/// Sessions of one role log in together: IAM is asked once for the role.
#[tokio::test(flavor = "multi_thread")]
async fn equal_look_ups_in_iam_are_made_once() {
    let scene = LoginScene::open().await;
    let role = scene.aws.create_role("App");
    let pattern = format!("arn:aws:iam::{ACCOUNT}:role/*");
    scene.write_role("wild", &json!({"bound_iam_principal_arn": pattern})).await;
    let logins: Vec<Value> = (0..CALLERS)
        .map(|number| login_as(&scene.aws.session(&role, &format!("s{number}")).credentials, "wild"))
        .collect();
    scene.aws.clear_calls();
    let gate = Gate::new();
    scene.aws.fault("GetRole", Times::Always, Fault::Hold(gate.clone()));
    let all = join_all(logins.iter().map(|login| scene.mount.login_only(login)));
    let opened = async {
        scene.aws.wait_for_calls("GetCallerIdentity", CALLERS).await;
        scene.aws.wait_for_calls("GetRole", 1).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(all, opened);
    assert!(answers.iter().all(|answer| outcome(answer).is_some()));
    assert_eq!(scene.aws.call_count("GetRole"), 1);
}
