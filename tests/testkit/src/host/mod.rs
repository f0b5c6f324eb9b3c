//! A plugin host: launches a plugin binary the way OpenBao or Vault do, and drives every RPC of the
//! protocol, with the strictness of the real servers.
//!
//! ```no_run
//! use serde_json::json;
//!
//! # async fn example(binary: &str) {
//! let host = Host::launch(Launch::open_bao(binary)).await;
//! let mount = host.mount("aws", MountOptions::default()).await;
//!
//! mount.write("config/client", &json!({"sts_endpoint": "http://127.0.0.1:8080"})).await.expect(204);
//! let role = json!({"auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::123456789012:user/dev"});
//! mount.write("role/dev", &role).await.expect(204);
//! assert_eq!(mount.read("role/dev").await.expect(200).data["auth_type"], "iam");
//!
//! let answer = mount.with_address("10.0.0.1").login(&json!({"role": "dev"})).await;
//! assert_eq!((answer.status, answer.error()), (400, "didn't supply required authentication values"));
//!
//! mount.storage().set_read_only(true);
//! assert_eq!(mount.delete("role/dev").await.error(), READ_ONLY);
//! assert_eq!(mount.storage().counts().deletes, 1);
//!
//! host.shutdown().await;
//! # }
//! ```
//!
//! * [`Launch`] says how the process is started, [`Started`] is a process nobody has connected to,
//!   [`Plugin`] a connected one, [`Host`] a plugin with mounts.
//! * [`Mount`] has the calls an API client can cause (`write`, `read`, `list`, `delete`, `login`), the
//!   host's own (`renew`, `rollback`, `resolve_role`, `invalidate`, `cleanup`), the steps of mounting
//!   one by one, and [`Mount::request`] for everything else.
//! * [`Answer`] is what the API client sees: status, data, errors; with the plugin's reply in `raw`.
//! * [`MemoryStorage`] and [`HostView`] are the host's side of a mount, open to the test.
//!
//! All handles are cheap to clone and can be used from many tasks at once. Dropping the last one kills
//! the process and removes its temporary folder.

mod alias_limits;
mod answer;
mod broker;
mod client;
mod flavor;
mod folders;
mod guarded;
mod handshake;
mod ids;
mod launch;
mod links;
mod log;
mod mount;
mod mount_options;
mod multiplexer;
mod process;
mod request;
mod running;
mod server_stream;
mod special_paths;
mod storage;
mod system_view;
mod tls;
mod transport;

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

pub use answer::{Answer, RawBody, rpc_error};
pub use flavor::Flavor;
pub use folders::Folders;
pub use handshake::{Address, Handshake};
pub use ids::{random_multiplex_id, random_uuid};
pub use launch::{COOKIE_NAME, COOKIE_VALUE, Launch, Plugin, SHUTDOWN_LIMIT, ShutDown, StartError, Started};
pub use log::{LogEntry, LogLine};
pub use mount::{AUTH_METHOD, MULTIPLEX_ID, Mount};
pub use mount_options::{ConnInfoTiming, MountError, MountOptions};
pub use process::{Finished, Output, Process};
pub use request::RequestBuilder;
pub use storage::{
    Call, Counts, Gate, MISSING as MISSING_STORAGE, MemoryStorage, READ_ONLY, RELATIVE, SETUP_WRITE,
};
pub use system_view::{
    DR_SECONDARY, HostValues, HostView, IdentityTokenCall, MISSING as MISSING_SYSTEM_VIEW,
    PERFORMANCE_SECONDARY, PERFORMANCE_STANDBY, REPLICATION_DISABLED,
};
pub use tls::Identity;
pub use transport::Route;

use mount::MountInner;
use running::Running;

/// A host with one plugin and its mounts.
#[derive(Clone)]
pub struct Host {
    inner: Arc<HostInner>,
}

struct HostInner {
    running: Arc<Running>,
    mounts: Mutex<Vec<Weak<MountInner>>>,
}

/// What `plugin register` learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The answer to `Type`.
    pub mount_type: u32,
    /// The answer to `Version`.
    pub version: String,
}

