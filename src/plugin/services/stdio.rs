//! The stream for what a plugin prints. This one prints nothing: its log goes to the real standard
//! error, so the stream stays open and silent until the host goes.

use futures_util::stream::{Pending, pending};
use tonic::{Request, Response, Status};

use crate::plugin::wire::protocol::plugin::StdioData;
use crate::plugin::wire::protocol::plugin::grpc_stdio_server::GrpcStdio;

/// The gRPC service.
pub(crate) struct StdioService;

#[tonic::async_trait]
impl GrpcStdio for StdioService {
    type StreamStdioStream = Pending<Result<StdioData, Status>>;

    async fn stream_stdio(&self, _request: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(pending()))
    }
}
