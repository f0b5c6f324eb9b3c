//! The gRPC services of the plugin, on the HTTP/2 connections of the host.

pub(crate) mod backend;
mod calls;
pub(crate) mod capabilities;
pub(crate) mod controller;
pub(crate) mod instances;
pub(crate) mod paced_body;
pub(crate) mod stdio;

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::future::FutureExt;
use http::{Request, Response};
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service as _};
use tonic::server::NamedService;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::plugin::link::broker::BrokerService;
use crate::plugin::link::peer_stream::PeerStream;
use crate::plugin::link::received_body::ReceivedBody;
use crate::plugin::services::backend::BackendService;
use crate::plugin::services::capabilities::{MultiplexingService, VersionService};
use crate::plugin::services::controller::ControllerService;
use crate::plugin::services::paced_body::PacedBody;
use crate::plugin::services::stdio::StdioService;
use crate::plugin::wire::protocol::logical::plugin_version_server::PluginVersionServer;
use crate::plugin::wire::protocol::pb::backend_server::BackendServer;
use crate::plugin::wire::protocol::plugin::grpc_broker_server::GrpcBrokerServer;
use crate::plugin::wire::protocol::plugin::grpc_controller_server::GrpcControllerServer;
use crate::plugin::wire::protocol::plugin::grpc_stdio_server::GrpcStdioServer;
use crate::plugin::wire::protocol::pluginutil::multiplexing::plugin_multiplexing_server::PluginMultiplexingServer;

/// All services. A request's path begins with the name of its service.
pub(crate) struct Services<H> {
    pub(crate) health: HealthServer<H>,
    pub(crate) broker: GrpcBrokerServer<BrokerService>,
    pub(crate) controller: GrpcControllerServer<ControllerService>,
    pub(crate) stdio: GrpcStdioServer<StdioService>,
    pub(crate) version: PluginVersionServer<VersionService>,
    pub(crate) multiplexing: PluginMultiplexingServer<MultiplexingService>,
    pub(crate) backend: BackendServer<BackendService>,
    /// Leave to read long messages of the backend service.
    pub(crate) reading: Arc<Semaphore>,
}

/// Derived, it would ask for services that can be cloned; their servers share them.
impl<H> Clone for Services<H> {
    fn clone(&self) -> Self {
        Self {
            health: self.health.clone(),
            broker: self.broker.clone(),
            controller: self.controller.clone(),
            stdio: self.stdio.clone(),
            version: self.version.clone(),
            multiplexing: self.multiplexing.clone(),
            backend: self.backend.clone(),
            reading: Arc::clone(&self.reading),
        }
    }
}

impl<H: Health> Services<H> {
    /// Serves each connection that comes in a task of its own, until no more can come.
    pub(crate) async fn serve(self, mut connections: mpsc::Receiver<PeerStream>) {
        while let Some(stream) = connections.recv().await {
            let services = self.clone();
            let connection = calls::serve(stream, move |request| services.call(request));
            tokio::spawn(connection.map(|ended| {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection has ended");
                }
            }));
        }
    }

    /// Hands a call to the service that its path names.
    fn call(&self, request: Request<ReceivedBody>) -> BoxFuture<Response<Body>, Infallible> {
        fn name<S: NamedService>(_: &S) -> &'static str {
            S::NAME
        }
        let service = request.uri().path().split('/').nth(1).unwrap_or_default();
        // The most frequent first.
        if service == name(&self.backend) {
            self.backend.clone().call(request.map(|body| PacedBody::new(body, &self.reading)))
        } else if service == name(&self.health) {
            self.health.clone().call(request)
        } else if service == name(&self.broker) {
            self.broker.clone().call(request)
        } else if service == name(&self.controller) {
            self.controller.clone().call(request)
        } else if service == name(&self.stdio) {
            self.stdio.clone().call(request)
        } else if service == name(&self.version) {
            self.version.clone().call(request)
        } else if service == name(&self.multiplexing) {
            self.multiplexing.clone().call(request)
        } else {
            let answer = Status::unimplemented("no such service").into_http();
            Box::pin(std::future::ready(Ok(answer)))
        }
    }
}
