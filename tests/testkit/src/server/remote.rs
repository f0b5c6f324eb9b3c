//! A client of a server that may be gone, stand still or come back.

use std::time::Duration;

use http::StatusCode;
use http::header::LOCATION;
use serde_json::Value;

use super::http::Http;

/// A client of one server of a cluster. Unlike [`Server`](super::Server) it fails no test where there is no answer.
#[derive(Clone)]
pub struct Remote {
    http: Http,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct RemoteAnswer {
    /// Status.
    pub status: StatusCode,
    /// Where the server sends the client instead, as a URL.
    pub location: Option<String>,
    /// The body; null if it is not JSON.
    pub body: Value,
}

impl Remote {
    pub(super) fn new(http: Http) -> Self {
        Self { http }
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.http.url()
    }

    /// One request to `/v1/<path>`; no token if `token` is empty, no body if `body` is null. The error says why
    /// there is no answer, or that there is none for that long.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        token: &str,
        patience: Duration,
    ) -> Result<RemoteAnswer, String> {
        let mut headers = vec![("content-type", "application/json"), ("x-vault-request", "true")];
        if !token.is_empty() {
            headers.push(("x-vault-token", token));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/v1/{path}");
        let answer = tokio::time::timeout(patience, self.http.exchange(method, &path, &headers, body));
        let response = answer.await.map_err(|_| format!("no answer for {patience:?}"))??;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        Ok(RemoteAnswer {
            status: response.status(),
            location: location.map(str::to_owned),
            body: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
        })
    }
}
