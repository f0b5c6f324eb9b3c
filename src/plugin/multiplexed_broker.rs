//! Connections as yamux streams over one socket, which a host asks for when the plugin runs in a
//! container. Streams the host opens go to the gRPC server. For a stream towards the host the plugin
//! knocks on the broker stream, waits for the answer and opens it; TLS runs inside each stream.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

use super::admission::Admission;
use super::broker::{Broker, KnockError, NO_CONNECTION_INFO};
use super::lifecycle::{Exit, Lifecycle};
use super::peer_stream::PeerStream;
use super::tls::PeerTls;

/// Streams of the one connection: one for each mount, and the host's own. The library ends the
/// connection beyond it.
const MAX_STREAMS: usize = 4096;
/// How long the host may answer "no listener" before it is believed: the knock can overtake the
/// listener of a set-up that has just begun.
const REFUSALS_FOR: Duration = Duration::from_secs(5);
/// Pause before a refused knock is repeated.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Dials that wait for their turn.
const DIAL_QUEUE: usize = 64;
const CLOSED: &str = "the connection to the server is closed";

type Connection = yamux::Connection<Compat<UnixStream>>;

/// Opens streams towards the host.
#[derive(Clone)]
pub(super) struct MultiplexedDialer {
    dials: mpsc::Sender<Dial>,
}

struct Dial {
    broker_id: u32,
    answer: oneshot::Sender<Result<PeerStream, String>>,
}

impl MultiplexedDialer {
    /// Takes the host's one connection from the listener and begins to serve it.
    pub(super) fn start(
        listener: UnixListener,
        admission: Arc<Admission>,
        broker: Arc<Broker>,
        tls: Option<Arc<PeerTls>>,
        lifecycle: Arc<Lifecycle>,
    ) -> Self {
        let (opens, open_requests) = mpsc::channel(1);
        let (dials, dial_requests) = mpsc::channel(DIAL_QUEUE);
        tokio::spawn(async move {
            match listener.accept().await {
                Ok((socket, _)) => {
                    drop(listener);
                    drive(connection(socket), open_requests, &admission).await;
                    lifecycle.end(Exit::HostGone);
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept the server's connection");
                    lifecycle.end(Exit::ServerFailed);
                }
            }
        });
        tokio::spawn(dial_one_by_one(dial_requests, broker, tls, opens));
        Self { dials }
    }

    /// A stream to the services behind a broker id.
    pub(super) async fn dial(self, broker_id: u32) -> Result<PeerStream, String> {
        let (answer, stream) = oneshot::channel();
        self.dials.send(Dial { broker_id, answer }).await.map_err(|_| CLOSED)?;
        stream.await.map_err(|_| CLOSED)?
    }
}

fn connection(socket: UnixStream) -> Connection {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_STREAMS);
    Connection::new(socket.compat(), config, yamux::Mode::Server)
}

/// Moves the connection along until it ends. The library has no task of its own: streams only make
/// progress while this polls.
async fn drive(
    mut connection: Connection,
    mut open_requests: mpsc::Receiver<oneshot::Sender<yamux::Stream>>,
    admission: &Arc<Admission>,
) {
    let mut waiting: Option<oneshot::Sender<yamux::Stream>> = None;
    poll_fn(|context| {
        loop {
            if poll_outbound(&mut connection, &mut open_requests, &mut waiting, context).is_break() {
                return Poll::Ready(());
            }
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(stream))) => admission.try_admit(stream.compat()),
                Poll::Ready(Some(Err(error))) => {
                    tracing::warn!(%error, "the connection to the server broke");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// Opens the streams that are asked for; breaks when the connection has ended.
fn poll_outbound(
    connection: &mut Connection,
    open_requests: &mut mpsc::Receiver<oneshot::Sender<yamux::Stream>>,
    waiting: &mut Option<oneshot::Sender<yamux::Stream>>,
    context: &mut Context<'_>,
) -> std::ops::ControlFlow<()> {
    use std::ops::ControlFlow::{Break, Continue};
    loop {
        if waiting.is_none() {
            match open_requests.poll_recv(context) {
                Poll::Ready(Some(request)) => *waiting = Some(request),
                Poll::Ready(None) | Poll::Pending => return Continue(()),
            }
        }
        match connection.poll_new_outbound(context) {
            Poll::Ready(Ok(stream)) => {
                if let Some(request) = waiting.take() {
                    let _ = request.send(stream);
                }
            }
            Poll::Ready(Err(_)) => return Break(()),
            Poll::Pending => return Continue(()),
        }
    }
}

/// The host gives the next stream to whoever it has acknowledged last, so one dial must be through,
/// TLS included, before the next knock. For the same reason nothing can be dialled any more after a
/// knock without an answer: a late one would lead a later stream to another mount's storage.
async fn dial_one_by_one(
    mut dials: mpsc::Receiver<Dial>,
    broker: Arc<Broker>,
    tls: Option<Arc<PeerTls>>,
    opens: mpsc::Sender<oneshot::Sender<yamux::Stream>>,
) {
    while let Some(Dial { broker_id, answer }) = dials.recv().await {
        let Some(tls) = &tls else {
            let _ = answer.send(Err("multiplexed connections need TLS".to_owned()));
            continue;
        };
        match knock(&broker, broker_id).await {
            Ok(()) => {}
            Err(KnockError::Refused(text)) => {
                let _ = answer.send(Err(text));
                continue;
            }
            Err(KnockError::Unanswered) => {
                tracing::error!(broker_id, "the server did not answer a knock, no further connections to it");
                let _ = answer.send(Err(NO_CONNECTION_INFO.to_owned()));
                return;
            }
        }
        let (request, opened) = oneshot::channel();
        if opens.send(request).await.is_err() {
            return;
        }
        let Ok(stream) = opened.await else { return };
        let _ = answer.send(tls.connect(stream.compat()).await);
    }
}

async fn knock(broker: &Broker, broker_id: u32) -> Result<(), KnockError> {
    let start = Instant::now();
    loop {
        let result = broker.knock(broker_id).await;
        if !matches!(result, Err(KnockError::Refused(_))) || start.elapsed() > REFUSALS_FOR {
            return result;
        }
        sleep(RETRY_PAUSE).await;
    }
}
