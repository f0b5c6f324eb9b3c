//! How a mount is made, and why it may not be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::Status;

use super::answer::rpc_error;
use super::storage::MemoryStorage;
use super::system_view::HostView;
use super::tls::Identity;

/// When the plugin is told where storage and system view are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnInfoTiming {
    /// Before Setup is sent.
    Before,
    /// Together with Setup, as hosts do: either may arrive first.
    #[default]
    During,
    /// This long after Setup was sent.
    After(Duration),
    /// Not at all.
    Never,
}

/// How a mount is made. The default is a new, empty mount.
#[derive(Clone, Default)]
pub struct MountOptions {
    /// Mount options beside the ones every host sets.
    pub config: BTreeMap<String, String>,
    /// Version the mount is pinned to.
    pub plugin_version: String,
    /// When the plugin is told of its storage.
    pub conn_info: ConnInfoTiming,
    /// Setup as at `plugin register`: no config, no id, and every storage and system-view call fails.
    pub registration: bool,
    /// Storage of an existing mount; a new one by default.
    pub storage: Option<Arc<MemoryStorage>>,
    /// System view; the flavour's default by default.
    pub system_view: Option<Arc<HostView>>,
    /// Stable id of the mount; a new one by default.
    pub uuid: Option<String>,
    /// Who serves storage and system view; the host by default.
    pub server_identity: Option<Arc<Identity>>,
}

/// Why a mount could not be made.
#[derive(Clone, Debug)]
pub enum MountError {
    /// The answer to Setup.
    Setup(String),
    /// A call failed.
    Call(&'static str, Status),
    /// Not an auth method.
    Type(u32),
    /// The answer to Initialize.
    Initialize(String),
    /// A special path the host does not accept.
    SpecialPath(String),
}

impl fmt::Display for MountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(text) | Self::Initialize(text) => f.write_str(text),
            Self::Call(call, status) => write!(f, "{call}: {}", rpc_error(status)),
            Self::Type(number) => write!(f, "cannot mount a plugin of type {number} as an auth method"),
            Self::SpecialPath(path) => write!(f, "path {path:?} is invalid"),
        }
    }
}

impl std::error::Error for MountError {}
