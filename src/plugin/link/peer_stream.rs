//! A connection to the host: a socket or a stream of a multiplexed socket, with TLS or without.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::plugin::process::lifecycle::PeerPresence;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A byte stream to the host.
///
/// Slices cannot be written at once on purpose. HTTP/2 would then write each message as a slice of its own, before the
/// trailers that follow it and whatever else waits. Without, it copies messages of up to a kilobyte, which most answers
/// are, and several calls are answered by one TLS record and one write.
pub(crate) struct PeerStream {
    io: Box<dyn Duplex>,
    _presence: Option<PeerPresence>,
}

impl PeerStream {
    /// Wraps a stream.
    pub(crate) fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { io: Box::new(io), _presence: None }
    }

    /// Counts as the host's presence for as long as it lives.
    pub(crate) fn with_presence(self, presence: PeerPresence) -> Self {
        Self { _presence: Some(presence), ..self }
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn slices_are_left_to_be_copied_together() {
        let (socket, _) = UnixStream::pair().unwrap();
        assert!(socket.is_write_vectored());
        assert!(!PeerStream::new(socket).is_write_vectored());
    }
}
