//! Requests to the server.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, DATE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use vault_plugin_auth_aws::aws::error::truncated;
use vault_plugin_auth_aws::https::HttpsTransport;
use vault_plugin_auth_aws::ports::{Clock, HttpRequest, HttpResponse, SystemClock, Transport};

use super::exit::Failure;
use super::host_address::HostAddress;

/// Longest answer, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Longest part of an answer that is shown when it is no answer of the server's API, in bytes.
const MAX_SHOWN: usize = 2 * 1024;
/// Clocks that differ by less are not spoken of.
const NOTEWORTHY_SKEW: Duration = Duration::from_secs(60);
/// Before the first repetition; each further one waits as long again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Speaks to one server.
pub(crate) struct HostClient {
    address: HostAddress,
    transport: Arc<dyn Transport>,
}

/// One request.
pub(crate) struct HostRequest {
    /// Below `/v1/`.
    pub(crate) path: String,
    /// JSON.
    pub(crate) body: Value,
    /// Who asks, if a token is needed.
    pub(crate) token: Option<String>,
    /// Whether the answer shall be wrapped as the address says.
    pub(crate) wrapped: bool,
}

impl HostClient {
    /// A client of this server. Nothing is connected yet.
    ///
    /// # Errors
    /// The settings for TLS cannot be used.
    pub(crate) fn new(address: HostAddress) -> Result<Self, Failure> {
        let transport = HttpsTransport::to_server(address.tls.clone(), address.proxy.clone())
            .map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Self { address, transport: Arc::new(transport) })
    }

    /// Which server it is.
    pub(crate) fn address(&self) -> &HostAddress {
        &self.address
    }

    /// Makes requests until one is answered with something else than a fault of the server. Each is made
    /// anew by `request`, since a login may be good for one use.
    ///
    /// # Errors
    /// The server refuses or is not reached, after all repetitions.
    pub(crate) async fn put<M>(&self, mut make: M) -> Result<Value, Failure>
    where
        M: AsyncFnMut() -> Result<HostRequest, Failure>,
    {
        let mut attempt: u32 = 0;
        loop {
            match self.put_once(&make().await?).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) if refusal.is_final || attempt >= self.address.retries => {
                    return Err(refusal.failure);
                }
                Err(_) => attempt = attempt.saturating_add(1),
            }
            tokio::time::sleep(RETRY_DELAY.saturating_mul(attempt)).await;
        }
    }

    /// Makes one request, once.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) async fn put_once(&self, request: &HostRequest) -> Result<Value, Refusal> {
        let url = format!("{}/v1/{}", self.address.url, request.path);
        let usage = |text: String| Refusal { failure: Failure::Usage(text), is_final: true };
        let uri: Uri =
            url.parse().map_err(|_| usage(format!("{url:?} is no URL; is the mount's path right?")))?;
        let headers = self.headers(request).map_err(|failure| Refusal { failure, is_final: true })?;
        let mut answer = self.send(uri.clone(), headers.clone(), &request.body).await?;
        let mut asked = uri;
        if self.address.follows_redirect
            && answer.status.is_redirection()
            && let Some(target) = redirect(&asked, &answer.headers)
        {
            answer = self.send(target.clone(), headers, &request.body).await?;
            asked = target;
        }
        self.read(&asked, &answer)
    }

    fn headers(&self, request: &HostRequest) -> Result<HeaderMap, Failure> {
        const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
        const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
        const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
        const WRAP_TTL: HeaderName = HeaderName::from_static("x-vault-wrap-ttl");
        let value = |what: &str, text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| Failure::Usage(format!("the {what} holds characters that no header can")))
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        if !self.address.namespace.is_empty() {
            headers.insert(NAMESPACE, value("namespace", &self.address.namespace)?);
        }
        if let Some(token) = &request.token {
            let mut token = value("token", token)?;
            token.set_sensitive(true);
            headers.insert(TOKEN, token);
        }
        if let Some(ttl) = self.address.wrap_ttl.as_deref().filter(|_| request.wrapped) {
            headers.insert(WRAP_TTL, value("-wrap-ttl", ttl)?);
        }
        for (name, value) in &self.address.headers {
            headers.append(name.clone(), value.clone());
        }
        Ok(headers)
    }

    async fn send(&self, uri: Uri, headers: HeaderMap, body: &Value) -> Result<HttpResponse, Refusal> {
        let request = HttpRequest {
            method: Method::PUT,
            uri: uri.clone(),
            headers,
            body: body.to_string().into(),
            response_limit: MAX_ANSWER,
            host_chosen_in: None,
        };
        let exchange = tokio::time::timeout(self.address.timeout, self.transport.send(request)).await;
        let unreached = |why: &str| Refusal {
            failure: Failure::NoRoute(format!("the server was not reached (PUT {uri}): {why}")),
            is_final: false,
        };
        match exchange {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(unreached(&error.to_string())),
            Err(_) => Err(unreached(&format!("no answer within {} s", self.address.timeout.as_secs()))),
        }
    }

    fn read(&self, asked: &Uri, answer: &HttpResponse) -> Result<Value, Refusal> {
        let status = answer.status;
        let parsed: Result<Value, _> = serde_json::from_slice(&answer.body);
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        if status.is_success() {
            return parsed.map_err(|_| Refusal {
                failure: Failure::Refused(format!(
                    "what answers at {asked} is no Vault or OpenBao: {status}, but the answer is no JSON"
                )),
                is_final: true,
            });
        }
        let mut text = format!("the server refused (PUT {asked}): {status}");
        for error in errors(parsed.ok().as_ref(), &answer.body) {
            text.push_str("\n\n  * ");
            text.push_str(&error.replace('\n', "\n    "));
        }
        for hint in self.hints(answer) {
            text.push_str("\n\nhint: ");
            text.push_str(&hint);
        }
        // As the tools of the hosts do it: what the server could not do it may do soon.
        let is_final = !(status == StatusCode::PRECONDITION_FAILED
            || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED));
        Err(Refusal { failure: Failure::Refused(text), is_final })
    }

    /// What may help. What the plugin itself has to say stands in its texts.
    fn hints(&self, answer: &HttpResponse) -> Vec<String> {
        let mut hints = Vec::new();
        let body = String::from_utf8_lossy(&answer.body);
        match answer.status {
            StatusCode::NOT_FOUND => hints.push(format!(
                "is the method mounted there? The mount's path is -path, its namespace {}",
                if self.address.namespace.is_empty() {
                    "-namespace, of which none is named"
                } else {
                    "-namespace"
                }
            )),
            StatusCode::FORBIDDEN if body.contains("permission denied") => hints.push(
                "a server also answers this where nothing is mounted: is -path right, and -namespace?"
                    .to_owned(),
            ),
            StatusCode::SERVICE_UNAVAILABLE => hints.push("the server is sealed or not ready".to_owned()),
            status if status.is_redirection() => {
                hints.push("the server points elsewhere; give the address it points to".to_owned());
            }
            _ => {}
        }
        hints.extend(skew(&answer.headers, SystemClock.now()));
        hints
    }
}

