//! A real OpenBao or Vault with plugins in its catalog.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use aws_lc_rs::digest;
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Http;
use super::installation::{Flavor, ServerBinary};
use super::process::{
    POLL_INTERVAL, START_DEADLINE, ServerProcess, free_port, isolated_command, kill_hard,
    processes_running_from, short_folder,
};
use super::volume::Volume;

/// Somebody else can take a free port before the server does; so often it is tried again.
const START_ATTEMPTS: usize = 3;

/// Seconds without a leader until another one is elected: few, because the first election takes them too, but
/// enough that the leader does not change on a busy machine.
const RAFT_PATIENCE: u32 = 3;

/// The same where leaders are meant to fail: no fewer, or the leader changes by itself under load.
const FRAGILE_RAFT_PATIENCE: u32 = 2;

/// Where a server keeps its entries.
pub(super) enum Storage<'a> {
    /// In memory.
    Memory,
    /// Shared with a cluster.
    Raft {
        /// The server's name in it.
        node_id: &'a str,
    },
    /// Shared with a cluster whose servers are meant to fail: another leader is elected as soon as may be, and
    /// the entries lie on a small volume if there may be one.
    FragileRaft {
        /// The server's name in it.
        node_id: &'a str,
    },
}

/// A running server, initialised and unsealed. Ends with its plugins when dropped.
pub struct Server {
    plugin: PathBuf,
    root_token: String,
    unseal_key: String,
    pub(super) http: Http,
    /// What starts it.
    command: Command,
    pub(super) process: ServerProcess,
    /// Where its entries are, or why they have no volume of their own. It outlasts the process.
    pub(super) volume: Result<Volume, String>,
    folder: TempDir,
}

/// What the server says about a mounted auth method.
#[derive(Clone, Debug)]
pub struct Mounted {
    /// Accessor.
    pub accessor: String,
    /// The mount's id, which names its storage.
    pub uuid: String,
}

impl Server {
    /// Starts a server with in-memory storage and an empty plugin folder, for that plugin binary.
    pub async fn start(binary: &ServerBinary, plugin: impl AsRef<Path>) -> Self {
        Self::start_with(binary, plugin, &[]).await
    }

    /// The same with these variables in its environment, which its plugins inherit.
    pub async fn start_with(
        binary: &ServerBinary,
        plugin: impl AsRef<Path>,
        environment: &[(&str, String)],
    ) -> Self {
        let plugin = plugin.as_ref();
        for _ in 1..START_ATTEMPTS {
            if let Ok(server) = Self::try_start(binary, plugin, environment).await {
                return server;
            }
        }
        Self::try_start(binary, plugin, environment)
            .await
            .unwrap_or_else(|log| panic!("the server does not start:\n{log}"))
    }

    /// Starts a server that keeps its entries on disk, so that it can be restarted.
    pub async fn start_durable(binary: &ServerBinary, plugin: impl AsRef<Path>) -> Self {
        let storage = Storage::Raft { node_id: "node" };
        let started = Self::launch(binary, plugin.as_ref(), &[], storage).await;
        let mut server = started.unwrap_or_else(|log| panic!("the server does not start:\n{log}"));
        server.initialise().await.unwrap_or_else(|log| panic!("the server does not work:\n{log}"));
        server
    }

    async fn try_start(
        binary: &ServerBinary,
        plugin: &Path,
        environment: &[(&str, String)],
    ) -> Result<Self, String> {
        let mut server = Self::launch(binary, plugin, environment, Storage::Memory).await?;
        server.initialise().await?;
        Ok(server)
    }

