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
use super::broker::{Broker, KnockError};
use super::dial_error::DialError;
use super::peer_stream::PeerStream;
use super::tls::PeerTls;
use crate::plugin::process::lifecycle::{Exit, Lifecycle};

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::multiplexed_broker");

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

type Connection = yamux::Connection<Compat<UnixStream>>;

/// Opens streams towards the host.
#[derive(Clone)]
pub(crate) struct MultiplexedDialer {
    dials: mpsc::Sender<Dial>,
}

struct Dial {
    broker_id: u32,
    answer: oneshot::Sender<Result<PeerStream, DialError>>,
}

impl MultiplexedDialer {
    /// Takes the host's one connection from the listener and begins to serve it.
    pub(crate) fn start(
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
                    tracing::error!(target: LOG, %error, "cannot accept the server's connection");
                    lifecycle.end(Exit::ServerFailed);
                }
            }
        });
        tokio::spawn(dial_one_by_one(dial_requests, broker, tls, opens));
        Self { dials }
    }

    /// A stream to the services behind a broker id.
    pub(crate) async fn dial(self, broker_id: u32) -> Result<PeerStream, DialError> {
        let (answer, stream) = oneshot::channel();
        self.dials.send(Dial { broker_id, answer }).await.map_err(|_| DialError::Closed)?;
        stream.await.map_err(|_| DialError::Closed)?
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
                    tracing::warn!(target: LOG, %error, "the connection to the server broke");
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
            let _ = answer.send(Err(DialError::WithoutTls));
            continue;
        };
        match knock(&broker, broker_id).await {
            Ok(()) => {}
            Err(KnockError::Refused(text)) => {
                let _ = answer.send(Err(DialError::Refused(text)));
                continue;
            }
            Err(KnockError::Unanswered) => {
                tracing::error!(target: LOG, broker_id, "the server did not answer a knock, no further connections to it");
                let _ = answer.send(Err(DialError::NotAnnounced));
                return;
            }
        }
        let (request, opened) = oneshot::channel();
        if opens.send(request).await.is_err() {
            return;
        }
        let Ok(stream) = opened.await else { return };
        let _ = answer.send(tls.connect(stream.compat()).await.map_err(DialError::Handshake));
    }
}

