//! The client side of the multiplexed transport of containerised plugins: one connection, many
//! yamux streams.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, Mode};

use super::links::Socket;

/// A yamux stream with tokio's traits.
pub(super) type MultiplexedStream = Compat<yamux::Stream>;

/// Handle to a yamux session. Dropping it ends the session.
pub struct Multiplexer {
    wanted: mpsc::UnboundedSender<oneshot::Sender<MultiplexedStream>>,
    driver: JoinHandle<()>,
}

impl Multiplexer {
    /// Starts a session as its client. Streams the plugin opens arrive in the receiver.
    #[must_use]
    pub fn start(socket: Socket) -> (Self, mpsc::UnboundedReceiver<MultiplexedStream>) {
        let (wanted, requests) = mpsc::unbounded_channel();
        let (inbound, streams) = mpsc::unbounded_channel();
        let connection = Connection::new(socket.compat(), Config::default(), Mode::Client);
        (Self { wanted, driver: tokio::spawn(drive(connection, requests, inbound)) }, streams)
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// If the session has ended.
    pub async fn open(&self) -> io::Result<MultiplexedStream> {
        let (sender, receiver) = oneshot::channel();
        let ended = |_| io::Error::other("the multiplexed session has ended");
        self.wanted.send(sender).map_err(|_| ended(()))?;
        receiver.await.map_err(|_| ended(()))
    }
}

impl Drop for Multiplexer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Polls both directions in one place: a yamux connection has no task of its own.
async fn drive(
    mut connection: Connection<Compat<Socket>>,
    mut requests: mpsc::UnboundedReceiver<oneshot::Sender<MultiplexedStream>>,
    inbound: mpsc::UnboundedSender<MultiplexedStream>,
) {
    let mut waiting = VecDeque::new();
    poll_fn(|context| {
        loop {
            while let Poll::Ready(Some(request)) = requests.poll_recv(context) {
                waiting.push_back(request);
            }
            let mut progress = false;
            if !waiting.is_empty() {
                match connection.poll_new_outbound(context) {
                    Poll::Ready(Ok(stream)) => {
                        if let Some(request) = waiting.pop_front() {
                            // Whoever asked may have given up.
                            let _ = request.send(stream.compat());
                        }
                        progress = true;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(stream))) => {
                    let _ = inbound.send(stream.compat());
                    progress = true;
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if !progress {
                return Poll::Pending;
            }
        }
    })
    .await;
}