    /// Starts a server that is neither initialised nor part of a cluster.
    pub(super) async fn launch(
        binary: &ServerBinary,
        plugin: &Path,
        environment: &[(&str, String)],
        storage: Storage<'_>,
    ) -> Result<Self, String> {
        let folder = short_folder();
        let [port, cluster_port] = [free_port(), free_port()];
        let http = Http::new(port);
        for name in ["plugins", "tmp", "home", "raft"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let configuration = folder.path().join("server.json");
        let raft = |node_id: &str, patience: u32| {
            json!({"raft": {
                "path": folder.path().join("raft"),
                "node_id": node_id,
                "performance_multiplier": patience,
            }})
        };
        let fragile_raft = |node_id: &str| {
            let mut storage = raft(node_id, FRAGILE_RAFT_PATIENCE);
            // How often it is looked whether a server that has joined may elect leaders.
            storage["raft"]["autopilot_update_interval"] = json!("200ms");
            storage["raft"]["autopilot_reconcile_interval"] = json!("400ms");
            storage
        };
        let mut settings = json!({
            "storage": match storage {
                Storage::Memory => json!({"inmem": {}}),
                Storage::Raft { node_id } => raft(node_id, RAFT_PATIENCE),
                Storage::FragileRaft { node_id } => fragile_raft(node_id),
            },
            "listener": {"tcp": {
                "address": format!("127.0.0.1:{port}"),
                "cluster_address": format!("127.0.0.1:{cluster_port}"),
                "tls_disable": true,
            }},
            "api_addr": http.url(),
            "cluster_addr": format!("https://127.0.0.1:{cluster_port}"),
            "plugin_directory": folder.path().join("plugins"),
            "raw_storage_endpoint": true,
        });
        if binary.flavor == Flavor::Vault {
            settings["disable_mlock"] = json!(true);
        }
        fs::write(&configuration, settings.to_string()).unwrap();

        let volume = match storage {
            Storage::FragileRaft { .. } => Volume::mount(&folder.path().join("raft")),
            _ => Err("the server was started without one".to_owned()),
        };
        let mut command = match &volume {
            Ok(volume) => volume.command(&binary.path),
            Err(_) => isolated_command(&binary.path),
        };
        command
            .args(["server", "-log-level=debug", "-config"])
            .arg(&configuration)
            .env("HOME", folder.path().join("home"))
            .env("TMPDIR", folder.path().join("tmp"))
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let process = ServerProcess::start(&mut command, &log_of(&folder));
        let mut server = Self {
            plugin: plugin.to_owned(),
            root_token: String::new(),
            unseal_key: String::new(),
            http,
            command,
            process,
            volume,
            folder,
        };
        server.wait_for_health(StatusCode::NOT_IMPLEMENTED).await?;
        Ok(server)
    }

    /// Makes it a server of its own, or the first one of a cluster.
    pub(super) async fn initialise(&mut self) -> Result<(), String> {
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        let (_, keys) = self.call("PUT", "sys/init", &shares, "").await;
        self.root_token = keys["root_token"].as_str().unwrap().to_owned();
        self.unseal_key = keys["keys"][0].as_str().unwrap().to_owned();
        self.unseal().await
    }

    /// Makes it a standby of that server's cluster, whose storage is raft.
    pub(super) async fn join(&mut self, leader: &Self) -> Result<(), String> {
        self.root_token.clone_from(&leader.root_token);
        self.unseal_key.clone_from(&leader.unseal_key);
        self.call("PUT", "sys/storage/raft/join", &json!({"leader_api_addr": leader.url()}), "").await;
        self.unseal_in_cluster().await
    }

    async fn unseal_in_cluster(&mut self) -> Result<(), String> {
        // The key proves to the leader that the server belongs to it; until that is done it is sealed.
        let unseal = json!({"key": self.unseal_key}).to_string();
        self.wait_until("PUT", "sys/unseal", &unseal, |_, answer| answer["sealed"] == json!(false)).await?;
        let health = "sys/health?standbyok=true&perfstandbyok=true";
        self.wait_until("GET", health, "", |status, _| status == StatusCode::OK).await
    }

    /// Polls until the health endpoint answers with this status (501: not initialised, 200: active).
    /// The error is the server's log.
    async fn wait_for_health(&mut self, wanted: StatusCode) -> Result<(), String> {
        self.wait_until("GET", "sys/health", "", |status, _| status == wanted).await
    }

    /// Sends a request of root again and again until the answer is as wanted; it has no value if it is not
    /// JSON. The error is the server's log.
    pub(super) async fn wait_until(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        wanted: impl Fn(StatusCode, &Value) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + START_DEADLINE;
        let path = format!("/v1/{path}");
        loop {
            let token = self.root_token.as_str();
            let headers: &[_] = if token.is_empty() { &[] } else { &[("x-vault-token", token)] };
            let answer = self.http.send(method, &path, headers, body.to_owned()).await;
            if answer.is_ok_and(|(status, body)| {
                wanted(status, &serde_json::from_slice(&body).unwrap_or(Value::Null))
            }) {
                return Ok(());
            }
            if self.process.exit_status().is_some() || Instant::now() > deadline {
                return Err(self.process.log());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Opens a sealed server; returns once it works. The error is its log.
    pub async fn unseal(&mut self) -> Result<(), String> {
        self.call("PUT", "sys/unseal", &json!({"key": self.unseal_key}), "").await;
        self.wait_for_health(StatusCode::OK).await
    }

    /// Kills the server and its plugins, starts it on what it has stored, and opens it. The error is its log.
    pub async fn restart(&mut self) -> Result<(), String> {
        self.kill().await;
        self.start_sealed().await?;
        self.unseal().await
    }

    /// Kills the server and its plugins, and leaves them dead.
    pub async fn kill(&mut self) {
        self.end();
        while self.process.exit_status().is_none() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        for plugin in self.plugin_ids() {
            kill_hard(plugin);
        }
    }

    /// Starts a dead server of a cluster on what it has stored, and opens it, whatever it then becomes in the
    /// cluster. The error is its log.
    pub async fn revive(&mut self) -> Result<(), String> {
        self.kill().await;
        self.start_sealed().await?;
        self.unseal_in_cluster().await
    }

    /// Sends the kill, unless the process has ended and its id may be another one's.
    fn end(&mut self) {
        if self.process.exit_status().is_none() {
            kill_hard(self.process.id());
        }
    }

    async fn start_sealed(&mut self) -> Result<(), String> {
        self.process = ServerProcess::start(&mut self.command, &log_of(&self.folder));
        self.wait_for_health(StatusCode::SERVICE_UNAVAILABLE).await
    }

    /// Seals the server, which ends all plugins, and opens it again.
    pub async fn seal_and_unseal(&mut self) {
        self.root("PUT", "sys/seal", &Value::Null).await;
        self.wait_for_health(StatusCode::SERVICE_UNAVAILABLE).await.unwrap();
        self.unseal().await.unwrap();
    }

    /// Token that may do everything.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.http.url()
    }

    /// What the server and its plugins have logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// One request to `/v1/<path>`; no token if `token` is empty, no body if `body` is null. An
    /// empty answer is null.
    pub async fn call(&self, method: &str, path: &str, body: &Value, token: &str) -> (StatusCode, Value) {
        let mut headers = vec![("content-type", "application/json"), ("x-vault-request", "true")];
        if !token.is_empty() {
            headers.push(("x-vault-token", token));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.http.send(method, &format!("/v1/{path}"), &headers, body).await;
        let (status, body) =
            answer.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()));
        let value = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{method} {path}: {error}: {body:?}"))
        };
        (status, value)
    }

    /// A request as root that must succeed.
    pub async fn root(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(method, path, body, &self.root_token).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}\n{}", self.log());
        answer
    }

