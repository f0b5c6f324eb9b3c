//! Several servers with one storage: a leader and its standbys.

use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};

use super::installation::ServerBinary;
use super::vault::{Mounted, Server, Storage};

/// Somebody else can take a free port before a server does; so often it is tried again.
const START_ATTEMPTS: usize = 3;

/// Where the node of that name keeps its entries.
type StorageOfNode = fn(&'static str) -> Storage<'static>;

/// Three servers on loopback that share their storage by raft. They end with their plugins when dropped.
pub struct Cluster {
    /// The server that writes.
    pub leader: Server,
    /// The others.
    pub standbys: Vec<Server>,
}

impl Cluster {
    /// Starts the servers with empty plugin folders, for that plugin binary.
    pub async fn start(binary: &ServerBinary, plugin: impl AsRef<Path>) -> Self {
        Self::start_on(binary, plugin.as_ref(), |node_id| Storage::Raft { node_id }).await
    }

    /// The same for servers that are meant to fail.
    pub async fn start_fragile(binary: &ServerBinary, plugin: impl AsRef<Path>) -> Self {
        let mut cluster =
            Self::start_on(binary, plugin.as_ref(), |node_id| Storage::FragileRaft { node_id }).await;
        cluster.wait_for_voters().await;
        cluster
    }

    /// Waits until each server counts when a leader is elected: until then no other one can become it.
    async fn wait_for_voters(&mut self) {
        let soon = json!({"server_stabilization_time": "100ms"});
        self.leader.root("POST", "sys/storage/raft/autopilot/configuration", &soon).await;
        let nodes = 1 + self.standbys.len();
        let all_vote = |_: StatusCode, answer: &Value| {
            let servers = answer["data"]["config"]["servers"].as_array();
            let voters = servers.into_iter().flatten().filter(|server| server["voter"] == json!(true));
            voters.count() == nodes
        };
        let seen = self.leader.wait_until("GET", "sys/storage/raft/configuration", "", all_vote).await;
        seen.unwrap_or_else(|log| panic!("not all servers vote:\n{log}"));
    }

    async fn start_on(binary: &ServerBinary, plugin: &Path, storage: StorageOfNode) -> Self {
        for _ in 1..START_ATTEMPTS {
            if let Ok(cluster) = Self::try_start(binary, plugin, storage).await {
                return cluster;
            }
        }
        Self::try_start(binary, plugin, storage)
            .await
            .unwrap_or_else(|log| panic!("the cluster does not start:\n{log}"))
    }

    async fn try_start(binary: &ServerBinary, plugin: &Path, storage: StorageOfNode) -> Result<Self, String> {
        let mut leader = Server::launch(binary, plugin, &[], storage("leader")).await?;
        leader.initialise().await?;
        let mut standbys = Vec::new();
        for node_id in ["standby-1", "standby-2"] {
            let mut standby = Server::launch(binary, plugin, &[], storage(node_id)).await?;
            standby.join(&leader).await?;
            standbys.push(standby);
        }
        Ok(Self { leader, standbys })
    }

    /// Registers the plugin under test, unversioned, and mounts it; returns once it answers at every node.
    pub async fn enable(&mut self, path: &str, plugin: &str) -> Mounted {
        for standby in &self.standbys {
            standby.place_plugin(plugin, b"");
        }
        self.leader.register(plugin, plugin, b"").await;
        let mount = self.leader.enable(path, plugin).await;
        self.wait_for(&format!("auth/{path}/status/aws")).await;
        mount
    }

    /// Waits until what was written can be read at every standby.
    pub async fn wait_for(&mut self, path: &str) {
        for standby in &mut self.standbys {
            let seen = standby.wait_until("GET", path, "", |status, _| status == StatusCode::OK).await;
            seen.unwrap_or_else(|log| panic!("{path} cannot be read at a standby:\n{log}"));
        }
    }

    /// Every node under a name for it, the leader first.
    pub fn nodes(&self) -> impl Iterator<Item = (&'static str, &Server)> {
        let standbys = self.standbys.iter().map(|standby| ("standby", standby));
        std::iter::once(("leader", &self.leader)).chain(standbys)
    }
}
