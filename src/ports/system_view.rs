//! What the host tells about itself and the mount.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::Secret;
use crate::refusal::{Code, Coded};

/// Why a system-view call gave no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SystemViewError {
    /// This host does not have the call.
    #[error("not supported by this server")]
    Unimplemented,
    /// The host answered with an error.
    #[error("{0}")]
    Failed(String),
}

impl Coded for SystemViewError {
    fn code(&self) -> Code {
        Code::SystemViewFailed
    }
}

/// The replication bit set of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicationState(pub u32);

impl ReplicationState {
    /// Whether the cluster is a performance secondary.
    #[must_use]
    pub fn performance_secondary(self) -> bool {
        self.0 & 64 != 0
    }

    /// Whether the cluster is a disaster-recovery secondary.
    #[must_use]
    pub fn dr_secondary(self) -> bool {
        self.0 & 512 != 0
    }

    /// Whether the node is a performance standby.
    #[must_use]
    pub fn performance_standby(self) -> bool {
        self.0 & 16384 != 0
    }
}

/// A token by which the host vouches for the plugin (workload identity).
#[derive(Clone)]
pub struct IdentityToken {
    /// The signed JWT.
    pub token: Secret,
    /// How long it is valid.
    pub ttl: Duration,
}

/// A request to the host's rotation manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationJob {
    /// Mount path.
    pub mount_point: String,
    /// Path the job calls.
    pub path: String,
    /// Five-field cron expression, or empty.
    pub schedule: String,
    /// Window after the scheduled time, in seconds.
    pub window_seconds: i64,
    /// Period instead of a schedule, in seconds.
    pub period_seconds: i64,
}

/// Calls to the host about itself and the mount.
#[async_trait]
pub trait SystemView: Send + Sync {
    /// Maximum lease time of the mount.
    ///
    /// # Errors
    /// See [`SystemViewError`].
    async fn max_lease_ttl(&self) -> Result<Duration, SystemViewError>;

    /// Replication state of the node.
    ///
    /// # Errors
    /// See [`SystemViewError`].
    async fn replication_state(&self) -> Result<ReplicationState, SystemViewError>;

    /// Whether the mount is local to the cluster.
    ///
    /// # Errors
    /// See [`SystemViewError`].
    async fn local_mount(&self) -> Result<bool, SystemViewError>;

    /// Version of the host, without `v`.
    ///
    /// # Errors
    /// See [`SystemViewError`].
    async fn host_version(&self) -> Result<String, SystemViewError>;

    /// A workload-identity token for an audience; a zero time to live leaves it to the host.
    ///
    /// # Errors
    /// See [`SystemViewError`].
    async fn generate_identity_token(
        &self,
        audience: &str,
        ttl: Duration,
    ) -> Result<IdentityToken, SystemViewError>;

    /// Registers a rotation job; returns its id.
    ///
    /// # Errors
    /// See [`SystemViewError`].
    async fn register_rotation_job(&self, job: RotationJob) -> Result<String, SystemViewError>;

    /// Removes the rotation job of a path.
    ///
    /// # Errors
    /// See [`SystemViewError`].
    async fn deregister_rotation_job(&self, mount_point: &str, path: &str) -> Result<(), SystemViewError>;
}
