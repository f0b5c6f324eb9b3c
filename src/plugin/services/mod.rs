//! The gRPC services of the plugin, on the HTTP/2 connections of the host.

pub(crate) mod backend;
pub(crate) mod capabilities;
pub(crate) mod controller;
pub(crate) mod instances;
pub(crate) mod paced_body;
pub(crate) mod stdio;

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::future::FutureExt;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service as _};
use tonic::server::NamedService;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::plugin::link::broker::BrokerService;
use crate::plugin::link::peer_stream::PeerStream;
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

/// Requests of all mounts that run at the same time. Logins wait for AWS, so it must be far more than
/// AWS answers in the time of one login, or one unreachable account would hold up all others.
const MAX_CONCURRENT_REQUESTS: u32 = 16 * 1024;
/// What the host may send of a message that is not read yet, in bytes. Most are shorter as a whole.
const UNREAD_OF_MESSAGE: u32 = 16 * 1024;
/// What the host may send of all of them: as much as all requests at the same time, so that those that are
/// not read yet never hold up those that are. With less, a host that has many to send cuts messages into small
/// pieces, and too many of those that are not read yet end the connection: as many as this has room for.
const UNREAD_IN_ALL: u32 = UNREAD_OF_MESSAGE * MAX_CONCURRENT_REQUESTS;
/// Requests the host cancelled before they were looked at. The default of a few is meant for
/// untrusted peers, and going over it ends the connection to the host.
const MAX_CANCELLED_REQUESTS: usize = 16 * 1024;

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
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_CONCURRENT_REQUESTS)
            .initial_stream_window_size(UNREAD_OF_MESSAGE)
            .initial_connection_window_size(UNREAD_IN_ALL)
            .max_pending_accept_reset_streams(MAX_CANCELLED_REQUESTS);
        while let Some(stream) = connections.recv().await {
            let connection = http2.serve_connection(TokioIo::new(stream), self.clone());
            tokio::spawn(connection.map(|ended| {
                if let Err(error) = ended {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::debug!(%error, cause, "a connection has ended");
                }
            }));
        }
    }
}

impl<H: Health> Service<Request<Incoming>> for Services<H> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
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
