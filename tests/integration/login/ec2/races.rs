//! Logins of one instance at the same time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{INSTANCE, Scene, document};
use testkit::aws::{Fault, Gate, Times};
use testkit::stage::with;

const LOGINS: usize = 64;
const DEADLINE: Duration = Duration::from_secs(20);

/// Sends the logins in a way that all have begun before AWS tells any of them of the instance; status
/// and text of each.
async fn at_the_same_time(scene: &Scene, logins: Vec<Value>) -> Vec<(u16, String)> {
    let (before, count) = (roles_asked_for(scene).await, logins.len());
    let gate = Gate::new();
    scene.stage.aws.fault("DescribeInstances", Times::Always, Fault::Hold(gate.clone()));
    let tasks: Vec<_> = logins
        .into_iter()
        .map(|data| {
            let mount = scene.stage.mount.clone();
            tokio::spawn(async move {
                let answer = mount.login_only(&data).await;
                assert_eq!(answer.auth.is_some(), answer.status == 200);
                (answer.status, answer.error().to_owned())
            })
        })
        .collect();
    // Every login asks for its role before it asks AWS.
    let deadline = Instant::now() + DEADLINE;
    while roles_asked_for(scene).await < before + u64::try_from(count).unwrap() {
        assert!(Instant::now() < deadline, "{before}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    gate.open();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    scene.stage.aws.clear_faults();
    outcomes
}

/// How often the mount was asked for a role.
async fn roles_asked_for(scene: &Scene) -> u64 {
    let status = scene.stage.mount.read("status/aws").await.expect(200);
    let cache = &status.data["caches"]["role"];
    cache["hits"].as_u64().unwrap() + cache["misses"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_first_logins_with_different_nonces_one_wins() {
    let scene = Scene::open().await;
    let document = scene.message(&document(json!({})));
    let logins = (0..LOGINS).map(|at| with(&document, json!({"nonce": format!("nonce {at}")}))).collect();
    let outcomes = at_the_same_time(&scene, logins).await;
    let winners: Vec<usize> = (0..LOGINS).filter(|at| outcomes[*at].0 == 200).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    for (at, (status, text)) in outcomes.iter().enumerate().filter(|(at, _)| *at != winners[0]) {
        assert_eq!((*status, text.as_str()), (400, "client nonce mismatch"), "login {at}");
    }
    // What is remembered is the winner's.
    let nonce = format!("nonce {}", winners[0]);
    assert_eq!(scene.entry(INSTANCE).unwrap()["client_nonce"], json!(nonce));
    scene.admitted(&scene.login(&nonce)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_first_logins_without_a_nonce_one_wins() {
    let scene = Scene::open().await;
    let data = scene.message(&document(json!({})));
    for (changes, text) in
        [(json!({}), "client nonce mismatch"), (json!({"nonce": ""}), "reauthentication is disabled")]
    {
        let outcomes = at_the_same_time(&scene, vec![with(&data, changes.clone()); 8]).await;
        let admitted = outcomes.iter().filter(|(status, _)| *status == 200).count();
        let refused = outcomes.iter().filter(|(status, found)| *status == 400 && found == text).count();
        assert_eq!((admitted, refused), (1, 7), "{changes}: {outcomes:?}");
        scene.forget().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_for_one_login_gives_one_token_accident_9() {
    let scene = Scene::open().await;
    scene.role(json!({"disallow_reauthentication": true})).await;
    let outcomes = at_the_same_time(&scene, vec![scene.login("a"); LOGINS]).await;
    let admitted = outcomes.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(admitted, 1, "{outcomes:?}");
    let disabled = (400, "reauthentication is disabled".to_owned());
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == disabled).count(), LOGINS - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_with_the_same_nonce_do_not_hinder_each_other() {
    let scene = Scene::open().await;
    let outcomes = at_the_same_time(&scene, vec![scene.login("a"); LOGINS]).await;
    assert_eq!(outcomes, vec![(200, String::new()); LOGINS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_one_instance_are_renewed_at_the_same_time() {
    let scene = Scene::open().await;
    let auth = scene.admitted(&scene.login("a")).await;
    let renewals: Vec<_> = (0..LOGINS)
        .map(|_| {
            let (mount, auth) = (scene.stage.mount.clone(), auth.clone());
            tokio::spawn(async move { mount.renew(&auth).await })
        })
        .collect();
    for renewal in renewals {
        let answer = renewal.await.unwrap();
        assert_eq!((answer.status, answer.error()), (200, ""));
    }
}
