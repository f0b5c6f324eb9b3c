//! The gRPC channel to the services of the host behind one broker id.
//!
//! Each mount has one, so it is as small as it can be: an HTTP/2 connection and its task, no queue in front of it. A
//! call writes its request into the connection and waits for the answer there.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use h2::SendStream;
use h2::client::{Builder, SendRequest};
use http::header::USER_AGENT;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt as _;
use thiserror::Error;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;
use vault_plugin_auth_aws::concurrency::single_flight::SingleFlight;

use super::dial_error::DialError;
use super::peer_stream::PeerStream;
use super::received_body::ReceivedBody;

/// The name means nothing to either side, and TLS is beneath: HTTP/2 knows nothing of it.
const AUTHORITY: &str = "localhost";
const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
/// What the host may send of an answer, and of all of them, that is not read yet, in bytes. Room for any value of
/// its storage, which is read as soon as it comes.
const UNREAD_OF_ANSWER: u32 = 2 * 1024 * 1024;
const UNREAD_IN_ALL: u32 = 5 * 1024 * 1024;
/// The largest list of headers of an answer, in bytes.
const MAX_HEADERS: u32 = 16 * 1024;
/// Calls at the same time, until the host says how many it takes.
const FIRST_CALLS: usize = 100;
/// Calls that were given up and are still known, so that what the host yet sends to them is none of its mistakes.
const MAX_GIVEN_UP: usize = 16 * 1024;
/// What small answers that are not read yet may cost, by the count of HTTP/2: 256 each.
const UNREAD_ANSWERS: usize = 256 * MAX_GIVEN_UP;
/// How long a connection to the host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What callers see of a connection that breaks.
const BROKEN: &str = "transport error";

type Connect = dyn Fn() -> BoxFuture<'static, Result<PeerStream, DialError>> + Send + Sync;

/// Makes calls on one connection, and connects anew once it has ended: at the next call, not by itself. The
/// connection is closed with the last clone.
#[derive(Clone)]
pub(crate) struct Channel {
    shared: Arc<Shared>,
}

struct Shared {
    connect: Box<Connect>,
    /// The newest connection, which may have ended.
    newest: Mutex<Option<SendRequest<Bytes>>>,
    connecting: SingleFlight<(), Result<SendRequest<Bytes>, Arc<ConnectError>>>,
}

impl Channel {
    /// Connects with the first call.
    pub(crate) fn new<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<PeerStream, DialError>> + Send + 'static,
    {
        let connect = Box::new(move || Box::pin(connect()) as BoxFuture<'static, _>);
        let (newest, connecting) = (Mutex::new(None), SingleFlight::default());
        Self { shared: Arc::new(Shared { connect, newest, connecting }) }
    }

    /// Connects now, unless it is connected.
    pub(crate) async fn connect(&self) -> Result<(), Arc<ConnectError>> {
        connected(&self.shared).await.map(drop)
    }
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    /// There is no stream.
    #[error("{0}")]
    Dial(DialError),
    /// There is no HTTP/2 on it.
    #[error("{0}")]
    Http(h2::Error),
}

impl From<&ConnectError> for Status {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Dial(error) => Self::unavailable(error.to_string()),
            ConnectError::Http(error) => broken(error),
        }
    }
}

/// Where a request can be written. Whoever comes first connects, the others wait.
async fn connected(shared: &Arc<Shared>) -> Result<SendRequest<Bytes>, Arc<ConnectError>> {
    if let Some(open) = shared.open().await {
        return Ok(open);
    }
    let connecting = Arc::clone(shared);
    let connected = async move {
        let connected = timeout(CONNECT_TIMEOUT, connecting.connect()).await;
        connected.unwrap_or(Err(ConnectError::Dial(DialError::TimedOut))).map_err(Arc::new)
    };
    shared.connecting.run((), connected).await
}

