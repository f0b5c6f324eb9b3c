//! Attackers: none of them may ever get in, and no used request may be used again.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::arena::{Arena, admits};
use super::captures::Capture;
use super::counts::Attack;
use testkit::aws::{Credentials, sign_login};
use testkit::server::POLL_INTERVAL;

/// Tries each attack at one node after the other until it is over.
pub(super) async fn attack_again_and_again(arena: Arc<Arena>) {
    for number in 0.. {
        if arena.is_over() {
            return;
        }
        join_all(Attack::ALL.into_iter().enumerate().map(|(index, attack)| {
            let arena = &arena;
            async move {
                if let Some((mount, login)) = prepare(arena, attack, number) {
                    strike(arena, attack, number + index, mount, &login).await;
                }
            }
        }))
        .await;
    }
}

/// The mount that is attacked and the login that is sent; `None` if nothing has been seen yet.
fn prepare(arena: &Arena, attack: Attack, number: usize) -> Option<(&'static str, Value)> {
    let alice = &arena.alice.credentials;
    let role = ["dev", "batch"][number % 2];
    Some(match attack {
        Attack::Unbound => ("aws", arena.sign(&arena.mallory.credentials, ["dev", "batch", ""][number % 3])),
        Attack::OtherServer => {
            let options = arena.options(role);
            let options =
                if number.is_multiple_of(2) { options.server_id("other.example.com") } else { options };
            ("aws", sign_login(alice, &options))
        }
        Attack::WrongSecret => {
            let secret_access_key = arena.mallory.credentials.secret_access_key.clone();
            ("aws", arena.sign(&Credentials { secret_access_key, ..alice.clone() }, role))
        }
        Attack::OtherMount => ("other", arena.captures.one(number)?.login.clone()),
        Attack::OtherRole => {
            let mut login = arena.captures.one(number)?.login.clone();
            login["role"] = json!("carol");
            ("aws", login)
        }
    })
}

async fn strike(arena: &Arena, attack: Attack, node: usize, mount: &str, login: &Value) {
    let begun = Instant::now();
    let outcome = arena.log_in(node, mount, login).await;
    arena.board.count(|row| row.attacks += 1);
    match outcome {
        Ok(answer) if admits(&answer) => {
            arena.board.count(|row| row.wrong_admissions += 1);
            arena.board.accident(format!("{attack:?} succeeded: {login} {answer:?}"));
        }
        Ok(answer) if answer.status.is_client_error() => arena.board.repelled(attack, begun),
        _ => {}
    }
}

/// Sends what others have sent to all nodes at once until it is over.
pub(super) async fn replay_again_and_again(arena: Arc<Arena>) {
    for number in 0.. {
        if arena.is_over() {
            return;
        }
        match arena.captures.one(number) {
            Some(capture) => send_everywhere(&arena, &capture).await,
            None => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

/// Sends each request of its own to all nodes at once until it is over: one of them may take it.
pub(super) async fn race_again_and_again(arena: Arc<Arena>) {
    while !arena.is_over() {
        let capture = arena.captures.take(arena.sign(&arena.alice.credentials, "batch"));
        send_everywhere(&arena, &capture).await;
    }
}

async fn send_everywhere(arena: &Arena, capture: &Capture) {
    let nodes = 0..arena.nodes.len();
    let answers = join_all(nodes.map(|node| arena.log_in(node, "aws", &capture.login))).await;
    let tokens = answers.iter().flatten().filter(|answer| admits(answer));
    let too_many = tokens.filter(|_| !capture.is_first_token()).count();
    arena.board.count(|row| row.replays += answers.len() as u64);
    arena.note_accepted_replays(too_many as u64);
}
