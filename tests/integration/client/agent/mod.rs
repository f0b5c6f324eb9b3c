//! `agent`: keeps a token where programs look for it.

mod commands;
mod credentials;
mod hosts_agent;
mod lifetime;
mod once;
mod outages;
mod recipes;
mod restart;

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Caller, HostScene, PROGRAM};
use testkit::server::{POLL_INTERVAL, Server};

/// Longest time for anything, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running agent with a sink. Killed when dropped.
struct Agent {
    child: Child,
    sink: PathBuf,
    log: PathBuf,
}

impl Agent {
    /// Starts one whose sink is `token` in the caller's home folder.
    fn start(caller: &Caller, arguments: &[&str]) -> Self {
        let (sink, log) = (caller.file("token"), caller.file("agent.log"));
        let mut command = caller.command(PROGRAM);
        command
            .arg("agent")
            .arg(format!("-sink=file:{}", sink.display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        Self { child: command.spawn().unwrap(), sink, log }
    }

    /// What it has said.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Polls until there is something.
    async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < deadline, "{what}: not in time\n{}", self.said());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until it says so.
    async fn says(&self, text: &str) {
        self.until(text, async || self.said().contains(text).then_some(())).await;
    }

    /// Waits for a token in the sink that is not this one.
    async fn token_after(&self, old: &str) -> String {
        self.until("another token", async || fs::read_to_string(&self.sink).ok().filter(|token| token != old))
            .await
    }

    /// Waits for the first token.
    async fn first_token(&self) -> String {
        self.token_after("").await
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for its end.
    async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.said());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Ends it as a service manager does.
    async fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert_eq!((status.code(), status.signal()), (Some(0), None), "{}", self.said());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Either may fail if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server says of a token; `None` if it does not know it.
async fn look_up(server: &Server, token: &str) -> Option<Value> {
    let (status, answer) = server.call("GET", "auth/token/lookup-self", &Value::Null, token).await;
    (status == StatusCode::OK).then(|| answer["data"].clone())
}

/// Binds alice to a role whose tokens live like this.
async fn role(scene: &HostScene, name: &str, ttl: &str, max_ttl: &str) {
    let role = json!({
        "auth_type": "iam", "bound_iam_principal_arn": scene.alice.arn,
        "token_ttl": ttl, "token_max_ttl": max_ttl,
    });
    scene.write_role("aws", name, &role).await;
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o777
}
