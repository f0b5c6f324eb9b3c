//! A server that is killed and comes back with what it has stored.

use std::fs;

use serde_json::json;

use super::{Agent, look_up};
use crate::client::{Caller, server_id};
use testkit::aws::{Aws, User};
use testkit::server::{Flavor, Installation, Server, configure, on_each_server};

on_each_server! {
    DurableScene:
    a_restarted_server_is_logged_in_to_again,
}

/// A server that keeps its entries on disk, with a mount for alice.
struct DurableScene {
    _aws: Aws,
    server: Server,
    alice: User,
}

impl DurableScene {
    async fn open(test: &'static str, flavor: Flavor, plugin: &'static str) -> Option<Self> {
        let binary = Installation::of_this_checkout().server(test, flavor)?;
        let server = Server::start_durable(&binary, plugin).await;
        let aws = Aws::start().await;
        let (owner, alice) = (aws.create_user("auth-server"), aws.create_user("alice"));
        server.register("aws", "aws", b"").await;
        server.enable("aws", "aws").await;
        configure(&server, "aws", &aws.url(), &owner.credentials).await;
        let role = json!({"bound_iam_principal_arn": alice.arn, "token_ttl": "3s", "token_max_ttl": "1h"});
        server.root("POST", "auth/aws/role/short", &role).await;
        Some(Self { _aws: aws, server, alice })
    }
}

async fn a_restarted_server_is_logged_in_to_again(mut scene: DurableScene) {
    let caller = Caller::new().on(&scene.server).with_keys(&scene.alice.credentials);
    let mut agent = Agent::start(&caller, &["role=short", &server_id()]);
    agent.first_token().await;
    scene.server.restart().await.unwrap();
    let said = agent.said().lines().count();
    agent
        .until("a token that lives on", async || {
            let token = fs::read_to_string(&agent.sink).unwrap();
            look_up(&scene.server, &token).await.filter(|_| {
                let after = agent.said();
                after
                    .lines()
                    .skip(said)
                    .any(|line| line.contains("token renewed") || line.contains("INFO  logged in"))
            })
        })
        .await;
    agent.stop().await;
}