async fn knock(broker: &Broker, broker_id: u32) -> Result<(), KnockError> {
    let start = Instant::now();
    loop {
        let result = broker.knock(broker_id).await;
        let tried_for = Instant::now().saturating_duration_since(start);
        if !matches!(result, Err(KnockError::Refused(_))) || tried_for > REFUSALS_FOR {
            return result;
        }
        sleep(RETRY_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::plugin::link::certificate::OwnCertificate;
    use crate::plugin::wire::protocol::plugin::ConnInfo;
    use crate::plugin::wire::protocol::plugin::conn_info::Knock;

    /// A host that gives each stream to the id it has acknowledged last, as Go hosts do, and greets
    /// with that id.
    struct Host {
        tls: PeerTls,
        knocks: mpsc::Receiver<Result<ConnInfo, tonic::Status>>,
        streams: mpsc::Receiver<yamux::Stream>,
        broker: Arc<Broker>,
    }

    impl Host {
        async fn knock(&mut self) -> u32 {
            self.knocks.recv().await.unwrap().unwrap().service_id
        }

        fn answer(&self, id: u32, error: &str) {
            let knock = Knock { knock: true, ack: true, error: error.to_owned() };
            self.broker.receive(ConnInfo { service_id: id, knock: Some(knock), ..ConnInfo::default() });
        }

        async fn greet(&mut self, id: u32) {
            let stream = self.streams.recv().await.unwrap();
            let mut stream = self.tls.accept(stream.compat()).await.unwrap();
            stream.write_all(&id.to_be_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            // The plugin closes first.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }

    struct Setting {
        dialer: MultiplexedDialer,
        host: Host,
        open: mpsc::Sender<oneshot::Sender<yamux::Stream>>,
        admitted: mpsc::Receiver<PeerStream>,
        lifecycle: Arc<Lifecycle>,
        connection: tokio::task::JoinHandle<()>,
        _folder: tempfile::TempDir,
    }

    async fn setting() -> Setting {
        let own = |_| OwnCertificate::generate(SystemTime::now()).unwrap();
        let [plugin_certificate, host_certificate] = [(); 2].map(own);
        let tls = PeerTls::new(&plugin_certificate, host_certificate.certificate.clone()).unwrap();
        let tls = Some(Arc::new(tls));
        let lifecycle = Lifecycle::new();
        let broker = Broker::new(lifecycle.clone());
        let knocks = broker.connect();
        let (admission, admitted) = Admission::new(tls.clone(), lifecycle.clone());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let dialer = MultiplexedDialer::start(listener, admission, broker.clone(), tls, lifecycle.clone());

        let socket = UnixStream::connect(&path).await.unwrap();
        let mut connection = Connection::new(socket.compat(), yamux::Config::default(), yamux::Mode::Client);
        let (inbound, streams) = mpsc::channel(8);
        let (open, mut open_requests) = mpsc::channel(1);
        let connection = tokio::spawn(async move {
            let mut waiting = None;
            poll_fn(|context| {
                loop {
                    if poll_outbound(&mut connection, &mut open_requests, &mut waiting, context).is_break() {
                        return Poll::Ready(());
                    }
                    match connection.poll_next_inbound(context) {
                        Poll::Ready(Some(Ok(stream))) => inbound.try_send(stream).unwrap(),
                        Poll::Ready(_) => return Poll::Ready(()),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            })
            .await;
        });
        let tls = PeerTls::new(&host_certificate, plugin_certificate.certificate.clone()).unwrap();
        let host = Host { tls, knocks, streams, broker };
        Setting { dialer, host, open, admitted, lifecycle, connection, _folder: folder }
    }

    async fn greeting(stream: Result<PeerStream, DialError>) -> u32 {
        let mut id = [0; size_of::<u32>()];
        stream.unwrap().read_exact(&mut id).await.unwrap();
        u32::from_be_bytes(id)
    }

    #[tokio::test]
    async fn streams_of_the_host_are_admitted() {
        let mut setting = setting().await;
        let (request, opened) = oneshot::channel();
        setting.open.send(request).await.unwrap();
        let stream = opened.await.unwrap().compat();
        let mut connected = setting.host.tls.connect(stream).await.unwrap();
        let mut admitted = setting.admitted.recv().await.unwrap();
        admitted.write_all(b"x").await.unwrap();
        admitted.flush().await.unwrap();
        assert_eq!(connected.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn concurrent_dials_reach_the_id_they_asked_for() {
        let Setting { dialer, mut host, connection: _connection, _folder, .. } = setting().await;
        let dials = (1..=3).map(|id| {
            let dialer = dialer.clone();
            tokio::spawn(async move { (id, greeting(dialer.dial(id).await).await) })
        });
        let dials: Vec<_> = dials.collect();
        let serve = async {
            for _ in 1..=3 {
                let id = host.knock().await;
                host.answer(id, "");
                host.greet(id).await;
            }
        };
        serve.await;
        for dial in dials {
            let (asked, greeted) = dial.await.unwrap();
            assert_eq!(asked, greeted);
        }
    }

    #[tokio::test]
    async fn a_refused_knock_is_repeated() {
        let Setting { dialer, mut host, _folder, .. } = setting().await;
        let dial = tokio::spawn(async move { greeting(dialer.dial(1).await).await });
        let id = host.knock().await;
        host.answer(id, "no listener for id 1");
        let again = host.knock().await;
        assert_eq!((id, again), (1, 1));
        host.answer(again, "");
        host.greet(again).await;
        assert_eq!(dial.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn the_process_ends_with_the_connection() {
        let setting = setting().await;
        setting.connection.abort();
        assert_eq!(setting.lifecycle.ended().await, Exit::HostGone);
    }
}
