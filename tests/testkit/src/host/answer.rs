//! What the API client gets for a plugin's reply: the rules by which a host decodes replies and
//! turns errors into HTTP statuses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tonic::{Code, Status};

use super::alias_limits;
use crate::proto::pb::{Auth, HandleRequestReply, LeaseOptions, ProtoError, Response};

/// The answer to one request, as the API client sees it, with the plugin's reply beside it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status. A coded error without a code gives 0, which no client accepts.
    pub status: u16,
    /// The `data` member; `null` if there is none.
    pub data: Value,
    /// The identity the plugin gave; only on logins and renewals.
    pub auth: Option<Auth>,
    /// The `warnings` member.
    pub warnings: Vec<String>,
    /// The `errors` member, as on the wire; see also [`Answer::error`].
    pub errors: Vec<String>,
    /// Response headers the plugin asks for.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Target of a redirect; empty without one.
    pub redirect: String,
    /// Set if the plugin answers with a body of its own.
    pub raw_body: Option<RawBody>,
    /// The role the plugin resolved after a login; `None` if it did not, or was not asked.
    pub role: Option<String>,
    /// What the plugin sent.
    pub raw: Result<HandleRequestReply, Status>,
}

/// A body that is not the host's JSON envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBody {
    /// Content type.
    pub content_type: String,
    /// The decoded body.
    pub body: Vec<u8>,
    /// The `Cache-Control` header.
    pub cache_control: Option<String>,
}

/// What the host knows of the request when it reads the reply.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The operation's wire name.
    pub operation: &'a str,
    /// Whether the path needs no token. Only there may a reply carry an identity, and errors are
    /// shown without the host's wrapping.
    pub login: bool,
    /// Vault rejects replies that OpenBao tolerates.
    pub vault: bool,
}

impl Answer {
    /// Reads a reply.
    #[must_use]
    pub fn read(asked: Asked<'_>, raw: Result<HandleRequestReply, Status>) -> Self {
        let mut answer = Self::bare(0, raw);
        match &answer.raw {
            Err(status) => {
                let text = rpc_error(status);
                answer.fail(asked, 500, &text);
            }
            Ok(reply) => {
                let reply = reply.clone();
                answer.fill(asked, reply);
            }
        }
        answer
    }

    /// An answer the host gives by itself, without the plugin's reply to the request.
    #[must_use]
    pub fn refused(status: u16, text: &str) -> Self {
        let mut answer = Self::bare(status, Ok(HandleRequestReply::default()));
        answer.errors.push(text.to_owned());
        answer
    }

    fn bare(status: u16, raw: Result<HandleRequestReply, Status>) -> Self {
        Self {
            status,
            data: Value::Null,
            auth: None,
            warnings: Vec::new(),
            errors: Vec::new(),
            headers: BTreeMap::new(),
            redirect: String::new(),
            raw_body: None,
            role: None,
            raw,
        }
    }

    /// The one error, without the host's wrapping; empty if there is none.
    ///
    /// # Panics
    /// If there are several.
    #[must_use]
    pub fn error(&self) -> &str {
        match self.errors.as_slice() {
            [] => "",
            [text] => {
                let inner = text.strip_prefix(WRAP_START).and_then(|text| text.strip_suffix(WRAP_END));
                inner.unwrap_or(text)
            }
            several => panic!("several errors: {several:#?}"),
        }
    }

