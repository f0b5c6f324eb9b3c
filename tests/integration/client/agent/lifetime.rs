//! From the first token to the end.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::json;

use super::{Agent, HostScene, look_up, mode, role};
use crate::client::server_id;
use testkit::server::on_each_server;

on_each_server! {
    HostScene:
    a_token_is_there_from_ready_until_the_end,
    a_token_outlives_its_time_by_renewal,
    before_its_maximum_a_token_is_replaced,
    a_token_that_cannot_be_renewed_is_replaced,
    a_revoked_token_is_replaced,
    a_token_may_be_revoked_at_the_end,
}

async fn a_token_is_there_from_ready_until_the_end(scene: HostScene) {
    let caller = scene.alice();
    let (socket, ready) = (caller.file("notify"), caller.file("ready"));
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_nonblocking(true).unwrap();
    let told = || {
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    };
    caller.write("ready", "of another agent");
    let caller = caller.with("NOTIFY_SOCKET", &socket);
    let second = format!("-sink=file:{},mode=0640", caller.file("second").display());
    let ready_file = format!("-ready-file={}", ready.display());
    let mut agent = Agent::start(&caller, &[&second, &ready_file, "role=dev", &server_id()]);
    let message = agent.until("readiness", async || told()).await;
    assert_eq!(message, "READY=1");
    assert!(ready.exists());
    let token = fs::read_to_string(&agent.sink).unwrap();
    assert_eq!(fs::read_to_string(caller.file("second")).unwrap(), token);
    assert_eq!((mode(&agent.sink), mode(&caller.file("second"))), (0o600, 0o640));
    assert_eq!(look_up(&scene.server, &token).await.unwrap()["display_name"], json!("aws-alice"));

    agent.stop().await;
    assert!(!ready.exists());
    assert_eq!(told().as_deref(), Some("STOPPING=1"));
    assert!(look_up(&scene.server, &token).await.is_some(), "the token is not the agent's alone");
    let said = agent.said();
    assert!(!said.contains(&token) && !said.contains(&scene.alice.credentials.secret_access_key), "{said}");
    let names = ["logged in", "token delivered", "stopping"];
    assert!(names.iter().all(|name| said.contains(name)) && said.lines().count() == names.len(), "{said}");
}

async fn a_token_outlives_its_time_by_renewal(scene: HostScene) {
    role(&scene, "short", "3s", "1h").await;
    let caller = scene.alice();
    let agent = Agent::start(&caller, &["-log-format=json", "role=short", &server_id()]);
    let token = agent.first_token().await;
    let created = look_up(&scene.server, &token).await.unwrap()["creation_time"].as_u64().unwrap();
    agent
        .until("twice its time", async || {
            assert!(look_up(&scene.server, &token).await.is_some(), "{}", agent.said());
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            (now > created + 6).then_some(())
        })
        .await;
    assert_eq!(fs::read_to_string(&agent.sink).unwrap(), token);
    for line in agent.said().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["level"], json!("info"), "{event}");
    }
}

async fn before_its_maximum_a_token_is_replaced(scene: HostScene) {
    role(&scene, "limited", "6s", "9s").await;
    let caller = scene.alice();
    let agent = Agent::start(&caller, &["role=limited", &server_id()]);
    let first = agent.first_token().await;
    let second = agent.token_after(&first).await;
    for token in [first, second] {
        assert!(look_up(&scene.server, &token).await.is_some(), "{}", agent.said());
    }
    assert!(agent.said().contains("next=login"), "{}", agent.said());
}

async fn a_token_that_cannot_be_renewed_is_replaced(scene: HostScene) {
    let batch = json!({
        "auth_type": "iam", "bound_iam_principal_arn": scene.alice.arn,
        "token_ttl": "3s", "token_type": "batch",
    });
    scene.write_role("aws", "batch", &batch).await;
    let caller = scene.alice();
    let agent = Agent::start(&caller, &["role=batch", &server_id()]);
    let first = agent.first_token().await;
    let second = agent.token_after(&first).await;
    assert!(look_up(&scene.server, &second).await.is_some());
    assert!(!agent.said().contains("renewed"), "{}", agent.said());
}

async fn a_revoked_token_is_replaced(scene: HostScene) {
    role(&scene, "short", "3s", "1h").await;
    let caller = scene.alice();
    let agent = Agent::start(&caller, &["role=short", &server_id()]);
    let first = agent.first_token().await;
    scene.server.root("POST", "auth/token/revoke", &json!({"token": first})).await;
    let second = agent.token_after(&first).await;
    assert!(look_up(&scene.server, &second).await.is_some());
    assert!(agent.said().contains("token not renewed, a login follows"), "{}", agent.said());

    // Nobody has to wait for the renewal.
    agent.signal(Signal::HUP);
    agent.token_after(&second).await;
}

async fn a_token_may_be_revoked_at_the_end(scene: HostScene) {
    let caller = scene.alice();
    let mut agent = Agent::start(&caller, &["-revoke-on-exit", "role=dev", &server_id()]);
    let token = agent.first_token().await;
    agent.signal(Signal::INT);
    assert_eq!(agent.ended().await.code(), Some(0));
    assert!(agent.said().contains("token revoked"), "{}", agent.said());
    assert!(look_up(&scene.server, &token).await.is_none());
}
