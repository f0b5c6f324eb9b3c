//! The host's view of itself and the mount, behind its `SystemView` service.

use std::time::Duration;

use tonic::{Code, Status};
use vault_plugin_auth_aws::ports::{
    IdentityToken, ReplicationState, RotationJob, SystemView, SystemViewError,
};

use crate::plugin::host::connection::{HostConnection, UNLIMITED, status_text};
use crate::plugin::link::channel::Channel;
use crate::plugin::wire::protocol::pb::system_view_client::SystemViewClient;
use crate::plugin::wire::protocol::pb::{
    DeregisterRotationJobRequest, DeregisterRotationRequestInput, Empty, GenerateIdentityTokenRequest,
    RegisterRotationJobRequest, RotationJobInput,
};

/// System view of one mount.
pub(crate) struct HostSystemView {
    connection: HostConnection,
    client: SystemViewClient<Channel>,
    launch_version: Option<String>,
}

impl HostSystemView {
    /// Behind this connection. The version is the one the process was launched with, for hosts that
    /// do not answer when asked.
    pub(crate) fn new(connection: HostConnection, launch_version: Option<String>) -> Self {
        let client = SystemViewClient::new(connection.channel())
            .max_decoding_message_size(UNLIMITED)
            .max_encoding_message_size(UNLIMITED);
        Self { connection, client, launch_version }
    }

    async fn asked_version(&self) -> Result<String, SystemViewError> {
        let mut client = self.client.clone();
        let reply = self.connection.call(client.plugin_env(Empty {})).await.map_err(failed)?;
        refused(reply.err)?;
        match reply.plugin_environment {
            Some(environment) if !environment.vault_version.is_empty() => Ok(environment.vault_version),
            _ => Err(SystemViewError::Failed("the server did not tell its version".to_owned())),
        }
    }
}

#[tonic::async_trait]
impl SystemView for HostSystemView {
    async fn max_lease_ttl(&self) -> Result<Duration, SystemViewError> {
        let mut client = self.client.clone();
        let reply = self.connection.call(client.max_lease_ttl(Empty {})).await.map_err(failed)?;
        Ok(nanoseconds(reply.ttl))
    }

    async fn replication_state(&self) -> Result<ReplicationState, SystemViewError> {
        let mut client = self.client.clone();
        let reply = self.connection.call(client.replication_state(Empty {})).await.map_err(failed)?;
        Ok(ReplicationState(reply.state.cast_unsigned()))
    }

    async fn local_mount(&self) -> Result<bool, SystemViewError> {
        let mut client = self.client.clone();
        let reply = self.connection.call(client.local_mount(Empty {})).await.map_err(failed)?;
        Ok(reply.local)
    }

    async fn host_version(&self) -> Result<String, SystemViewError> {
        match (self.asked_version().await, &self.launch_version) {
            (Ok(version), _) => Ok(version),
            (Err(_), Some(version)) => Ok(version.clone()),
            (Err(error), None) => Err(error),
        }
    }

    async fn generate_identity_token(
        &self,
        audience: &str,
        ttl: Duration,
    ) -> Result<IdentityToken, SystemViewError> {
        let arguments = GenerateIdentityTokenRequest {
            audience: audience.to_owned(),
            ttl: i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX),
        };
        let mut client = self.client.clone();
        let reply = self.connection.call(client.generate_identity_token(arguments)).await.map_err(failed)?;
        let ttl = Duration::from_secs(u64::try_from(reply.ttl).unwrap_or(0));
        Ok(IdentityToken { token: reply.token.into(), ttl })
    }

    async fn register_rotation_job(&self, job: RotationJob) -> Result<String, SystemViewError> {
        let job = RotationJobInput {
            name: String::new(),
            mount_point: job.mount_point,
            path: job.path,
            rotation_schedule: job.schedule,
            rotation_window: job.window_seconds,
            rotation_period: job.period_seconds,
        };
        let arguments = RegisterRotationJobRequest { job: Some(job) };
        let mut client = self.client.clone();
        let reply = self.connection.call(client.register_rotation_job(arguments)).await.map_err(failed)?;
        refused(reply.err)?;
        Ok(reply.rotation_id)
    }

    async fn deregister_rotation_job(&self, mount_point: &str, path: &str) -> Result<(), SystemViewError> {
        let input =
            DeregisterRotationRequestInput { mount_point: mount_point.to_owned(), req_path: path.to_owned() };
        let arguments = DeregisterRotationJobRequest { req: Some(input) };
        let mut client = self.client.clone();
        self.connection.call(client.deregister_rotation_job(arguments)).await.map_err(failed)?;
        Ok(())
    }
}

/// Negative times do not occur and count as none.
fn nanoseconds(ttl: i64) -> Duration {
    Duration::from_nanos(u64::try_from(ttl).unwrap_or(0))
}

fn refused(text: String) -> Result<(), SystemViewError> {
    if text.is_empty() { Ok(()) } else { Err(SystemViewError::Failed(text)) }
}

fn failed(status: Status) -> SystemViewError {
    match status.code() {
        Code::Unimplemented => SystemViewError::Unimplemented,
        _ => SystemViewError::Failed(status_text(&status)),
    }
}