    /// The answer, if it has this status.
    ///
    /// # Panics
    /// If it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// The answer, if it is that of a write: no data, and no warning but that strict mode is off.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    pub fn expect_written(self) -> Self {
        let is_of_strict_mode = |warning: &String| warning.starts_with("iam_strict_request is off");
        assert!(self.succeeded() && self.warnings.iter().all(is_of_strict_mode), "{self:#?}");
        self
    }

    /// Whether the status is 200 or 204.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        matches!(self.status, 200 | 204)
    }

    fn fail(&mut self, asked: Asked<'_>, status: u16, text: &str) {
        self.status = status;
        self.data = Value::Null;
        self.auth = None;
        self.warnings.clear();
        self.errors =
            vec![if asked.login { text.to_owned() } else { format!("{WRAP_START}{text}{WRAP_END}") }];
    }

    fn fill(&mut self, asked: Asked<'_>, reply: HandleRequestReply) {
        let data = match reply.response.as_ref().map(|response| decode(asked, response)).transpose() {
            Ok(data) => data.flatten(),
            Err(text) => return self.fail(asked, 500, &text),
        };
        // Kinds the host does not know are dropped.
        let error = reply.err.filter(|error| error.err_type <= LAST_ERROR_TYPE);
        let refusal = data.as_ref().and_then(|data| error_text(data).map(str::to_owned));
        match (error, refusal) {
            (None, None) => self.succeed(asked, reply.response, data),
            (None, Some(text)) => self.refuse(400, text, data),
            // The text of the response takes the place of the coded error.
            (Some(error), Some(text)) if error.err_type == CODED => self.refuse(400, text, data),
            (Some(error), Some(text)) => self.refuse(status_of(&error, true), text, data),
            (Some(error), None) => {
                let mut text = text_of(&error).to_owned();
                if asked.operation == "renew" {
                    text = format!("failed to renew entry: {text}");
                }
                self.fail(asked, status_of(&error, reply.response.is_some()), &text);
            }
        }
    }

    /// An error response: its text is never wrapped.
    fn refuse(&mut self, status: u16, text: String, data: Option<Map<String, Value>>) {
        self.status = status;
        self.errors = vec![text];
        self.data = data.and_then(|mut data| data.remove("data")).unwrap_or_default();
    }

    fn succeed(&mut self, asked: Asked<'_>, response: Option<Response>, data: Option<Map<String, Value>>) {
        let Some(response) = response else {
            let absent = matches!(asked.operation, "read" | "list" | "scan" | "header");
            self.status = if absent { 404 } else { 204 };
            return;
        };
        if let Err(text) = self.take_auth(asked, &response) {
            return self.fail(asked, if text == ROOT_TOKEN { 400 } else { 500 }, &text);
        }
        self.status = 200;
        self.warnings = response.warnings;
        self.headers = response.headers.into_iter().map(|(name, values)| (name, values.header)).collect();
        if !response.redirect.is_empty() {
            self.status = 307;
            self.redirect = response.redirect;
            return;
        }
        if let Some(data) = &data {
            if data.contains_key("http_status_code") {
                return self.raw_answer(asked, data, response.auth.is_some() || response.secret.is_some());
            }
            if matches!(asked.operation, "list" | "scan") {
                self.status = list_status(data, &self.warnings);
            }
        }
        self.data = data.map_or(Value::Null, Value::Object);
    }

    fn take_auth(&mut self, asked: Asked<'_>, response: &Response) -> Result<(), String> {
        let Some(auth) = &response.auth else { return Ok(()) };
        if asked.operation != "renew" {
            if !asked.login || response.secret.is_some() {
                return Err("internal error".to_owned());
            }
            if let Some(alias) = &auth.alias {
                if alias.name.is_empty() {
                    return Err("missing name in alias".to_owned());
                }
                alias_limits::refusal(&alias.metadata.clone().into_iter().collect()).map_or(Ok(()), Err)?;
            }
            if auth.policies.iter().any(|policy| policy.trim().eq_ignore_ascii_case("root")) {
                return Err(ROOT_TOKEN.to_owned());
            }
        }
        self.auth = Some(auth.clone());
        Ok(())
    }

    /// A reply that carries status and body itself.
    fn raw_answer(&mut self, asked: Asked<'_>, data: &Map<String, Value>, with_lease: bool) {
        use base64::Engine as _;
        let text = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
        let status =
            data.get("http_status_code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let content_type = text("http_content_type");
        match (status, content_type) {
            (Some(204), _) if !with_lease => self.status = 204,
            (Some(status), Some(content_type)) if !with_lease => {
                self.status = status;
                let body = text("http_raw_body").unwrap_or_default();
                let decoded = base64::engine::general_purpose::STANDARD.decode(&body);
                self.raw_body = Some(RawBody {
                    content_type,
                    body: decoded.unwrap_or_else(|_| body.into_bytes()),
                    cache_control: text("http_raw_cache_control"),
                });
            }
            _ => self.fail(asked, 500, "malformed raw response"),
        }
    }
}

/// How a host wraps errors of authenticated paths.
const WRAP_START: &str = "1 error occurred:\n\t* ";
const WRAP_END: &str = "\n\n";
const ROOT_TOKEN: &str = "auth methods cannot create root tokens";

/// `ProtoError.err_type` of an error with a status of its own.
const CODED: u32 = 3;
/// The last kind of error a host knows.
const LAST_ERROR_TYPE: u32 = 10;

