//! The connection broker: over it the plugin learns where the host serves a mount's storage and
//! system view.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand;
use rustls::ServerConfig;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};
use tonic::transport::server::Router;
use tonic::transport::{Channel, Server};

use super::links::Links;
use super::multiplexer::MultiplexedStream;
use super::server_stream::ServerStream;
use super::storage::StorageService;
use super::system_view::SystemViewService;
use super::transport::BoxedStream;
use crate::proto::pb::storage_server::StorageServer;
use crate::proto::pb::system_view_server::SystemViewServer;
use crate::proto::plugin::ConnInfo;
use crate::proto::plugin::conn_info::Knock;
use crate::proto::plugin::grpc_broker_client::GrpcBrokerClient;

/// The most a host accepts and sends in one message.
pub(super) const MESSAGE_LIMIT: usize = i32::MAX as usize;
/// How long a server waits for the plugin's calls to end before it is closed by force.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Connections waiting for a server; more than any plugin opens.
const BACKLOG: usize = 16;

/// The host's end of the broker stream, and its servers.
pub struct Broker {
    messages: mpsc::UnboundedSender<ConnInfo>,
    next_id: AtomicU32,
    directory: PathBuf,
    links: Arc<Links>,
    tls: Option<Arc<ServerConfig>>,
    knocks: Option<Arc<Knocks>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Where a server can be reached; announced when the test wants it.
pub struct Announcement {
    id: u32,
    target: Target,
}

enum Target {
    Socket(PathBuf),
    Multiplexed(mpsc::Sender<BoxedStream>),
}

impl Broker {
    /// Opens the broker stream. `inbound` are the streams the plugin opens in the multiplexed
    /// transport.
    pub fn start(
        channel: Channel,
        directory: PathBuf,
        links: Arc<Links>,
        tls: Option<Arc<ServerConfig>>,
        inbound: Option<mpsc::UnboundedReceiver<MultiplexedStream>>,
    ) -> Self {
        let (messages, outgoing) = mpsc::unbounded_channel();
        let knocks = inbound.map(|streams| (Arc::new(Knocks::default()), streams));
        let mut tasks = Vec::new();
        let registry = knocks.as_ref().map(|(knocks, _)| Arc::clone(knocks));
        tasks.push(tokio::spawn(converse(channel, outgoing, messages.clone(), registry.clone())));
        if let Some((knocks, streams)) = knocks {
            tasks.push(tokio::spawn(hand_out(knocks, streams)));
        }
        Self { messages, next_id: AtomicU32::new(1), directory, links, tls, knocks: registry, tasks }
    }

