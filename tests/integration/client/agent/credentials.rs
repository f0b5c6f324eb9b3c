//! AWS credentials that end, and are followed by others.

use serde_json::json;
use time::Duration;
use time::format_description::well_known::Rfc3339;

use super::{Agent, HostScene, look_up};
use crate::client::{Caller, server_id};
use crate::stub::{Reply, Stub};
use testkit::aws::{Credentials, Role};
use testkit::server::on_each_server;

on_each_server! {
    HostScene:
    a_profile_that_was_renewed_is_read_again,
    a_container_is_asked_again,
}

async fn worker(scene: &HostScene) -> Role {
    let worker = scene.aws.create_role("worker");
    scene.write_role("aws", "jobs", &json!({"bound_iam_principal_arn": worker.arn})).await;
    worker
}

fn profile(keys: &Credentials) -> String {
    format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        keys.access_key_id,
        keys.secret_access_key,
        keys.session_token.as_deref().unwrap()
    )
}

async fn a_profile_that_was_renewed_is_read_again(scene: HostScene) {
    let worker = worker(&scene).await;
    let ended = scene.aws.session_until(&worker, "night", scene.aws.now() - Duration::minutes(1));
    let caller = Caller::new().on(&scene.server);
    caller.write(".aws/credentials", &profile(&ended.credentials));
    let agent = Agent::start(&caller, &["role=jobs", &server_id()]);
    agent.says("ExpiredToken").await;
    caller.write(".aws/credentials", &profile(&scene.aws.session(&worker, "day").credentials));
    let token = agent.first_token().await;
    assert!(look_up(&scene.server, &token).await.is_some());
}

async fn a_container_is_asked_again(scene: HostScene) {
    let worker = worker(&scene).await;
    let stub = Stub::start().await;
    let answer = |keys: &Credentials| {
        let end = (scene.aws.now() + Duration::hours(1)).replace_nanosecond(0).unwrap();
        let document = json!({
            "AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token, "Expiration": end.format(&Rfc3339).unwrap(),
        });
        stub.answer(move |_| Reply::new(200, document.to_string()));
    };
    let ended = scene.aws.session_until(&worker, "night", scene.aws.now() - Duration::minutes(1));
    answer(&ended.credentials);
    let caller = Caller::new()
        .on(&scene.server)
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/keys", stub.url()));
    let agent = Agent::start(&caller, &["role=jobs", &server_id()]);
    agent.says("ExpiredToken").await;
    answer(&scene.aws.session(&worker, "day").credentials);
    let token = agent.first_token().await;
    assert!(look_up(&scene.server, &token).await.is_some());
}
