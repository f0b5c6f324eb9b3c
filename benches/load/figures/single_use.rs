//! What single use costs behind a whole OpenBao whose storage is raft: each use is written by one node, or by a leader
//! and two standbys. Tokens are batch tokens, so nothing else is written.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::whole_host::{configure, run};
use crate::Bench;
use crate::figure::Figure;
use crate::login::Logins;
use testkit::server::{Cluster, Server, ServerBinary};
use testkit::statistics::{median, percentile};

const MOUNT: &str = "aws";
/// A role as any, and one that takes each signed request once.
const ROLES: [&str; 2] = ["batch", "once"];
const SERVER_ID: &str = "once.example.com";
/// Clients that log in at the same time, for the rate: writes of several go to disk together.
const CLIENTS: usize = 16;
/// Logins of which the latencies are taken, one after the other.
const ONE_BY_ONE: usize = 200;

pub(super) const FIGURES: &[Figure] = &[
    Figure::information("raft_1_rate", "OpenBao, raft on one node: logins of 16 clients", "logins/s"),
    Figure::information("raft_1_rate_once", "… with single use", "logins/s"),
    Figure::information("raft_1_p50", "… one client, median", "ms"),
    Figure::information("raft_1_p50_once", "… with single use", "ms"),
    Figure::information("raft_1_p95", "… one client, p95", "ms"),
    Figure::information("raft_1_p95_once", "… with single use", "ms"),
    Figure::information("raft_3_rate", "OpenBao, raft on three nodes: logins of 16 clients", "logins/s"),
    Figure::information("raft_3_rate_once", "… with single use", "logins/s"),
    Figure::information("raft_3_p50", "… one client, median", "ms"),
    Figure::information("raft_3_p50_once", "… with single use", "ms"),
    Figure::information("raft_3_p95", "… one client, p95", "ms"),
    Figure::information("raft_3_p95_once", "… with single use", "ms"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let openbao = bench.options.openbao().expect("the group is left out without an OpenBao");
    let mut values = of_one_node(bench, &openbao, binary).await;
    values.extend(of_three_nodes(bench, &openbao, binary).await);
    values
}

async fn of_one_node(bench: &Bench, openbao: &ServerBinary, binary: &Path) -> Vec<f64> {
    let server = Server::start_durable(openbao, binary).await;
    server.register(MOUNT, MOUNT, b"").await;
    server.enable(MOUNT, MOUNT).await;
    of_leader(bench, server).await
}

async fn of_three_nodes(bench: &Bench, openbao: &ServerBinary, binary: &Path) -> Vec<f64> {
    let mut cluster = Cluster::start(openbao, binary).await;
    cluster.enable(MOUNT, MOUNT).await;
    let Cluster { leader, standbys } = cluster;
    let values = of_leader(bench, leader).await;
    // They take part until then.
    drop(standbys);
    values
}

/// Rates, medians and 95th percentiles at the node that writes, without and with single use each.
async fn of_leader(bench: &Bench, server: Server) -> Vec<f64> {
    let server = Arc::new(server);
    let sts = bench.plain_sts.url();
    configure(&server, MOUNT, &sts, ROLES[0]).await;
    configure(&server, MOUNT, &sts, ROLES[1]).await;
    let id = json!({"iam_server_id_header_value": SERVER_ID});
    server.root("POST", &format!("auth/{MOUNT}/config/client"), &id).await;
    let single_use = json!({"iam_request_single_use": true});
    server.root("POST", &format!("auth/{MOUNT}/role/{}", ROLES[1]), &single_use).await;
    let mut signed = 0;
    let mut logins = |role: &str, count: usize| {
        let first = signed;
        signed += count;
        Logins::once(role, SERVER_ID, first..signed)
    };
    let (count, one_by_one) = (bench.options.logins, ONE_BY_ONE.min(bench.options.logins));
    let (mut rates, mut medians, mut p95s) = (Vec::new(), Vec::new(), Vec::new());
    for role in ROLES {
        // The first ones open connections.
        run(&server, MOUNT, logins(role, CLIENTS * 2), CLIENTS, CLIENTS * 2).await;
        let several = logins(role, count);
        rates.push(run(&server, MOUNT, several, CLIENTS, count).await.throughput());
        let one = run(&server, MOUNT, logins(role, one_by_one), 1, one_by_one).await;
        medians.push(median(&one.latencies));
        p95s.push(percentile(&one.latencies, 95.0));
    }
    [rates, medians, p95s].concat()
}
