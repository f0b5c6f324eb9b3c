//! A cluster that is meant to suffer, and what is known about it at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};

use super::arena::{Arena, NONCE};
use super::captures::Captures;
use super::counts::Board;
use testkit::aws::{Aws, Entity};
use testkit::server::{Cluster, Flavor, Installation, POLL_INTERVAL, Server, configure};

/// So many clients log in at the same time.
pub(super) const CLIENTS: usize = 3;

/// How long the cluster may take to be whole again, on a busy machine.
const RECOVERY: Duration = Duration::from_secs(120);

/// How long two nodes may both believe that they lead. After that, the one that cannot write is started anew:
/// a server that wakes up may keep the belief for minutes.
const DISAGREEMENT: Duration = Duration::from_secs(5);

/// How long a server that runs may say nothing or be sealed. After that it is started anew: one whose disk was full
/// may hang for ever.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a server may take to say how it is.
const HEALTH_PATIENCE: Duration = Duration::from_secs(2);

/// The servers, and what everybody shares. All servers are killed when it is dropped.
pub(super) struct ChaosScene {
    pub(super) flavor: Flavor,
    pub(super) servers: Vec<Server>,
    pub(super) arena: Arc<Arena>,
    /// When requests were first admitted once only.
    single_use_since: Instant,
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Leads,
    Follows,
    /// It is sealed, starts or does not answer.
    Away,
}

impl ChaosScene {
    pub(super) async fn open(test: &'static str, flavor: Flavor, plugin: &str) -> Option<Self> {
        let binary = Installation::of_this_checkout().server(test, flavor)?;
        let mut cluster = Cluster::start_fragile(&binary, plugin).await;
        let aws = Aws::start().await;
        aws.keep_counters_only();
        let server_user = aws.create_user("auth-server");
        let [alice, bob, carol, mallory] = ["alice", "bob", "carol", "mallory"]
            .map(|name| aws.create_user(Entity::named(name).path("/people/")));
        cluster.enable("aws", "aws").await;
        cluster.leader.enable("other", "aws").await;
        for mount in ["aws", "other"] {
            configure(&cluster.leader, mount, &aws.url(), &server_user.credentials).await;
            for (role, user, token_type) in
                [("dev", &alice, "default"), ("batch", &alice, "batch"), ("carol", &carol, "default")]
            {
                let fields = json!({"bound_iam_principal_arn": user.arn, "token_type": token_type});
                cluster.leader.root("POST", &format!("auth/{mount}/role/{role}"), &fields).await;
            }
        }
        // The captures of the one are signed for the one alone.
        let other = json!({"iam_server_id_header_value": "other.example.com"});
        cluster.leader.root("POST", "auth/other/config/client", &other).await;
        let more = json!({"allowed_sts_header_values": NONCE, "iam_request_single_use": true});
        cluster.leader.root("POST", "auth/aws/config/client", &more).await;
        let config = cluster.leader.root("GET", "auth/aws/config/client", &Value::Null).await;
        let single_use_since = Instant::now();
        let single_use = config["data"]["iam_request_single_use"] == json!(true);
        cluster.wait_for("auth/other/role/carol").await;

        let root_token = cluster.leader.root_token().to_owned();
        let mut servers = vec![cluster.leader];
        servers.extend(cluster.standbys);
        let arena = Arc::new(Arena {
            nodes: servers.iter().map(Server::remote).collect(),
            root_token,
            aws,
            alice,
            mallory,
            bob,
            carol,
            single_use,
            board: Board::new(CLIENTS),
            captures: Captures::default(),
            over: AtomicBool::new(false),
            client_clock: AtomicI64::new(0),
            nonces: AtomicU64::new(0),
        });
        Some(Self { flavor, servers, arena, single_use_since })
    }

    /// How far the clock of a client may be behind, in seconds: what was signed before single use was on is not
    /// taken.
    pub(super) fn oldest_date(&self) -> i64 {
        let since = self.single_use_since.elapsed().as_secs().saturating_sub(5);
        i64::try_from(since).unwrap_or(i64::MAX).min(290)
    }

    async fn health(&self, node: usize) -> Health {
        let answer =
            self.arena.nodes[node].call("GET", "sys/health", &Value::Null, "", HEALTH_PATIENCE).await;
        match answer {
            Ok(answer) if answer.body["sealed"] == json!(false) => match answer.body["standby"] {
                Value::Bool(true) => Health::Follows,
                Value::Bool(false) => Health::Leads,
                _ => Health::Away,
            },
            _ => Health::Away,
        }
    }

    /// Waits until one of these nodes leads; which one.
    pub(super) async fn leader_among(&self, nodes: &[usize]) -> usize {
        let end = Instant::now() + RECOVERY;
        loop {
            for &node in nodes {
                if self.health(node).await == Health::Leads {
                    return node;
                }
            }
            assert!(Instant::now() < end, "no leader among {nodes:?}\n{}", self.servers[nodes[0]].log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until a node leads; which one.
    pub(super) async fn leader(&self) -> usize {
        self.leader_among(&[0, 1, 2]).await
    }

    /// Waits until a node other than this one leads.
    pub(super) async fn leader_beside(&self, node: usize) {
        let others: Vec<usize> = (0..self.servers.len()).filter(|&other| other != node).collect();
        self.leader_among(&others).await;
    }

    /// Starts what has died, and waits until one node leads and all others follow; which one leads.
    pub(super) async fn recover(&mut self) -> usize {
        let begun = Instant::now();
        let mut agreed = Instant::now();
        let mut heard = vec![Instant::now(); self.servers.len()];
        loop {
            for server in &mut self.servers {
                if server.is_dead() {
                    server.revive().await.unwrap_or_else(|log| panic!("a server does not come back:\n{log}"));
                }
            }
            let mut all = Vec::new();
            for (node, heard) in heard.iter_mut().enumerate() {
                let health = self.health(node).await;
                if health != Health::Away {
                    *heard = Instant::now();
                }
                if heard.elapsed() > SILENCE {
                    self.servers[node].kill().await;
                    *heard = Instant::now();
                }
                all.push(health);
            }
            let leaders: Vec<usize> = (0..all.len()).filter(|&node| all[node] == Health::Leads).collect();
            match leaders[..] {
                [leader] if !all.contains(&Health::Away) && self.can_write(leader).await => return leader,
                [_, _, ..] => {}
                _ => agreed = Instant::now(),
            }
            if agreed.elapsed() > DISAGREEMENT {
                let mut impostors = Vec::new();
                for &leader in &leaders {
                    if !self.can_write(leader).await {
                        impostors.push(leader);
                    }
                }
                if impostors.len() < leaders.len() {
                    for impostor in impostors {
                        self.servers[impostor].kill().await;
                    }
                }
                agreed = Instant::now();
            }
            assert!(begun.elapsed() < RECOVERY, "{all:?}\n{}", self.servers[0].log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Whether a node takes a write itself.
    async fn can_write(&self, node: usize) -> bool {
        let fields = json!({"safety_buffer": "48h"});
        let path = "auth/other/config/tidy/roletag-denylist";
        let answer =
            self.arena.nodes[node].call("POST", path, &fields, &self.arena.root_token, HEALTH_PATIENCE).await;
        answer.is_ok_and(|answer| answer.status == StatusCode::NO_CONTENT || answer.status == StatusCode::OK)
    }
}
