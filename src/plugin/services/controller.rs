//! The host's request to end the process.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tonic::{Request, Response, Status};

use crate::plugin::process::lifecycle::{Exit, Lifecycle};
use crate::plugin::wire::protocol::plugin::Empty;
use crate::plugin::wire::protocol::plugin::grpc_controller_server::GrpcController;

/// Time for the answer to leave the process. Ending the server in order would never end: the broker
/// and stdio streams stay open, and the host waits two seconds only.
const ANSWER_GRACE: Duration = Duration::from_millis(20);

/// The gRPC service.
pub(crate) struct ControllerService(pub(crate) Arc<Lifecycle>);

#[tonic::async_trait]
impl GrpcController for ControllerService {
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        let lifecycle = self.0.clone();
        tokio::spawn(async move {
            sleep(ANSWER_GRACE).await;
            lifecycle.end(Exit::Shutdown);
        });
        Ok(Response::new(Empty {}))
    }
}
