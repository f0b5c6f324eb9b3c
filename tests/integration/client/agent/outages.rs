//! Servers that are away, sealed or full of faults.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{Agent, HostScene, look_up, role};
use crate::client::{Caller, server_id};
use crate::stub::{Reply, Stub};
use testkit::server::on_each_server;

on_each_server! {
    HostScene:
    a_sealed_server_is_waited_for,
    a_role_that_comes_later_is_waited_for,
}

async fn a_sealed_server_is_waited_for(mut scene: HostScene) {
    role(&scene, "short", "3s", "1h").await;
    let caller = scene.alice();
    let mut agent = Agent::start(&caller, &["role=short", &server_id()]);
    let first = agent.first_token().await;
    scene.server.root("PUT", "sys/seal", &Value::Null).await;
    agent.says("Vault is sealed").await;
    assert_eq!(fs::read_to_string(&agent.sink).unwrap(), first, "the old token stays");
    scene.scene.server.unseal().await.unwrap();
    agent
        .until("a token that lives", async || {
            let token = fs::read_to_string(&agent.sink).unwrap();
            look_up(&scene.server, &token).await.filter(|_| agent.said().lines().count() > 4)
        })
        .await;
    agent.stop().await;
}

async fn a_role_that_comes_later_is_waited_for(scene: HostScene) {
    let caller = scene.alice();
    let agent = Agent::start(&caller, &["role=later", &server_id()]);
    agent.says("entry for role later not found").await;
    let said = agent.said();
    assert!(said.contains(" WARN  not logged in error=") && said.contains("again_in="), "{said}");
    role(&scene, "later", "15m", "1h").await;
    let token = agent.first_token().await;
    assert!(look_up(&scene.server, &token).await.is_some());
}

/// Seconds of a token: a third of it is longer than the first pause after a failure.
const LEASE: u64 = 6;

/// A server that fails in each way once, without a real one's time.
#[tokio::test]
async fn every_fault_is_followed_by_what_helps() {
    let stub = Stub::start().await;
    let (logins, renewals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    stub.answer(move |request| match request.target.as_str() {
        "/v1/auth/aws/login" => match logins.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(500, json!({"errors": ["internal error"]}).to_string()),
            1 => Reply::new(400, json!({"errors": ["no such role"]}).to_string()),
            2 => Reply::new(200, "no JSON"),
            number => Reply::new(200, auth(&format!("token-{number}"), LEASE)),
        },
        "/v1/auth/token/renew-self" => match renewals.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(200, auth("token-3", LEASE)),
            1 => Reply::new(503, json!({"errors": ["busy"]}).to_string()),
            2 => Reply::new(200, auth("token-3", LEASE)),
            _ => Reply::new(403, json!({"errors": ["permission denied"]}).to_string()),
        },
        _ => Reply::new(404, ""),
    });
    let caller = Caller::new()
        .with("VAULT_ADDR", stub.url())
        .with("AWS_ACCESS_KEY_ID", "AKID")
        .with("AWS_SECRET_ACCESS_KEY", "s3cret");
    let agent = Agent::start(&caller, &["role=dev"]);
    assert_eq!(agent.first_token().await, "token-3");
    assert_eq!(agent.token_after("token-3").await, "token-4");
    let said = agent.said();
    let mut lines = said.lines();
    for part in [
        "WARN  not logged in error=\"the server refused",
        "* no such role",
        "is no Vault or OpenBao",
        "INFO  logged in",
        "INFO  token delivered",
        "INFO  token renewed",
        "WARN  token not renewed error=",
        "INFO  token renewed",
        "WARN  token not renewed, a login follows",
        "INFO  logged in",
        "INFO  token delivered",
    ] {
        assert!(lines.next().is_some_and(|line| line.contains(part)), "{part}: {said}");
    }
    assert!(!said.contains("token-3") && !said.contains("s3cret"), "{said}");
}

fn auth(token: &str, lease: u64) -> String {
    json!({"auth": {"client_token": token, "accessor": "a", "lease_duration": lease, "renewable": true}})
        .to_string()
}

#[tokio::test]
async fn without_a_server_it_tries_until_it_is_told_to_end() {
    let caller = Caller::new()
        .with("VAULT_ADDR", "http://127.0.0.1:1")
        .with("AWS_ACCESS_KEY_ID", "AKID")
        .with("AWS_SECRET_ACCESS_KEY", "s3cret");
    let mut agent = Agent::start(&caller, &["role=dev"]);
    agent
        .until("two attempts", async || (agent.said().matches("not logged in").count() > 1).then_some(()))
        .await;
    agent.stop().await;
    assert!(!agent.sink.exists() && !agent.said().contains("s3cret"), "{}", agent.said());
}

#[tokio::test]
async fn a_sink_that_cannot_be_written_is_tried_again() {
    let stub = Stub::start().await;
    stub.answer(|_| Reply::new(200, auth("token-1", 900)));
    let caller = Caller::new()
        .with("VAULT_ADDR", stub.url())
        .with("AWS_ACCESS_KEY_ID", "AKID")
        .with("AWS_SECRET_ACCESS_KEY", "s3cret");
    let (folder, ready) = (caller.file("later"), caller.file("ready"));
    let sink = format!("-sink=file:{}/token", folder.display());
    let ready_file = format!("-ready-file={}", ready.display());
    let agent = Agent::start(&caller, &[&sink, &ready_file, "role=dev"]);
    agent.says("token not delivered").await;
    assert_eq!(agent.first_token().await, "token-1", "the other sink has it");
    assert!(!ready.exists());
    fs::create_dir(&folder).unwrap();
    agent.until("readiness", async || ready.exists().then_some(())).await;
    assert_eq!(fs::read_to_string(folder.join("token")).unwrap(), "token-1");
    assert_eq!(stub.requests().len(), 1, "for that nobody logs in");
}