impl Host {
    /// Starts a plugin.
    ///
    /// # Panics
    /// If it cannot be used.
    pub async fn launch(launch: Launch) -> Self {
        Self::try_launch(launch).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts a plugin.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn try_launch(launch: Launch) -> Result<Self, StartError> {
        let running = Arc::new(Running::start(launch).await?);
        Ok(Self { inner: Arc::new(HostInner { running, mounts: Mutex::default() }) })
    }

    /// Mounts the plugin at `auth/<name>/`, as `auth enable` does, and waits until the work that it
    /// begins then is done.
    ///
    /// # Panics
    /// If the plugin refuses.
    pub async fn mount(&self, name: &str, options: MountOptions) -> Mount {
        let mount = self.try_mount(name, options).await.unwrap_or_else(|error| {
            panic!("auth/{name} was refused: {error}; stderr: {:#?}", self.plugin().process.stderr().lines)
        });
        mount.initialized().await;
        mount
    }

    /// Mounts the plugin at `auth/<name>/`, as `auth enable` does.
    ///
    /// # Errors
    /// See [`MountError`].
    pub async fn try_mount(&self, name: &str, options: MountOptions) -> Result<Mount, MountError> {
        let mount = self.open(name, options).await?;
        mount.enable().await?;
        Ok(mount)
    }

    /// Prepares a mount and leaves the calls (`setup` and so on) to the test.
    ///
    /// # Errors
    /// If the plugin does not answer at all.
    pub async fn open(&self, name: &str, options: MountOptions) -> Result<Mount, MountError> {
        let mount = Mount::open(&self.inner.running, name, options).await?;
        self.inner.mounts.lock().unwrap().push(Arc::downgrade(mount.inner()));
        Ok(mount)
    }

    /// The calls of `plugin register`: Setup without config, storage or system view, then Type and
    /// Version, and no Cleanup.
    ///
    /// # Errors
    /// See [`MountError`].
    pub async fn register(&self) -> Result<Registration, MountError> {
        let probe = self.open("", MountOptions { registration: true, ..MountOptions::default() }).await?;
        probe.setup().await?;
        let mount_type = probe.mount_type().await.map_err(|status| MountError::Call("Type", status))?;
        let version = probe.version().await.map_err(|status| MountError::Call("Version", status))?;
        Ok(Registration { mount_type, version })
    }

    /// What `plugin reload` does: every mount is set up again in a new process.
    ///
    /// # Errors
    /// See [`MountError`].
    pub async fn reload(&self) -> Result<(), MountError> {
        let mounts: Vec<_> = self.inner.mounts.lock().unwrap().iter().filter_map(Weak::upgrade).collect();
        for mount in mounts {
            Mount::from_inner(mount).reload().await?;
        }
        Ok(())
    }

    /// The running plugin.
    #[must_use]
    pub fn plugin(&self) -> Arc<Plugin> {
        self.inner.running.plugin()
    }

    /// Process id of the plugin.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.plugin().process.pid()
    }

    /// Resident memory of the plugin in KiB.
    #[must_use]
    pub fn rss_kib(&self) -> Option<u64> {
        self.plugin().process.rss_kib()
    }

    /// Every line the plugin has written to standard error.
    #[must_use]
    pub fn logs(&self) -> Vec<LogLine> {
        self.plugin().process.stderr().lines.iter().map(|line| LogLine::parse(line)).collect()
    }

    /// Waits for a log entry; `None` after `limit`.
    pub async fn wait_for_log(
        &self,
        limit: Duration,
        mut wanted: impl FnMut(&LogEntry) -> bool,
    ) -> Option<LogEntry> {
        let mut find = |lines: &[String]| {
            lines.iter().filter_map(|line| LogLine::parse(line).entry.ok()).find(|entry| wanted(entry))
        };
        let mut found = None;
        let plugin = self.plugin();
        plugin
            .process
            .stderr_when(limit, |output| {
                found = find(&output.lines);
                found.is_some()
            })
            .await?;
        found
    }

    /// Ends the plugin as a host does: Shutdown, close, wait two seconds, SIGKILL.
    pub async fn shutdown(&self) -> ShutDown {
        self.plugin().shutdown().await
    }

    /// Ends every connection to the plugin at once, as the death of the host does.
    pub fn die(&self) {
        self.plugin().links.cut();
    }
}
