//! What stands at public URLs: the documents of OpenID Connect providers, which AWS fetches.

use std::collections::BTreeMap;

use http::Uri;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::fault::RawAnswer;
use super::http::Request;

/// The paths below an issuer that AWS fetches from a server.
const DOCUMENTS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/keys"];

/// The answers at public URLs, and the servers behind some of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    answers: BTreeMap<String, RawAnswer>,
    origins: BTreeMap<String, String>,
}

impl Published {
    /// From now on this answer stands at a URL.
    pub(super) fn put(&mut self, url: &str, answer: RawAnswer) {
        self.answers.insert(url.to_owned(), answer);
    }

    /// From now on a server answers at the URL of an issuer.
    pub(super) fn put_server(&mut self, issuer: &str, origin: &str) {
        self.origins.insert(issuer.to_owned(), origin.to_owned());
    }

    /// The servers whose documents AWS needs for an action, by issuer.
    pub(super) fn servers_for(&self, action: &str) -> BTreeMap<String, String> {
        if action == "AssumeRoleWithWebIdentity" { self.origins.clone() } else { BTreeMap::new() }
    }

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

/// The documents of the servers behind these issuers, as they are now, by URL.
pub(super) async fn fetched(origins: BTreeMap<String, String>) -> Vec<(String, RawAnswer)> {
    let mut answers = Vec::new();
    for (issuer, origin) in origins {
        for path in DOCUMENTS {
            let (status, body) = get(&format!("{origin}{path}")).await.unwrap_or((502, Vec::new()));
            let answer = RawAnswer { status, content_type: None, headers: Vec::new(), body };
            answers.push((format!("{issuer}{path}"), answer));
        }
    }
    answers
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