impl Shared {
    /// The newest connection, unless it has ended.
    async fn open(&self) -> Option<SendRequest<Bytes>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        newest.ready().await.ok()
    }

    async fn connect(&self) -> Result<SendRequest<Bytes>, ConnectError> {
        // Somebody may have connected since it was looked at.
        if let Some(open) = self.open().await {
            return Ok(open);
        }
        let stream = (self.connect)().await.map_err(ConnectError::Dial)?;
        let (open, driver) = Builder::new()
            .enable_push(false)
            .initial_max_send_streams(FIRST_CALLS)
            .initial_window_size(UNREAD_OF_ANSWER)
            .initial_connection_window_size(UNREAD_IN_ALL)
            .max_header_list_size(MAX_HEADERS)
            .max_concurrent_reset_streams(MAX_GIVEN_UP)
            .max_local_error_reset_streams(None)
            .data_frame_budget(UNREAD_ANSWERS)
            .handshake(stream)
            .await
            .map_err(ConnectError::Http)?;
        // A future around the driver that is an async block would be twice as large.
        tokio::spawn(driver.map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the server has ended");
            }
        }));
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
        Ok(open)
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<ReceivedBody>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<ReceivedBody>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let connection = connected(&shared).await.map_err(|error| Status::from(&*error))?;
            call(connection, request).await
        })
    }
}

async fn call(
    mut connection: SendRequest<Bytes>,
    request: Request<Body>,
) -> Result<Response<ReceivedBody>, Status> {
    let (mut head, body) = request.into_parts();
    let mut uri = head.uri.into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(Authority::from_static(AUTHORITY));
    head.uri = Uri::from_parts(uri).map_err(|error| Status::internal(error.to_string()))?;
    head.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let head = Request::from_parts(head, ());
    let (answer, stream) = connection.send_request(head, false).map_err(|error| broken(&error))?;
    drop(connection);
    send(body, stream).await?;
    let answer = answer.await.map_err(|error| broken(&error))?;
    Ok(answer.map(ReceivedBody::new))
}

/// Hands all of a body to the connection, which sends it as the host takes it. A body is one message, which is in
/// memory anyway.
async fn send(mut body: Body, mut stream: SendStream<Bytes>) -> Result<(), Status> {
    let mut last = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let before = std::mem::replace(&mut last, data);
        if !before.is_empty() && stream.send_data(before, false).is_err() {
            break;
        }
    }
    // If the host has ended the call already, its answer says why.
    let _ = stream.send_data(last, true);
    Ok(())
}

fn broken(error: &h2::Error) -> Status {
    tracing::debug!(%error, "a call to the server failed");
    Status::unknown(BROKEN)
}

