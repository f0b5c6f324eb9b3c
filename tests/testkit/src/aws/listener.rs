//! The port: plain HTTP, TLS and CONNECT on one listener.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::answer::Delivery;
use super::calls::Outcome;
use super::fault::Fault;
use super::http::{Connection, ReadError, Request, chunk, response_head};
use super::plan::{Peer, Plan, action, plan};
use super::published::fetched;
use super::tls::TestTls;
use super::world::Shared;

/// First byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 22;

/// Piece of an endless body.
const ENDLESS_PIECE: [u8; 16 * 1024] = [b' '; 16 * 1024];

/// The listener with its thread; both end with it.
pub(super) struct Server {
    address: SocketAddr,
    counters: Arc<Counters>,
    tls: Arc<OnceLock<TestTls>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
}

impl Server {
    /// Starts on a free loopback port.
    pub(super) fn start(shared: Arc<Shared>) -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a bound address");
        let counters = Arc::new(Counters::default());
        let tls = Arc::new(OnceLock::new());
        let (stop, stopped) = oneshot::channel();
        let accept = accept(listener, shared, Arc::clone(&counters), Arc::clone(&tls));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, counters, tls, stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn accepted(&self) -> u64 {
        self.counters.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn open(&self) -> u64 {
        self.counters.open.load(Ordering::SeqCst)
    }

    pub(super) fn ca_pem(&self) -> String {
        self.tls.get_or_init(TestTls::new).ca_pem().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The thread may have ended by a panic of its own; then nobody listens.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Counts a connection as open while it lives.
struct Open(Arc<Counters>);

impl Open {
    fn new(counters: &Arc<Counters>) -> Self {
        counters.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn accept(
    listener: StdListener,
    shared: Arc<Shared>,
    counters: Arc<Counters>,
    tls: Arc<OnceLock<TestTls>>,
) {
    let listener = TcpListener::from_std(listener).expect("a listener of this runtime");
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let number = counters.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        let open = Open::new(&counters);
        let (shared, tls) = (Arc::clone(&shared), Arc::clone(&tls));
        tokio::spawn(async move {
            let peer = Peer { number, ..Peer::default() };
            // A connection that breaks is the peer's business; the log tells what became of its calls.
            let _ = serve(stream, peer, &shared, &tls).await;
            drop(open);
        });
    }
}

/// Serves one connection: TLS if it begins that way, a tunnel if the first request asks for one.
async fn serve(
    stream: TcpStream,
    mut peer: Peer,
    shared: &Shared,
    tls: &OnceLock<TestTls>,
) -> Result<(), ReadError> {
    stream.set_nodelay(true)?;
    let stream = tunnel(stream, &mut peer, shared).await?;
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE] {
        let stream = tls.get_or_init(TestTls::new).acceptor().accept(stream).await?;
        peer.tls_name = stream.get_ref().1.server_name().map(str::to_owned);
        return requests(Connection::new(stream), &peer, shared).await;
    }
    requests(Connection::new(stream), &peer, shared).await
}

/// Answers a CONNECT request if the connection begins with one; what follows belongs to the tunnel.
async fn tunnel(stream: TcpStream, peer: &mut Peer, shared: &Shared) -> Result<TcpStream, ReadError> {
    let mut first = [0];
    // No other method that is answered begins with this letter.
    if stream.peek(&mut first).await? == 1 && first == *b"C" {
        let head = read_head(&stream).await?;
        let target = head.split(' ').nth(1).unwrap_or_default();
        peer.proxied_to = Some(target.to_owned());
        shared.tunnel_allowed(target).await;
        write_all(&stream, &response_head(200, &[])).await?;
    }
    Ok(stream)
}

/// Byte by byte, so that nothing of what follows the request is taken from the stream.
async fn read_head(stream: &TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.readable().await?;
        let mut byte = [0];
        match stream.try_read(&mut byte) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => head.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn requests(mut connection: Connection, peer: &Peer, shared: &Shared) -> Result<(), ReadError> {
    loop {
        let request = match connection.read().await {
            Ok(request) => request,
            Err(ReadError::Malformed(reason)) => {
                shared.malformed(reason);
                let close = ("Connection".to_owned(), "close".to_owned());
                let none = ("Content-Length".to_owned(), "0".to_owned());
                connection.write(&response_head(400, &[close, none])).await?;
                connection.shutdown().await;
                return Ok(());
            }
            Err(closed) => return Err(closed),
        };
        let last = asks_to_close(&request);
        let servers = shared.world().published.servers_for(&action(&request));
        for (url, document) in fetched(servers).await {
            shared.world().published.put(&url, document);
        }
        let plan = plan(shared, request, peer);
        let number = plan.number;
        let kept = answer(&mut connection, plan, shared).await.inspect_err(|_| {
            shared.finish(number, Outcome::Abandoned);
        })?;
        if last || !kept {
            connection.shutdown().await;
            return Ok(());
        }
    }
}

fn asks_to_close(request: &Request) -> bool {
    request.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

/// Carries out a plan; false if the connection ends with it.
async fn answer(connection: &mut Connection, plan: Plan, shared: &Shared) -> Result<bool, ReadError> {
    let delays = async {
        for delay in &plan.delays {
            match delay {
                Fault::Latency(latency) => tokio::time::sleep(*latency).await,
                Fault::Hold(gate) => gate.opened().await,
                _ => {}
            }
        }
        if plan.delivery == Delivery::Hang {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = delays => {}
        () = connection.closed() => return Err(ReadError::Closed),
    }
    if plan.delivery == Delivery::Close {
        shared.finish(plan.number, Outcome::Dropped);
        return Ok(false);
    }
    let bytes = plan.answer.bytes(plan.delivery);
    if plan.delivery == Delivery::Endless {
        connection.write(&bytes).await?;
        loop {
            connection.write(&chunk(&ENDLESS_PIECE)).await?;
        }
    }
    // Noted first: a client that has read the answer finds it in the log.
    shared.finish(plan.number, Outcome::Answered(plan.answer.status()));
    connection.write(&bytes).await?;
    Ok(plan.delivery == Delivery::Whole)
}
