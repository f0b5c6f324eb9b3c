//! The calls on one connection of the host: a task for each, which ends with the call.

use std::convert::Infallible;
use std::future::poll_fn;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, SendStream};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::body::Body;

use crate::plugin::link::received_body::ReceivedBody;

/// Requests of all mounts that run at the same time. Logins wait for AWS, so it must be far more than
/// AWS answers in the time of one login, or one unreachable account would hold up all others.
const MAX_CONCURRENT_REQUESTS: u32 = 16 * 1024;
/// What the host may send of a message that is not read yet, in bytes. Most are shorter as a whole.
const UNREAD_OF_MESSAGE: u32 = 16 * 1024;
/// What the host may send of all of them: as much as all requests at the same time, so that those that are
/// not read yet never hold up those that are. With less, a host that has many to send cuts messages into small
/// pieces, and too many of those that are not read yet end the connection: as many as this has room for.
const UNREAD_IN_ALL: u32 = UNREAD_OF_MESSAGE * MAX_CONCURRENT_REQUESTS;
/// Requests the host cancelled before they were looked at. The default of a few is meant for
/// untrusted peers, and going over it ends the connection to the host.
const MAX_CANCELLED_REQUESTS: usize = 16 * 1024;
/// The largest list of headers of a request, in bytes.
const MAX_HEADERS: u32 = 16 * 1024;

/// Serves each call in a task of its own, until the connection ends.
pub(super) async fn serve<S, F>(
    connection: impl AsyncRead + AsyncWrite + Unpin,
    service: S,
) -> Result<(), h2::Error>
where
    S: Fn(Request<ReceivedBody>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
{
    let mut calls = Builder::new()
        .max_concurrent_streams(MAX_CONCURRENT_REQUESTS)
        .initial_window_size(UNREAD_OF_MESSAGE)
        .initial_connection_window_size(UNREAD_IN_ALL)
        .max_pending_accept_reset_streams(MAX_CANCELLED_REQUESTS)
        // Of what the host still sends to calls that are over: by default that ends the connection in the long run.
        .max_concurrent_reset_streams(MAX_CANCELLED_REQUESTS)
        .max_local_error_reset_streams(None)
        .max_header_list_size(MAX_HEADERS)
        .handshake(connection)
        .await?;
    while let Some(call) = calls.accept().await {
        let (request, answer) = call?;
        let reply = service(request.map(ReceivedBody::new));
        tokio::spawn(answer_with(reply, answer));
    }
    Ok(())
}

/// Answers a call. If the host gives it up, whatever is done for it ends where it is.
async fn answer_with(
    reply: impl Future<Output = Result<Response<Body>, Infallible>>,
    mut answer: SendResponse<Bytes>,
) {
    let reply = tokio::select! {
        biased;
        Ok(reply) = reply => reply,
        _ = poll_fn(|context| answer.poll_reset(context)) => return,
    };
    let (head, body) = reply.into_parts();
    let has_ended = body.is_end_stream();
    // What fails from here on does because the host has given the call up, or is gone.
    let Ok(stream) = answer.send_response(Response::from_parts(head, ()), has_ended) else { return };
    if !has_ended {
        let _ = send(body, stream).await;
    }
}

/// Hands a body to the connection, which sends it as the host takes it: at most a message that is in memory
/// anyway.
async fn send(mut body: Body, mut stream: SendStream<Bytes>) -> Result<(), h2::Error> {
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            _ = poll_fn(|context| stream.poll_reset(context)) => return Ok(()),
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            None => return stream.send_data(Bytes::new(), true),
        };
        match frame.into_data() {
            Ok(data) => stream.send_data(data, false)?,
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return stream.send_trailers(trailers);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use h2::client::{self, ResponseFuture};
    use http::{HeaderMap, HeaderValue};
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use tokio::sync::{Notify, mpsc};
    use tokio::task::JoinHandle;
    use tonic::Status;

    use super::*;

    type Host = client::SendRequest<Bytes>;

    /// A host, and its connection that is served so.
    async fn host<F>(
        service: impl Fn(Request<ReceivedBody>) -> F + Clone + Send + 'static,
    ) -> (Host, JoinHandle<()>)
    where
        F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(serve(theirs, service));
        let (host, connection) = client::handshake(ours).await.unwrap();
        (host, tokio::spawn(connection.map(drop)))
    }

    fn call(host: &mut Host, message: impl Into<Bytes>) -> ResponseFuture {
        let request = Request::post("http://localhost/pb.Backend/Type").body(()).unwrap();
        let (answer, mut stream) = host.send_request(request, false).unwrap();
        stream.send_data(message.into(), true).unwrap();
        answer
    }

    async fn echo(request: Request<ReceivedBody>) -> Result<Response<Body>, Infallible> {
        let message = request.into_body().collect().await.unwrap().to_bytes();
        let trailers =
            HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        let body = Full::new(message).with_trailers(std::future::ready(Some(Ok(trailers))));
        Ok(Response::new(Body::new(body)))
    }

    #[tokio::test]
    async fn each_call_gets_its_answer_and_its_trailers() {
        let (mut host, _) = host(echo).await;
        let large = vec![7; 1024 * 1024];
        let answers = [call(&mut host, "a"), call(&mut host, large.clone()), call(&mut host, "")];
        for (answer, sent) in answers.into_iter().zip([b"a".to_vec(), large, Vec::new()]) {
            let answer = ReceivedBody::new(answer.await.unwrap().into_body()).collect().await.unwrap();
            assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
            assert!(answer.to_bytes() == sent);
        }
    }

    #[tokio::test]
    async fn a_refusal_is_headers_alone() {
        let (mut host, _) =
            host(|_| async { Ok(Status::unimplemented("no such service").into_http()) }).await;
        let answer = call(&mut host, "a").await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "12");
        assert!(answer.body().is_end_stream());
    }

    #[tokio::test]
    async fn what_is_done_for_a_call_ends_with_the_call_and_with_the_connection() {
        struct Ended(Arc<Notify>);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        let (begun, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared = (Arc::clone(&begun), Arc::clone(&ended));
        let (mut host, connection) = host(move |_| {
            let (begun, ended) = shared.clone();
            async move {
                let _ended = Ended(ended);
                begun.notify_one();
                std::future::pending().await
            }
        })
        .await;
        let answer = call(&mut host, "a");
        begun.notified().await;
        drop(answer);
        ended.notified().await;
        let _kept = call(&mut host, "b");
        begun.notified().await;
        connection.abort();
        ended.notified().await;
    }

    #[tokio::test]
    async fn a_stream_of_messages_is_sent_as_they_come_and_ends_with_its_reader() {
        let (messages, receiver) = mpsc::unbounded_channel();
        let receiver = Arc::new(std::sync::Mutex::new(Some(receiver)));
        let (mut host, _) = host(move |_| {
            let mut receiver = receiver.lock().unwrap().take().unwrap();
            async move {
                let next = move |context: &mut std::task::Context<'_>| {
                    receiver.poll_recv(context).map(|next: Option<&'static str>| {
                        next.map(|text| Ok::<_, Status>(Frame::data(Bytes::from_static(text.as_bytes()))))
                    })
                };
                Ok(Response::new(Body::new(StreamBody::new(futures_util::stream::poll_fn(next)))))
            }
        })
        .await;
        let mut stream = call(&mut host, "").await.unwrap().into_body();
        for text in ["a", "b"] {
            messages.send(text).unwrap();
            assert_eq!(stream.data().await.unwrap().unwrap(), text);
        }
        drop(stream);
        messages.closed().await;
    }
}