    /// A login request, which takes no token.
    pub async fn login(&self, mount: &str, payload: &Value) -> (StatusCode, Value) {
        self.call("PUT", &format!("auth/{mount}/login"), payload, "").await
    }

    /// Writes a policy and gives a token that has only it.
    pub async fn token_with_policy(&self, name: &str, policy: &str) -> String {
        self.root("PUT", &format!("sys/policies/acl/{name}"), &json!({"policy": policy})).await;
        let request = json!({"policies": [name], "no_default_policy": true});
        client_token(&self.root("POST", "auth/token/create", &request).await)
    }

    /// Puts the plugin under test into the plugin folder and registers it by checksum, unversioned.
    /// With `trailing` bytes behind it, it is another file that does the same.
    pub async fn register(&self, name: &str, file_name: &str, trailing: &[u8]) {
        self.register_version(name, "", file_name, trailing).await;
    }

    /// As [`Server::register`], under a version.
    pub async fn register_version(&self, name: &str, version: &str, file_name: &str, trailing: &[u8]) {
        let checksum = self.place_plugin(file_name, trailing);
        let entry = json!({"sha256": checksum, "command": file_name, "version": version});
        self.root("PUT", &format!("sys/plugins/catalog/auth/{name}"), &entry).await;
    }

    /// Puts the plugin under test into the plugin folder; its checksum.
    pub(super) fn place_plugin(&self, file_name: &str, trailing: &[u8]) -> String {
        let mut program = fs::read(&self.plugin).unwrap();
        program.extend_from_slice(trailing);
        let file = self.plugin_folder().join(file_name);
        fs::write(&file, &program).unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        digest::digest(&digest::SHA256, &program).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Mounts a plugin of the catalog under `auth/<path>`.
    pub async fn enable(&self, path: &str, plugin: &str) -> Mounted {
        self.root("POST", &format!("sys/auth/{path}"), &json!({"type": plugin})).await;
        let mounts = self.root("GET", "sys/auth", &Value::Null).await;
        let mount = &mounts["data"][format!("{path}/")];
        Mounted {
            accessor: mount["accessor"].as_str().unwrap().to_owned(),
            uuid: mount["uuid"].as_str().unwrap().to_owned(),
        }
    }

    /// Unmounts.
    pub async fn disable(&self, path: &str) {
        self.root("DELETE", &format!("sys/auth/{path}"), &Value::Null).await;
    }

    /// Ends the plugin's process and starts it anew, for all its mounts.
    pub async fn reload(&self, plugin: &str) {
        self.root("PUT", "sys/plugins/reload/backend", &json!({"plugin": plugin})).await;
    }

    /// A storage entry of a mount, as stored; `None` if there is none.
    pub async fn stored(&self, mount: &Mounted, key: &str) -> Option<Value> {
        Some(serde_json::from_str(&self.stored_text(mount, key).await?).unwrap())
    }

    /// The text of a storage entry of a mount; `None` if there is none.
    pub async fn stored_text(&self, mount: &Mounted, key: &str) -> Option<String> {
        let (status, answer) = self.call("GET", &raw(mount, key), &Value::Null, &self.root_token).await;
        (status == StatusCode::OK).then(|| answer["data"]["value"].as_str().unwrap().to_owned())
    }

    /// Puts an entry into the storage of a mount, past its plugin, which has to be reloaded.
    pub async fn store(&self, mount: &Mounted, key: &str, text: &str) {
        self.root("PUT", &raw(mount, key), &json!({"value": text})).await;
    }

    /// Removes an entry from the storage of a mount, past its plugin.
    pub async fn remove_stored(&self, mount: &Mounted, key: &str) {
        self.root("DELETE", &raw(mount, key), &Value::Null).await;
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The ids of the plugin processes that run at the moment.
    pub fn plugin_ids(&self) -> Vec<u32> {
        processes_running_from(&self.plugin_folder())
    }

    /// Its `plugin_directory`.
    pub fn plugin_folder(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// A folder for what a test's clients write.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
}

fn log_of(folder: &TempDir) -> PathBuf {
    folder.path().join("server.log")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        // Not only the plugin under test ends with a killed host.
        for id in processes_running_from(&self.folder.path().join(Path::new("plugins"))) {
            kill_hard(id);
        }
    }
}

fn raw(mount: &Mounted, key: &str) -> String {
    format!("sys/raw/auth/{}/{key}", mount.uuid)
}

/// The token of an answer that has one.
pub fn client_token(answer: &Value) -> String {
    answer["auth"]["client_token"].as_str().unwrap_or_else(|| panic!("no token in {answer}")).to_owned()
}

/// The texts of an error answer, one per line.
pub fn errors(answer: &Value) -> String {
    let texts = answer["errors"].as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}
