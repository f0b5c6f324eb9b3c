//! Logins of which only the log line is large.

use std::path::Path;

use serde_json::{Value, json};

use super::plan::{Pace, Plan};
use super::scene::Scene;
use crate::Bench;
use testkit::aws::{Credentials, LoginOptions, sign_login};
use testkit::host::Mount;
use testkit::stage::{SERVER_ID, Stage};
use testkit::statistics::as_f64;

/// Logins per second.
const RATE: f64 = 200.0;
/// Clients of a flood.
const CLIENTS: usize = 8;
/// Logins of which the lines are counted.
const LOGINS: usize = 100;
/// Characters of each.
const LENGTH: usize = 4_000;

pub(super) fn plan(scene: &Scene) -> Plan {
    Plan {
        mount: scene.stage.mount.clone(),
        logins: vec![garbage(), newlines(&scene.stage)],
        paced: Pace::PerSecond(RATE),
        clients: CLIENTS,
    }
}

/// A message that is none.
fn garbage() -> Value {
    json!({"pkcs7": "!".repeat(LENGTH), "role": "absent"})
}

/// A role's name of many lines, by somebody who is nobody.
fn newlines(stage: &Stage) -> Value {
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "unknown".to_owned(),
        session_token: None,
    };
    let role = "\n".repeat(LENGTH);
    debug_assert_eq!(stage.mount.mount_point(), "auth/aws/");
    sign_login(&credentials, &LoginOptions::vault_cli().server_id(SERVER_ID).role(&role))
}

/// Bytes of warnings of a hundred such messages, and bytes of all lines of a hundred such names.
pub(super) async fn log_bytes(bench: &Bench, binary: &Path) -> [f64; 2] {
    let stage = Stage::on(bench.options.launch(binary)).await;
    let before = logged(&stage, true);
    send(&stage.mount, &garbage()).await;
    let warned = logged(&stage, true) - before;
    let before = logged(&stage, false);
    send(&stage.mount, &newlines(&stage)).await;
    [warned, logged(&stage, false) - before]
}

async fn send(mount: &Mount, login: &Value) {
    for _ in 0..LOGINS {
        let answer = mount.login_only(login).await;
        assert!(answer.auth.is_none(), "{answer:#?}");
    }
    // What was written last has to arrive.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
}

/// Bytes of the log, of warnings and worse alone if so wanted.
fn logged(stage: &Stage, warnings: bool) -> f64 {
    let lines = stage.host.logs();
    let counts = lines.iter().filter(|line| {
        let level = line.entry.as_ref().map(|entry| entry.level.as_str());
        !warnings || matches!(level, Ok("warn" | "error") | Err(_))
    });
    as_f64(counts.map(|line| line.raw.len() + 1).sum())
}