    /// Serves a mount's storage and system view under a new id. The plugin does not know of it until
    /// it is announced. `tls` takes the place of the host's own configuration.
    ///
    /// # Errors
    /// If the socket cannot be bound.
    pub fn serve(
        &self,
        storage: StorageService,
        system_view: SystemViewService,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Brokered> {
        let id = self.next_id.fetch_add(1, Ordering::SeqCst);
        let (connections, raw) = mpsc::channel(BACKLOG);
        let (target, acceptor, socket) = if self.knocks.is_some() {
            (Target::Multiplexed(connections), None, None)
        } else {
            let path = self.directory.join(format!("plugin{}", random_digits()));
            let listener = UnixListener::bind(&path)?;
            let acceptor = tokio::spawn(accept(listener, Arc::clone(&self.links), connections));
            (Target::Socket(path.clone()), Some(acceptor), Some(path))
        };
        let open = Arc::new(AtomicUsize::new(0));
        let (ready, incoming) = mpsc::channel(BACKLOG);
        let securer = tokio::spawn(secure(raw, tls.or_else(|| self.tls.clone()), Arc::clone(&open), ready));
        let router = Server::builder()
            .add_service(
                StorageServer::new(storage)
                    .max_decoding_message_size(MESSAGE_LIMIT)
                    .max_encoding_message_size(MESSAGE_LIMIT),
            )
            .add_service(
                SystemViewServer::new(system_view)
                    .max_decoding_message_size(MESSAGE_LIMIT)
                    .max_encoding_message_size(MESSAGE_LIMIT),
            );
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(run(router, incoming, stopped));
        let mut helpers = vec![securer];
        helpers.extend(acceptor);
        Ok(Brokered {
            id,
            announcement: Mutex::new(Some(Announcement { id, target })),
            open,
            stop: Mutex::new(Some(stop)),
            server: Mutex::new(Some(server)),
            helpers,
            socket,
        })
    }

    /// Tells the plugin where a server is.
    pub fn announce(&self, announcement: Announcement) {
        match announcement.target {
            Target::Socket(path) => {
                let message = ConnInfo {
                    service_id: announcement.id,
                    network: "unix".to_owned(),
                    address: path.to_str().expect("temporary paths are UTF-8").to_owned(),
                    knock: None,
                };
                // Fails only if the stream has ended, which the plugin then notices too.
                let _ = self.messages.send(message);
            }
            Target::Multiplexed(connections) => {
                let knocks = self.knocks.as_ref().expect("the transport is multiplexed");
                knocks.servers.lock().unwrap().insert(announcement.id, connections);
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// One server of the host, for one mount.
pub struct Brokered {
    /// Its id on the broker.
    pub id: u32,
    announcement: Mutex<Option<Announcement>>,
    open: Arc<AtomicUsize>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    server: Mutex<Option<JoinHandle<()>>>,
    helpers: Vec<JoinHandle<()>>,
    socket: Option<PathBuf>,
}

impl Brokered {
    /// What has to be announced; `None` the second time.
    #[must_use]
    pub fn announcement(&self) -> Option<Announcement> {
        self.announcement.lock().unwrap().take()
    }

    /// How many connections of the plugin are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Stops serving once the plugin's calls have ended, and tells whether they ended in time.
    pub async fn stop(&self) -> bool {
        let stop = self.stop.lock().unwrap().take();
        let server = self.server.lock().unwrap().take();
        let (Some(stop), Some(mut server)) = (stop, server) else { return true };
        // The server may have ended by itself.
        let _ = stop.send(());
        let in_time = tokio::time::timeout(STOP_LIMIT, &mut server).await.is_ok();
        server.abort();
        self.close();
        in_time
    }

    fn close(&self) {
        for helper in &self.helpers {
            helper.abort();
        }
        if let Some(path) = &self.socket {
            // Gone already if the temporary folder is.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Brokered {
    fn drop(&mut self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.abort();
        }
        self.close();
    }
}

/// Multiplexed transport: who waits for streams, and for whom the next stream is.
#[derive(Default)]
struct Knocks {
    servers: Mutex<HashMap<u32, mpsc::Sender<BoxedStream>>>,
    expected: Mutex<std::collections::VecDeque<u32>>,
}

impl Knocks {
    fn answer(&self, id: u32) -> Knock {
        let known = self.servers.lock().unwrap().get(&id).is_some_and(|server| !server.is_closed());
        let error = if known {
            self.expected.lock().unwrap().push_back(id);
            String::new()
        } else {
            format!("no listener for id {id}")
        };
        Knock { knock: true, ack: true, error }
    }
}

/// Keeps the broker stream open, and answers the plugin's knocks.
async fn converse(
    channel: Channel,
    outgoing: mpsc::UnboundedReceiver<ConnInfo>,
    messages: mpsc::UnboundedSender<ConnInfo>,
    knocks: Option<Arc<Knocks>>,
) {
    let mut client = GrpcBrokerClient::new(channel);
    let Ok(reply) = client.start_stream(UnboundedReceiverStream::new(outgoing)).await else { return };
    let mut incoming = reply.into_inner();
    while let Ok(Some(message)) = incoming.message().await {
        let wants_in = message.knock.is_some_and(|knock| knock.knock && !knock.ack);
        if let (true, Some(knocks)) = (wants_in, &knocks) {
            let knock = Some(knocks.answer(message.service_id));
            let answer = ConnInfo { service_id: message.service_id, knock, ..ConnInfo::default() };
            if messages.send(answer).is_err() {
                return;
            }
        }
    }
}

/// Gives each stream of the plugin to the server it knocked for.
async fn hand_out(knocks: Arc<Knocks>, mut streams: mpsc::UnboundedReceiver<MultiplexedStream>) {
    while let Some(stream) = streams.recv().await {
        let id = knocks.expected.lock().unwrap().pop_front();
        let server = id.and_then(|id| knocks.servers.lock().unwrap().get(&id).cloned());
        // A stream nobody knocked for is dropped, which resets it.
        if let Some(server) = server {
            let _ = server.send(Box::new(stream)).await;
        }
    }
}

async fn accept(listener: UnixListener, links: Arc<Links>, connections: mpsc::Sender<BoxedStream>) {
    while let Ok((socket, _)) = listener.accept().await {
        let Ok(socket) = links.accepted(socket) else { return };
        if connections.send(Box::new(socket)).await.is_err() {
            return;
        }
    }
}

/// Runs TLS over raw connections, each in its own task.
async fn secure(
    mut raw: mpsc::Receiver<BoxedStream>,
    tls: Option<Arc<ServerConfig>>,
    open: Arc<AtomicUsize>,
    ready: mpsc::Sender<io::Result<ServerStream>>,
) {
    while let Some(stream) = raw.recv().await {
        let (tls, open, ready) = (tls.clone(), Arc::clone(&open), ready.clone());
        tokio::spawn(async move {
            let stream: BoxedStream = match tls {
                None => stream,
                Some(config) => match TlsAcceptor::from(config).accept(stream).await {
                    Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => Box::new(stream),
                    // The peer sees the alert, or the end of the connection.
                    Ok(_) | Err(_) => return,
                },
            };
            let _ = ready.send(Ok(ServerStream::counted(stream, open))).await;
        });
    }
}

async fn run(
    router: Router,
    incoming: mpsc::Receiver<io::Result<ServerStream>>,
    stop: oneshot::Receiver<()>,
) {
    let stop = async {
        // A dropped handle stops the server too.
        let _ = stop.await;
    };
    // Ends with an error only if `incoming` does, and that yields none.
    let _ = router.serve_with_incoming_shutdown(ReceiverStream::new(incoming), stop).await;
}

fn random_digits() -> u32 {
    let mut bytes = [0; 4];
    rand::fill(&mut bytes).expect("randomness");
    u32::from_ne_bytes(bytes)
}
