//! Logins through the HTTP API of a whole server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use tokio::task::JoinSet;

use crate::driver::Run;
use crate::login::Logins;
use crate::sts::PRINCIPAL;
use testkit::server::Server;
use testkit::statistics::milliseconds;

/// Lets a mount work with an STS at this address, and gives it a role of this name.
pub(super) async fn configure(server: &Server, mount: &str, sts: &str, role: &str) {
    let configuration = json!({
        "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sts_endpoint": sts,
        "sts_region": "us-east-1",
    });
    server.root("POST", &format!("auth/{mount}/config/client"), &configuration).await;
    // A batch token: what it costs to store one is not the method's.
    let fields = json!({
        "auth_type": "iam",
        "bound_iam_principal_arn": PRINCIPAL,
        "resolve_aws_unique_ids": false,
        "token_type": "batch",
    });
    server.root("POST", &format!("auth/{mount}/role/{role}"), &fields).await;
}

/// Clients of the server, each of which logs in again as soon as it is in.
pub(super) async fn run(
    server: &Arc<Server>,
    mount: &'static str,
    logins: Logins,
    clients: usize,
    count: usize,
) -> Run {
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (server, logins, next) = (Arc::clone(server), logins.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return latencies;
                }
                let begun = Instant::now();
                let (status, answer) = server.login(mount, logins.get(number)).await;
                assert!(status.is_success(), "a login at {mount} failed: {answer}");
                latencies.push(milliseconds(begun.elapsed()));
            }
        });
    }
    let latencies = tasks.join_all().await.concat();
    Run { latencies, elapsed: begun.elapsed() }
}