/// A request that did not succeed.
pub(crate) struct Refusal {
    /// Why.
    pub(crate) failure: Failure,
    /// Whether the same would happen again.
    pub(crate) is_final: bool,
}

/// Where a redirect leads. What was asked in secret is not asked in public.
fn redirect(asked: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let target: Uri = headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
    let downgrade = asked.scheme_str() == Some("https") && target.scheme_str() != Some("https");
    (target.host().is_some() && !downgrade).then_some(target)
}

/// What the server says, without characters that could deceive a terminal.
fn errors(answer: Option<&Value>, body: &[u8]) -> Vec<String> {
    let list = answer.and_then(|answer| answer.get("errors")).and_then(Value::as_array);
    let data = answer.and_then(|answer| answer.pointer("/data/error"));
    let texts: Vec<String> = list
        .into_iter()
        .flatten()
        .chain(data)
        .map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned))
        .collect();
    let texts = if texts.is_empty() && answer.is_none_or(|answer| answer.get("errors").is_none()) {
        vec![truncated(&String::from_utf8_lossy(body), MAX_SHOWN).to_owned()]
    } else {
        texts
    };
    let printable = |text: String| -> String {
        text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect()
    };
    texts.into_iter().map(printable).filter(|text| !text.trim().is_empty()).collect()
}

/// A sentence on clocks that differ, by the date of an answer.
fn skew(headers: &HeaderMap, now: SystemTime) -> Option<String> {
    let date = OffsetDateTime::parse(headers.get(DATE)?.to_str().ok()?, &Rfc2822).ok()?;
    let theirs = SystemTime::from(date);
    let (amount, side) = match now.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    (amount > NOTEWORTHY_SKEW).then(|| {
        format!(
            "the clock of this machine is {} s {side} that of the server; AWS refuses signatures that are off by more than 15 minutes",
            amount.as_secs()
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_redirect_never_leaves_tls() {
        let target = |asked: &'static str, location: &'static str| {
            redirect(&Uri::from_static(asked), &headers(LOCATION, location)).map(|uri| uri.to_string())
        };
        assert_eq!(target("https://a/v1/x", "https://b/v1/x").as_deref(), Some("https://b/v1/x"));
        assert_eq!(target("http://a/v1/x", "http://b/v1/x").as_deref(), Some("http://b/v1/x"));
        assert_eq!(target("https://a/v1/x", "http://b/v1/x"), None);
        assert_eq!(target("https://a/v1/x", "/v1/x"), None);
    }

    #[test]
    fn the_texts_of_the_server_are_whole_but_not_steering_the_terminal() {
        let body = br#"{"errors": ["one\ntwo", "\u001b[31mred"]}"#;
        assert_eq!(errors(serde_json::from_slice(body).ok().as_ref(), body), ["one\ntwo", "[31mred"]);
        assert_eq!(errors(Some(&serde_json::json!({"errors": []})), b"{}"), [] as [&str; 0]);
        assert_eq!(errors(None, b"<html>"), ["<html>"]);
    }

    #[test]
    fn a_clock_that_is_off_is_named() {
        let date = || headers(DATE, "Thu, 01 Jan 1970 01:00:00 GMT");
        let at = |seconds| skew(&date(), UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(3_600), None);
        assert!(at(3_600 + 1_200).unwrap().contains("1200 s ahead of"));
        assert!(at(3_600 - 1_200).unwrap().contains("1200 s behind"));
    }
}
