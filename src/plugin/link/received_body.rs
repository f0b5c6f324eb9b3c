//! The body of a message of the host, as HTTP/2 receives it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use hyper::body::{Body, Frame};
use thiserror::Error;

/// A request or an answer of the host. Whatever is read of it makes room for more.
pub(crate) struct ReceivedBody {
    stream: RecvStream,
    has_ended: bool,
}

/// The connection broke within a body, or the host gave the message up.
#[derive(Debug, Error)]
#[error("error reading a body from connection")]
pub(crate) struct BrokenBody(#[source] h2::Error);

impl ReceivedBody {
    /// The body that this stream brings.
    pub(crate) fn new(stream: RecvStream) -> Self {
        Self { stream, has_ended: false }
    }
}

impl Body for ReceivedBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let this = self.get_mut();
        if !this.has_ended {
            match ready!(this.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    // Fails only for more than has been received.
                    let _ = this.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                // An end without trailers, for which gRPC has words.
                Some(Err(error)) if matches!(error.reason(), Some(Reason::NO_ERROR | Reason::CANCEL)) => {
                    return Poll::Ready(None);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(BrokenBody(error)))),
                None => this.has_ended = true,
            }
        }
        let trailers = ready!(this.stream.poll_trailers(context)).map_err(BrokenBody);
        Poll::Ready(trailers.transpose().map(|trailers| trailers.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}