/// Plain texts that set a status when they are the whole message.
const KNOWN_TEXTS: [(&str, u16); 14] = [
    ("permission denied", 403),
    ("unsupported operation", 405),
    ("unsupported path", 404),
    ("invalid request", 400),
    ("invalid credentials", 400),
    ("relative paths not supported", 400),
    ("wrapping token is not valid or does not exist", 400),
    ("locked namespace", 503),
    ("upstream rate limited", 502),
    ("rate limit quota exceeded", 429),
    ("lease count quota exceeded", 429),
    ("functionality on this path has been removed", 404),
    ("http: request body too large", 413),
    ("Vault is sealed", 503),
];

/// The text of an error; some kinds have a fixed one whatever was sent.
#[must_use]
pub(super) fn text_of(error: &ProtoError) -> &str {
    match error.err_type {
        5 => "unsupported operation",
        6 => "unsupported path",
        7 => "invalid request",
        8 => "permission denied",
        9 => "request needs further approval",
        10 => "unrecoverable error",
        _ => &error.err_msg,
    }
}

fn status_of(error: &ProtoError, with_response: bool) -> u16 {
    match error.err_type {
        CODED => u16::try_from(error.err_code).unwrap_or_default(),
        4 => 400,
        _ => {
            let text = text_of(error);
            let known = KNOWN_TEXTS.iter().find(|(known, _)| *known == text);
            known.map_or(if with_response { 400 } else { 500 }, |(_, status)| *status)
        }
    }
}

/// The text of a gRPC error as Go prints it.
#[must_use]
pub fn rpc_error(status: &Status) -> String {
    let code = match status.code() {
        Code::Cancelled => "Canceled".to_owned(),
        code => format!("{code:?}"),
    };
    format!("rpc error: code = {code} desc = {}", status.message())
}

/// The text of an error response: the data is an object with `error` and at most `data` beside it.
fn error_text(data: &Map<String, Value>) -> Option<&str> {
    let text = data.get("error")?.as_str()?;
    data.keys().all(|key| key == "error" || key == "data").then_some(text)
}

fn list_status(data: &Map<String, Value>, warnings: &[String]) -> u16 {
    match data.get("keys") {
        None | Some(Value::Null) => {
            if data.is_empty() && warnings.is_empty() {
                404
            } else {
                200
            }
        }
        Some(Value::Array(keys)) if keys.is_empty() => 404,
        Some(Value::Array(keys)) if keys.iter().all(Value::is_string) => 200,
        Some(_) => 500,
    }
}

/// Decodes what stands as text in a response, with the host's strictness; the error is its text.
fn decode(asked: Asked<'_>, response: &Response) -> Result<Option<Map<String, Value>>, String> {
    let data = json_object("data", &response.data)?;
    if let Some(secret) = &response.secret {
        json_object("secret.internal_data", &secret.internal_data)?;
        check_lease(secret.lease_options.as_ref())?;
    }
    if let Some(auth) = &response.auth {
        if asked.vault || !auth.internal_data.is_empty() {
            json_object("auth.internal_data", &auth.internal_data)?;
        }
        check_lease(auth.lease_options.as_ref())?;
        if let Some(bad) = auth.bound_cidrs.iter().find(|cidr| !is_address_or_network(cidr)) {
            return Err(format!("unable to parse bound CIDR {bad:?}"));
        }
    }
    if asked.vault && response.wrap_info.as_ref().is_some_and(|info| info.creation_time.is_none()) {
        return Err("proto: invalid nil Timestamp".to_owned());
    }
    Ok(data)
}

fn json_object(what: &str, text: &str) -> Result<Option<Map<String, Value>>, String> {
    if text.is_empty() {
        return Err("unexpected end of JSON input".to_owned());
    }
    match serde_json::from_str(text) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(_) => Err(format!("{what} is neither an object nor null")),
        Err(error) => Err(format!("{what} is not JSON: {error}")),
    }
}

fn check_lease(lease: Option<&LeaseOptions>) -> Result<(), String> {
    /// Years 1 to 9999.
    const SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;
    let Some(lease) = lease else { return Ok(()) };
    let Some(time) = &lease.issue_time else { return Err("proto: invalid nil Timestamp".to_owned()) };
    if SECONDS.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos) {
        Ok(())
    } else {
        Err(format!("proto: timestamp {time:?} out of range"))
    }
}

/// As both hosts read it: an address may have a port.
fn is_address_or_network(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
        || text.parse::<std::net::SocketAddr>().is_ok()
        || text.parse::<ipnet::IpNet>().is_ok()
        || text.starts_with('/')
}

#[cfg(test)]
mod tests;
