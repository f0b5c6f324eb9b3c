//! Operators: what a server has acknowledged can be read ever after, and counts from then on.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};

use super::arena::{Arena, Pauses, admits};
use testkit::server::POLL_INTERVAL;

/// How long a standby may take to show what was written, on a busy machine.
const REPLICATION: Duration = Duration::from_secs(20);

/// A write that was acknowledged: the path, and what it reads as.
#[derive(Clone)]
pub(super) struct Written {
    path: String,
    field: &'static str,
    value: Value,
}

/// What was acknowledged.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Vec<Written>>);

/// Writes entries of one name each until it is over: what a late duplicate of a write brings is what is there.
pub(super) async fn write_again_and_again(arena: Arc<Arena>, ledger: Arc<Ledger>) {
    for number in 1.. {
        if arena.is_over() {
            return;
        }
        match number % 3 {
            0 => write_role(&arena, &ledger, number).await,
            1 => write_account(&arena, &ledger, number).await,
            _ => bind_another(&arena, &ledger, number).await,
        }
    }
}

async fn write_role(arena: &Arena, ledger: &Ledger, number: usize) {
    let life = 60 + number;
    let fields = json!({
        "bound_iam_principal_arn": arena.carol.arn, "resolve_aws_unique_ids": false, "token_ttl": life,
    });
    let path = format!("auth/aws/role/life-{number}");
    arena.insist(number, "POST", &path, &fields).await;
    ledger.note(arena, Written { path, field: "token_ttl", value: json!(life) });
}

async fn write_account(arena: &Arena, ledger: &Ledger, number: usize) {
    let role = format!("arn:aws:iam::{number:012}:role/reader-{number}");
    let path = format!("auth/aws/config/sts/{number:012}");
    arena.insist(number, "POST", &path, &json!({"sts_role": role})).await;
    ledger.note(arena, Written { path, field: "sts_role", value: json!(role) });
}

/// A role that bound the one and then binds the other admits the first no more, once that is acknowledged.
async fn bind_another(arena: &Arena, ledger: &Ledger, number: usize) {
    let name = format!("moved-{number}");
    let path = format!("auth/aws/role/{name}");
    let token_type = ["default", "batch"][number % 2];
    let binding = |arn: &str| json!({"bound_iam_principal_arn": arn, "resolve_aws_unique_ids": false, "token_type": token_type});
    let tries = arena.insist(number, "POST", &path, &binding(&arena.bob.arn)).await;
    if tries > 1 {
        // A try without an answer may still take effect: the role could bind the first one again.
        return;
    }
    for node in 0..arena.nodes.len() {
        // So that the nodes know the role, if they know roles.
        let _ = arena.log_in(node, "aws", &arena.sign(&arena.bob.credentials, &name)).await;
    }
    arena.insist(number, "POST", &path, &binding(&arena.carol.arn)).await;
    ledger.note(arena, Written { path, field: "bound_iam_principal_arn", value: json!([arena.carol.arn]) });
    for node in 0..arena.nodes.len() {
        let login = arena.sign(&arena.bob.credentials, &name);
        let outcome = arena.log_in(node, "aws", &login).await;
        arena.board.count(|row| row.attacks += 1);
        if outcome.as_ref().is_ok_and(admits) {
            arena.board.count(|row| row.wrong_admissions += 1);
            arena.board.accident(format!("{name} admits at node {node} whom it bound before: {outcome:?}"));
        }
    }
}

impl Ledger {
    fn note(&self, arena: &Arena, written: Written) {
        arena.board.count(|row| row.writes += 1);
        self.0.lock().unwrap().push(written);
    }

    /// Reads all that was acknowledged after the first `from`, at one node; how much was acknowledged. What is
    /// missing is counted.
    pub(super) async fn check(&self, arena: &Arena, node: usize, from: usize) -> usize {
        let all = self.0.lock().unwrap().clone();
        for written in &all[from..] {
            let Written { path, field, value } = written;
            let begun = Instant::now();
            loop {
                let read = read(arena, node, path).await;
                if read.as_ref().map(|data| &data[*field]) == Some(value) {
                    break;
                }
                if begun.elapsed() > REPLICATION {
                    arena.board.count(|row| row.lost_writes += 1);
                    arena
                        .board
                        .accident(format!("{path}: {field} should be {value} at node {node}: {read:?}"));
                    break;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        all.len()
    }
}

/// What a path reads as; `None` if there is nothing, or no answer for [`REPLICATION`].
async fn read(arena: &Arena, node: usize, path: &str) -> Option<Value> {
    let mut pauses = Pauses::new();
    let end = Instant::now() + REPLICATION;
    while Instant::now() < end {
        match arena.root(node, "GET", path, &Value::Null).await {
            Ok(answer) if answer.status == StatusCode::OK => return Some(answer.body["data"].clone()),
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => return None,
            _ => pauses.pause().await,
        }
    }
    None
}
