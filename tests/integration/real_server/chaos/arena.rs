//! What those who log in, attack and write share: the servers, the users, the counts.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::Value;
use time::OffsetDateTime;

use super::captures::Captures;
use super::counts::Board;
use testkit::aws::{Aws, Credentials, LoginOptions, User, sign_login};
use testkit::server::{Remote, RemoteAnswer, SERVER_ID};

/// The header that makes two logins of one second differ.
pub(super) const NONCE: &str = "X-Vault-AWS-IAM-Nonce";

/// How long a client waits for an answer before it asks another node.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// How long root asks again: longer than any fault lasts, on a busy machine.
const INSISTENCE: Duration = Duration::from_secs(240);
/// The first pause after a failure, which doubles up to the longest one, as Vault Agent does it with larger numbers.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// Shared by all tasks of a run.
pub(super) struct Arena {
    /// The nodes of the cluster.
    pub(super) nodes: Vec<Remote>,
    pub(super) root_token: String,
    pub(super) aws: Aws,
    /// The roles `dev` and `batch` bind her.
    pub(super) alice: User,
    /// No role binds her.
    pub(super) mallory: User,
    /// The roles that the operator writes bind the one, then the other.
    pub(super) bob: User,
    pub(super) carol: User,
    /// Whether a signed request may be used once only.
    pub(super) single_use: bool,
    pub(super) board: Board,
    pub(super) captures: Captures,
    /// Set when everybody shall come to an end.
    pub(super) over: AtomicBool,
    /// Seconds by which the clocks of clients are wrong.
    pub(super) client_clock: AtomicI64,
    pub(super) nonces: AtomicU64,
}

/// What is asked of a server.
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) body: &'a Value,
    pub(super) token: &'a str,
}

/// The pauses of a client between its tries.
pub(super) struct Pauses(Duration);

impl Arena {
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Asks a node; who is sent to another one goes there once, with the same bytes.
    pub(super) async fn ask(&self, node: usize, ask: &Ask<'_>) -> Result<RemoteAnswer, String> {
        let node = &self.nodes[node % self.nodes.len()];
        let Ask { method, path, body, token } = ask;
        let answer = node.call(method, path, body, token, ANSWER_PATIENCE).await?;
        let Some(location) = &answer.location else { return Ok(answer) };
        match self.nodes.iter().find(|node| location.starts_with(&format!("{}/", node.url()))) {
            Some(other) => other.call(method, path, body, token, ANSWER_PATIENCE).await,
            None => Ok(answer),
        }
    }

    /// A login at a node.
    pub(super) async fn log_in(
        &self,
        node: usize,
        mount: &str,
        login: &Value,
    ) -> Result<RemoteAnswer, String> {
        let path = format!("auth/{mount}/login");
        self.ask(node, &Ask { method: "PUT", path: &path, body: login, token: "" }).await
    }

    /// What root asks of a node.
    pub(super) async fn root(
        &self,
        node: usize,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<RemoteAnswer, String> {
        self.ask(node, &Ask { method, path, body, token: &self.root_token }).await
    }

    /// What root asks of a node, and of the others, until one does it; how many tries that took. Not even the end of
    /// the run ends it: no fault lasts for ever. One that lasts for [`INSISTENCE`] fails the test.
    pub(super) async fn insist(&self, node: usize, method: &str, path: &str, body: &Value) -> usize {
        let mut pauses = Pauses::new();
        let mut tries = 0;
        let end = Instant::now() + INSISTENCE;
        loop {
            let outcome = self.root(node + tries, method, path, body).await;
            tries += 1;
            if outcome.as_ref().is_ok_and(|answer| answer.status.is_success()) {
                return tries;
            }
            assert!(Instant::now() < end, "{method} {path}: {outcome:?}\n{}", self.board.table());
            pauses.pause().await;
        }
    }

    /// How a client signs whose clock is as wrong as all of them are, with a nonce.
    pub(super) fn options(&self, role: &str) -> LoginOptions {
        let nonce = self.nonces.fetch_add(1, Ordering::Relaxed);
        let error = time::Duration::seconds(self.client_clock.load(Ordering::Relaxed));
        LoginOptions::vault_cli()
            .role(role)
            .date(OffsetDateTime::now_utc() + error)
            .signed_header(NONCE, &format!("{nonce:016x}"))
    }

    /// A login as it should be.
    pub(super) fn sign(&self, credentials: &Credentials, role: &str) -> Value {
        sign_login(credentials, &self.options(role).server_id(SERVER_ID))
    }

    /// Notes tokens beyond the first one of a signed request.
    pub(super) fn note_accepted_replays(&self, tokens: u64) {
        self.board.count(|row| row.replays_accepted += tokens);
        if tokens > 0 && self.single_use {
            self.board.accident(format!("{tokens} tokens too many for one signed request"));
        }
    }

    /// Polls until something holds.
    pub(super) async fn wait(&self, what: &str, deadline: Duration, holds: impl Fn(&Board) -> bool) {
        let end = Instant::now() + deadline;
        while !holds(&self.board) {
            assert!(
                Instant::now() < end,
                "{what}: not within {deadline:?}: {:?}\n{}",
                self.board.accidents(),
                self.board.table()
            );
            tokio::time::sleep(testkit::server::POLL_INTERVAL).await;
        }
    }
}

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = LONGEST_PAUSE.min(self.0 * 2);
    }
}

/// Whether somebody got in.
pub(super) fn admits(answer: &RemoteAnswer) -> bool {
    answer.status == StatusCode::OK && answer.body["auth"]["client_token"].is_string()
}
