//! Commands that are run when there is another token.

use std::fs;

use rustix::process::Signal;

use super::{Agent, HostScene};
use crate::client::server_id;
use testkit::server::on_each_server;

on_each_server! {
    HostScene:
    commands_run_for_each_token,
}

async fn commands_run_for_each_token(scene: HostScene) {
    let caller = scene.alice().with("VAULT_TOKEN", "of the agent's own environment");
    let seen = caller.file("seen");
    // What the sink holds at that moment, and what the environment does.
    let note = |file: &str| {
        format!("-exec=sh -c 'echo \"$(cat token) $VAULT_TOKEN\" >> {}'", caller.file(file).display())
    };
    let agent = Agent::start(&caller, &["-exec=false", &note("seen"), "role=dev", &server_id()]);
    let lines = async |count| {
        agent
            .until("commands", async || {
                let text = fs::read_to_string(&seen).unwrap_or_default();
                (text.lines().count() == count).then_some(text)
            })
            .await
    };
    let first = agent.first_token().await;
    assert_eq!(lines(1).await, format!("{first} \n"));
    agent.signal(Signal::HUP);
    let second = agent.token_after(&first).await;
    assert_eq!(lines(2).await, format!("{first} \n{second} \n"));
    assert!(agent.said().contains("ERROR command failed command=false"), "{}", agent.said());
    drop(agent);

    fs::remove_file(&seen).unwrap();
    let agent = Agent::start(&caller, &["-exec-with-token", &note("seen"), "role=dev", &server_id()]);
    let third = agent.token_after(&second).await;
    agent.until("the command", async || fs::read_to_string(&seen).ok().filter(|text| !text.is_empty())).await;
    assert_eq!(fs::read_to_string(&seen).unwrap(), format!("{third} {third}\n"));
}
