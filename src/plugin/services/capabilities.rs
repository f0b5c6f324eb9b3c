//! What the host asks before it mounts anything: the plugin's version, and whether one process
//! serves many mounts.

use tonic::{Request, Response, Status};

use crate::plugin::wire::protocol::logical::plugin_version_server::PluginVersion;
use crate::plugin::wire::protocol::logical::{Empty, VersionReply};
use crate::plugin::wire::protocol::pluginutil::multiplexing::plugin_multiplexing_server::PluginMultiplexing;
use crate::plugin::wire::protocol::pluginutil::multiplexing::{
    MultiplexingSupportRequest, MultiplexingSupportResponse,
};

/// The gRPC service. The version is empty: a catalog entry without a version then stays the one a
/// mount of the built-in method is pinned to.
pub(crate) struct VersionService;

#[tonic::async_trait]
impl PluginVersion for VersionService {
    async fn version(&self, _request: Request<Empty>) -> Result<Response<VersionReply>, Status> {
        Ok(Response::new(VersionReply::default()))
    }
}

/// The gRPC service.
pub(crate) struct MultiplexingService;

#[tonic::async_trait]
impl PluginMultiplexing for MultiplexingService {
    async fn multiplexing_support(
        &self,
        _request: Request<MultiplexingSupportRequest>,
    ) -> Result<Response<MultiplexingSupportResponse>, Status> {
        Ok(Response::new(MultiplexingSupportResponse { supported: true }))
    }
}
