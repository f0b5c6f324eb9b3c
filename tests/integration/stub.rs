//! A small HTTP server that answers what it is told: the metadata services of a machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use testkit::aws::http::{Connection, Request, response_head};

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// Status.
    pub status: u16,
    /// Headers beside Content-Length.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

impl Reply {
    /// With that status and body.
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }
}

type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// A running server. It ends with the runtime of the test.
pub(crate) struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<Request>>,
}

impl Stub {
    /// Knows nothing yet: every answer is 404.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let answer: Answer = Arc::new(|_| Reply::new(404, ""));
        let shared = Arc::new(Shared { answer: Mutex::new(answer), requests: Mutex::default() });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Connection::new(stream), Arc::clone(&serving)));
            }
        });
        Self { address, shared }
    }

    /// From now on it answers like this.
    pub(crate) fn answer(&self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        *self.shared.answer.lock().unwrap() = Arc::new(answer);
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }
}

async fn serve(mut connection: Connection, shared: Arc<Shared>) {
    while let Ok(request) = connection.read().await {
        let answer = Arc::clone(&shared.answer.lock().unwrap());
        let Reply { status, mut headers, body } = answer(&request);
        shared.requests.lock().unwrap().push(request);
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
        let bytes = [response_head(status, &headers), body.into_bytes()].concat();
        if connection.write(&bytes).await.is_err() {
            return;
        }
    }
}
