//! `agent -once`, and what is asked for wrongly.

use std::fs;

use serde_json::{Value, json};

use super::{HostScene, look_up, mode};
use crate::client::{Caller, server_id};
use testkit::server::on_each_server;

on_each_server! {
    HostScene:
    once_is_a_login_with_sinks_and_commands,
    a_sink_may_hold_a_wrapped_token,
}

async fn once_is_a_login_with_sinks_and_commands(scene: HostScene) {
    let caller = scene.alice();
    let once = ["agent", "-once", "-sink=file:token,mode=0640", "-exec=cp token copy", "-exec=false"];
    let called = caller.call(&[&once[..], &["role=dev", &server_id()]].concat()).await;
    assert_eq!((called.code, called.output.as_str()), (0, ""), "{called:#?}");
    let token = fs::read_to_string(caller.file("token")).unwrap();
    assert!(look_up(&scene.server, &token).await.is_some());
    assert_eq!(
        (mode(&caller.file("token")), fs::read_to_string(caller.file("copy")).unwrap()),
        (0o640, token)
    );

    let said = caller.failed(1, &[&once[..], &["role=nobody", &server_id()]].concat()).await;
    assert!(said.contains("entry for role nobody not found"), "{said}");
    caller.failed(2, &["agent", "-once", "-sink=file:no/such/folder", "role=dev", &server_id()]).await;
    Caller::new().on(&scene.server).failed(3, &once).await;
}

async fn a_sink_may_hold_a_wrapped_token(scene: HostScene) {
    let caller = scene.alice();
    caller.done(&["agent", "-once", "-sink=file:wrapped,wrap-ttl=90s", "role=dev", &server_id()]).await;
    let info: Value = serde_json::from_slice(&fs::read(caller.file("wrapped")).unwrap()).unwrap();
    assert_eq!(info["ttl"], json!(90));
    let wrapping = info["token"].as_str().unwrap();
    let (_, answer) = scene.server.call("PUT", "sys/wrapping/unwrap", &json!({}), wrapping).await;
    let token = answer["data"]["token"].as_str().unwrap();
    assert_eq!(look_up(&scene.server, token).await.unwrap()["display_name"], json!("aws-alice"));
}

#[tokio::test]
async fn wrong_use_has_its_code() {
    let caller = Caller::new().with("AWS_ACCESS_KEY_ID", "AKID").with("AWS_SECRET_ACCESS_KEY", "s3cret");
    for arguments in [
        &[][..],
        &["-exec=true"],
        &["-exec=", "-sink=file:t"],
        &["-exec='a", "-sink=file:t"],
        &["-sink=t"],
        &["-sink=file:t,mode=rw"],
        &["-sink=file:t", "-wrap-ttl=5m"],
        &["-sink=file:t", "-once", "-ready-file=r"],
        &["-sink=file:t", "-once", "-revoke-on-exit"],
        &["-sink=file:t", "-log-format=xml"],
        &["-sink=file:t", "region=nowhere"],
        &["-sink=file:t", "-ready-file=/proc/self"],
    ] {
        let said = caller.failed(2, &[&["agent"], arguments].concat()).await;
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert!(caller.done(&["agent", "-help"]).await.contains("-sink=file:/run/vault/token"));
    Caller::new().failed(3, &["agent", "-once", "-sink=file:t"]).await;
    caller.failed(4, &["agent", "-once", "-sink=file:t", "-address=http://127.0.0.1:1"]).await;
}
