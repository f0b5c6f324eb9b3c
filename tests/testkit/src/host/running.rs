//! The process of a host's plugin, and the one that takes over from it.

use std::sync::{Arc, Mutex};

use super::folders::Folders;
use super::launch::{Launch, Plugin, StartError};

pub(super) struct Running {
    pub(super) launch: Launch,
    folders: Arc<Folders>,
    plugin: Mutex<Arc<Plugin>>,
    /// One replacement of the process at a time.
    replacing: tokio::sync::Mutex<()>,
}

impl Running {
    /// Starts the plugin.
    pub(super) async fn start(launch: Launch) -> Result<Self, StartError> {
        let folders = Arc::new(Folders::new());
        let plugin = launch.spawn_in(Arc::clone(&folders)).connect().await?;
        Ok(Self {
            launch,
            folders,
            plugin: Mutex::new(Arc::new(plugin)),
            replacing: tokio::sync::Mutex::default(),
        })
    }

    /// The running plugin.
    pub(super) fn plugin(&self) -> Arc<Plugin> {
        Arc::clone(&self.plugin.lock().unwrap())
    }

    /// The process that takes over from `old`: a new one, unless somebody has started it already.
    pub(super) async fn replacement(&self, old: &Arc<Plugin>) -> Arc<Plugin> {
        let _one = self.replacing.lock().await;
        let current = self.plugin();
        if !Arc::ptr_eq(&current, old) {
            return current;
        }
        old.shutdown().await;
        let started = self.launch.spawn_in(Arc::clone(&self.folders));
        let plugin = Arc::new(started.connect().await.unwrap_or_else(|error| panic!("{error}")));
        *self.plugin.lock().unwrap() = Arc::clone(&plugin);
        plugin
    }
}
