//! The connection on which the host serves one mount.

use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use crate::plugin::link::channel::Channel;

/// What the host sends and what we send to it is not limited here: the host limits both.
pub(crate) const UNLIMITED: usize = usize::MAX;

/// A channel that ends with its mount: once it is closed, calls fail at once instead of holding up
/// the host, which waits for them before it lets the mount go.
#[derive(Clone)]
pub(crate) struct HostConnection {
    channel: Channel,
    closed: CancellationToken,
}

impl HostConnection {
    /// An open connection.
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel, closed: CancellationToken::new() }
    }

    /// The channel, for a client.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Ends the calls that run and refuses those to come.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Makes a call as long as the connection is open.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Status> {
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(Status::unavailable("the mount has been closed")),
            answer = call => answer.map(Response::into_inner),
        }
    }
}

/// The text of a failed call; the code stands in for a missing one.
pub(crate) fn status_text(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_owned(),
        message => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn closing_ends_calls_that_run_and_those_to_come() {
        let connection = HostConnection::new(Channel::new(pending));
        let (running, ()) = tokio::join!(connection.call(pending::<Result<Response<()>, Status>>()), async {
            connection.close()
        });
        assert_eq!(running.unwrap_err().message(), "the mount has been closed");
        let next = connection.call(async { Ok(Response::new(())) }).await;
        assert_eq!(next.unwrap_err().code(), tonic::Code::Unavailable);
    }
}