impl fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Channel").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use h2::server::{self, SendResponse};
    use h2::{Reason, RecvStream};
    use http::{HeaderMap, HeaderName};
    use http_body_util::{Collected, Full};
    use tokio::io::DuplexStream;
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;
    use tonic::Code;

    use super::*;

    type Connection = server::Connection<DuplexStream, Bytes>;
    type Call = (Request<RecvStream>, SendResponse<Bytes>);

    /// A host that gets each connection, and takes none once it is dropped.
    fn scene() -> (Channel, mpsc::UnboundedReceiver<DuplexStream>) {
        let (connections, host) = mpsc::unbounded_channel();
        let channel = Channel::new(move || {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let connected = connections.send(theirs).map(|()| PeerStream::new(ours));
            async move { connected.map_err(|_| DialError::Closed) }
        });
        (channel, host)
    }

    async fn accepted(host: &mut mpsc::UnboundedReceiver<DuplexStream>) -> Connection {
        server::handshake(host.recv().await.unwrap()).await.unwrap()
    }

    async fn next_call(connection: &mut Connection) -> Call {
        connection.accept().await.unwrap().unwrap()
    }

    /// Serves what it is told to, and keeps the connection going.
    fn keep(mut connection: Connection) -> JoinHandle<()> {
        tokio::spawn(async move {
            while let Some(Ok(call)) = connection.accept().await {
                tokio::spawn(answer(call));
            }
        })
    }

    /// Answers with what it was sent.
    async fn answer((request, mut respond): Call) {
        let mut body = request.into_body();
        let mut message = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            message.extend(data);
        }
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream.send_data(message.into(), false).unwrap();
        let status = (HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
        stream.send_trailers(HeaderMap::from_iter([status])).unwrap();
    }

    fn call(channel: &Channel, message: impl Into<Bytes>) -> JoinHandle<Result<Collected<Bytes>, Status>> {
        let body = Body::new(Full::new(message.into()));
        let answer = channel.clone().call(Request::post("/pb.Storage/Get").body(body).unwrap());
        tokio::spawn(async move { Ok(answer.await?.collect().await.unwrap()) })
    }

    fn message(answer: Collected<Bytes>) -> Bytes {
        assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
        answer.to_bytes()
    }

    #[tokio::test]
    async fn calls_at_once_share_one_connection_and_each_gets_its_answer() {
        let (channel, mut host) = scene();
        let calls = ["a", "b", "c"].map(|text| (text, call(&channel, text)));
        let mut connection = accepted(&mut host).await;
        let mut received = Vec::new();
        for _ in &calls {
            received.push(next_call(&mut connection).await);
        }
        let uri = received[0].0.uri().to_string();
        assert_eq!(uri, "http://localhost/pb.Storage/Get");
        keep(connection);
        for call in received.into_iter().rev() {
            answer(call).await;
        }
        for (text, answer) in calls {
            assert_eq!(message(answer.await.unwrap().unwrap()), text);
        }
        assert!(host.try_recv().is_err(), "a second connection");
    }

    #[tokio::test]
    async fn a_message_may_be_larger_than_all_that_may_be_unread() {
        let (channel, mut host) = scene();
        let large = vec![7; 12 * 1024 * 1024];
        let answer = call(&channel, large.clone());
        keep(accepted(&mut host).await);
        assert!(message(answer.await.unwrap().unwrap()) == large);
    }

    #[tokio::test]
    async fn calls_on_a_connection_that_breaks_fail_and_the_next_connects_anew() {
        let (channel, mut host) = scene();
        let running = call(&channel, "a");
        let mut connection = accepted(&mut host).await;
        let received = next_call(&mut connection).await;
        drop((connection, received));
        let error = running.await.unwrap().unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Unknown, "transport error"));
        let next = call(&channel, "b");
        keep(accepted(&mut host).await);
        assert_eq!(message(next.await.unwrap().unwrap()), "b");
    }

    #[tokio::test]
    async fn after_a_goodbye_of_the_host_the_next_call_connects_anew() {
        let (channel, mut host) = scene();
        let running = call(&channel, "a");
        let mut connection = accepted(&mut host).await;
        let received = next_call(&mut connection).await;
        connection.graceful_shutdown();
        let ended = keep(connection);
        answer(received).await;
        assert_eq!(message(running.await.unwrap().unwrap()), "a");
        ended.await.unwrap();
        let next = call(&channel, "b");
        keep(accepted(&mut host).await);
        assert_eq!(message(next.await.unwrap().unwrap()), "b");
    }

    #[tokio::test]
    async fn whoever_cannot_connect_anew_is_told_why() {
        let (channel, mut host) = scene();
        let running = call(&channel, "a");
        let mut connection = accepted(&mut host).await;
        drop((next_call(&mut connection).await, connection, host));
        running.await.unwrap().unwrap_err();
        for _ in 0..2 {
            let error = call(&channel, "b").await.unwrap().unwrap_err();
            let why = "the connection to the server is closed";
            assert_eq!((error.code(), error.message()), (Code::Unavailable, why));
        }
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_ends_alone() {
        let (channel, mut host) = scene();
        let (given_up, other) = (call(&channel, "a"), call(&channel, "b"));
        let mut connection = accepted(&mut host).await;
        let (first, second) = (next_call(&mut connection).await, next_call(&mut connection).await);
        keep(connection);
        given_up.abort();
        let mut ended = first.1;
        let reason = std::future::poll_fn(|context| ended.poll_reset(context)).await.unwrap();
        assert_eq!(reason, Reason::CANCEL);
        answer(second).await;
        assert_eq!(message(other.await.unwrap().unwrap()), "b");
    }

    #[tokio::test]
    async fn the_connection_ends_with_the_last_clone() {
        let (channel, mut host) = scene();
        let answer = call(&channel, "a");
        let ended = keep(accepted(&mut host).await);
        answer.await.unwrap().unwrap();
        let clone = channel.clone();
        drop(channel);
        tokio::task::yield_now().await;
        assert!(!ended.is_finished());
        drop(clone);
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn it_connects_at_once_when_told_to_and_not_before() {
        let (channel, mut host) = scene();
        assert!(host.try_recv().is_err());
        channel.connect().now_or_never().unwrap().unwrap();
        channel.connect().now_or_never().unwrap().unwrap();
        host.try_recv().unwrap();
        assert!(host.try_recv().is_err(), "a second connection");
    }
}
