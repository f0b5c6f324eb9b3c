//! An HTTP client for loopback servers.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Longer than any single answer may take; a hanging server fails the test instead of hanging it.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// A client of one loopback server.
#[derive(Clone)]
pub(super) struct Http {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    /// A client of the server at `127.0.0.1:port`.
    pub(super) fn new(port: u16) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// `http://127.0.0.1:port`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One request; the error is that of the connection.
    pub(super) async fn send(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<(StatusCode, Bytes), String> {
        let answer =
            tokio::time::timeout(ANSWER_DEADLINE, self.exchange(method, path_and_query, headers, body));
        let answer = answer
            .await
            .unwrap_or_else(|_| panic!("{method} {path_and_query}: no answer in {ANSWER_DEADLINE:?}"));
        answer.map(|response| (response.status(), response.into_body()))
    }

    /// The same with the headers of the answer, for which it waits as long as the caller does.
    pub(super) async fn exchange(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Response<Bytes>, String> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = format!("{}{path_and_query}", self.url()).parse().unwrap();
        *request.headers_mut() = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect::<HeaderMap>();
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}
