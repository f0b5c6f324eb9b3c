//! A client's signed request as it goes out.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};

use super::headers::ClientHeaders;
use super::shape::Shape;
use crate::aws::endpoint::Endpoint;
use crate::aws::query::{AGENT, MAX_ANSWER};
use crate::aws::sts::Unsendable;
use crate::ports::HttpRequest;

/// Headers about one connection or about framing, which the forwarding side decides itself; a
/// client's copy is dropped. Connections to STS are shared by the logins of all clients, so none may
/// say what happens to them, nor make the two ends disagree about where a request ends.
const OWN_HEADERS: [&str; 12] = [
    "Connection",
    "Content-Length",
    "Expect",
    "Host",
    "Http2-Settings",
    "Keep-Alive",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Te",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// A request for this path as it goes to an endpoint. The connection is made to the endpoint; the client's host is
/// only what the `Host` header says, as it was signed.
///
/// # Errors
/// When the client's path or headers cannot be sent in HTTP.
pub(super) fn request(
    path: &str,
    host: &str,
    (sent, shape): (&ClientHeaders, &Shape),
    endpoint: &Endpoint,
) -> Result<HttpRequest, Unsendable> {
    let uri = endpoint.uri(path).ok_or(Unsendable::Path)?;
    let mut headers = HeaderMap::new();
    for (name, values) in sent.iter() {
        if OWN_HEADERS.contains(&name) {
            continue;
        }
        let invalid = || Unsendable::Header(name.to_owned());
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        for value in values.iter().take(if header == USER_AGENT { 1 } else { usize::MAX }) {
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
            headers.append(header.clone(), value);
        }
    }
    let host = if host.is_empty() { endpoint.authority() } else { host };
    headers.insert(HOST, HeaderValue::from_bytes(host.as_bytes()).map_err(|_| Unsendable::Host)?);
    match headers.get(USER_AGENT) {
        None => {
            headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        }
        Some(agent) if agent.is_empty() => {
            headers.remove(USER_AGENT);
        }
        Some(_) => {}
    }
    Ok(HttpRequest {
        method: shape.method(),
        uri,
        headers,
        body: Bytes::copy_from_slice(shape.body()),
        response_limit: MAX_ANSWER,
        host_chosen_in: None,
    })
}
