//! What stands at public URLs: the documents of OpenID Connect providers, which AWS fetches.

use std::collections::BTreeMap;

use http::Uri;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::fault::RawAnswer;
use super::http::Request;
use super::stand_in::Aws;
use super::world::Shared;

/// The paths below an issuer that AWS fetches from a server.
const DOCUMENTS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/keys"];

/// The answers at public URLs, and the servers behind some of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    answers: BTreeMap<String, RawAnswer>,
    origins: BTreeMap<String, String>,
}

impl Published {
    /// The URL of a request, under which it is logged as well.
    pub(super) fn url(request: &Request) -> String {
        format!("https://{}{}", request.header("Host").unwrap_or_default(), request.target)
    }

    /// The answer to a request for one of the URLs.
    pub(super) fn answer(&self, request: &Request) -> Option<&RawAnswer> {
        self.answers.get(&Self::url(request)).filter(|_| request.method == "GET")
    }

    /// What AWS learns of an issuer: its keys.
    ///
    /// # Errors
    /// What is wrong with its documents.
    pub(super) fn keys_of(&self, issuer: &str) -> Result<Value, String> {
        let configuration = self.document(&format!("{issuer}{}", DOCUMENTS[0]))?;
        if configuration["issuer"] != issuer {
            return Err(format!("the document of {issuer} is of {}", configuration["issuer"]));
        }
        self.document(configuration["jwks_uri"].as_str().ok_or("no jwks_uri")?)
    }

    fn document(&self, url: &str) -> Result<Value, String> {
        let answer = self.answers.get(url).filter(|answer| answer.status == 200);
        let answer = answer.ok_or_else(|| format!("nothing is published at {url}"))?;
        serde_json::from_slice(&answer.body).map_err(|error| format!("{url}: {error}"))
    }
}

impl Aws {
    /// From now on this answer stands at a public URL, such as `https://keys.example.com/x`: AWS finds it there, and
    /// whoever comes through the proxy.
    pub fn publish_answer(&self, url: &str, answer: RawAnswer) {
        self.world().published.answers.insert(url.to_owned(), answer);
    }

    /// From now on this document stands at a public URL.
    pub fn publish(&self, url: &str, document: &Value) {
        self.publish_text(url, &document.to_string());
    }

    /// From now on this text stands at a public URL as if it were JSON; nothing, if it is empty.
    pub fn publish_text(&self, url: &str, text: &str) {
        let answer = RawAnswer {
            status: if text.is_empty() { 404 } else { 200 },
            content_type: Some("application/json".to_owned()),
            headers: Vec::new(),
            body: text.as_bytes().to_vec(),
        };
        self.publish_answer(url, answer);
    }

    /// From now on a server on loopback answers at the URL of an issuer: whenever a token comes, the two documents
    /// are fetched from there, over HTTP and without a token.
    pub fn publish_server(&self, issuer: &str, origin: &str) {
        self.world().published.origins.insert(issuer.to_owned(), origin.to_owned());
    }
}

/// Fetches the documents of all servers anew, if a request needs them.
pub(super) async fn fetch_documents(shared: &Shared, action: &str) {
    if action != "AssumeRoleWithWebIdentity" {
        return;
    }
    let origins = shared.world().published.origins.clone();
    for (issuer, origin) in origins {
        for path in DOCUMENTS {
            let (status, body) = get(&format!("{origin}{path}")).await.unwrap_or((502, Vec::new()));
            let answer = RawAnswer { status, content_type: None, headers: Vec::new(), body };
            shared.world().published.answers.insert(format!("{issuer}{path}"), answer);
        }
    }
}

/// Status and body of a GET. In HTTP/1.0, so that the body is everything behind the head.
async fn get(url: &str) -> Option<(u16, Vec<u8>)> {
    let uri: Uri = url.parse().ok()?;
    let mut stream = TcpStream::connect(uri.authority()?.as_str()).await.ok()?;
    let head = format!("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", uri.path(), uri.authority()?);
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let status = std::str::from_utf8(&answer[..end]).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}
