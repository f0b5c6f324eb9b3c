//! The body of a call, read at a pace that bounds memory.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

use crate::plugin::link::received_body::ReceivedBody;

/// What of a body is read at once, in bytes. Logins of honest clients are shorter as a whole, so they wait
/// for no other.
pub(super) const READ_AT_ONCE: usize = 16 * 1024;
/// Longer bodies of which the rest is read at the same time. What is half read is held in memory, and as
/// long as strangers make it.
const MAX_READING: usize = 64;

/// Leave to read the rest of as many long bodies as may be read at the same time.
pub(crate) fn leave_to_read() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_READING))
}

/// A body whose beginning is read at once, and whose rest, if it is long, in its turn.
pub(super) struct PacedBody<B: Body = ReceivedBody> {
    body: B,
    read: usize,
    beginning: VecDeque<Frame<B::Data>>,
    has_ended: bool,
    leave: Option<OwnedSemaphorePermit>,
    reading: PollSemaphore,
}

impl<B: Body> PacedBody<B> {
    pub(super) fn new(body: B, reading: &Arc<Semaphore>) -> Self {
        Self {
            body,
            read: 0,
            beginning: VecDeque::new(),
            has_ended: false,
            leave: None,
            reading: PollSemaphore::new(Arc::clone(reading)),
        }
    }
}

impl<B: Body<Data: Unpin> + Unpin> Body for PacedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        // The beginning stays here: whoever reads it makes room for the whole message.
        while this.read < READ_AT_ONCE && this.leave.is_none() && !this.has_ended {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let length = frame.data_ref().map_or(0, bytes::Buf::remaining);
                    this.read = this.read.saturating_add(length);
                    this.beginning.push_back(frame);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => this.has_ended = true,
            }
        }
        if !this.has_ended && this.leave.is_none() {
            this.leave = ready!(this.reading.poll_acquire(context));
        }
        if let Some(frame) = this.beginning.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if this.has_ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.beginning.is_empty() && (self.has_ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt as _;
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use hyper::body::Bytes;

    use super::*;

    /// A body in pieces of 1 KiB.
    fn body(
        kib: usize,
        reading: &Arc<Semaphore>,
    ) -> PacedBody<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        let pieces = (0..kib).map(|_| Ok(Frame::data(Bytes::from_static(&[0; 1024]))));
        PacedBody::new(StreamBody::new(stream::iter(pieces)), reading)
    }

    #[tokio::test]
    async fn long_bodies_take_turns_and_short_ones_need_none() {
        let reading = Arc::new(Semaphore::new(1));
        let mut long = body(64, &reading);
        for _ in 0..32 {
            long.frame().await.unwrap().unwrap();
        }
        let mut waiting = Box::pin(body(64, &reading).collect());
        assert!((&mut waiting).now_or_never().is_none());
        let short = body(READ_AT_ONCE / 1024 - 1, &reading).collect().now_or_never();
        assert_eq!(short.unwrap().unwrap().to_bytes().len(), READ_AT_ONCE - 1024);
        drop(long);
        assert_eq!(waiting.now_or_never().unwrap().unwrap().to_bytes().len(), 64 * 1024);
    }
}
