//! A signed login in its parts, so that each can be changed, and what of it a signature covers.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use testkit::aws::{Credentials, LoginOptions, sign};

/// How `iam_request_headers` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// A JSON object with lists.
    Lists,
    /// A JSON object with plain strings where one value allows it.
    Strings,
    /// The text of such an object.
    Text,
    /// Base64 of that text.
    Base64,
    /// A list of `name:value`.
    Pairs,
}

/// A signed login in its parts.
#[derive(Clone, Debug)]
pub(super) struct SignedLogin {
    pub method: String,
    pub scheme: String,
    pub user_info: Option<String>,
    pub host: String,
    pub path: String,
    /// `None` is no query, not even an empty one.
    pub query: Option<String>,
    pub fragment: Option<String>,
    pub body: Vec<u8>,
    /// Name and value of each header; a name may stand several times.
    pub headers: Vec<(String, String)>,
    pub writing: Writing,
    /// What breaks the lines of base64, and after how many characters.
    pub line_break: Option<(&'static str, usize)>,
    /// The other fields of the login.
    pub fields: Map<String, Value>,
}

/// What a signature covers, in the form SigV4 signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    method: String,
    host: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    /// Escaped, so that a failure can be read.
    body: String,
    /// `None` if there is not exactly one Authorization header that names its parts once.
    authorization: Option<BTreeMap<String, String>>,
    /// Values of each signed header.
    headers: BTreeMap<String, BTreeSet<String>>,
    /// How many values the signed headers have; a repeated one is not in the sets.
    values: usize,
}

/// Headers that the server computes itself.
const COMPUTED: [&str; 2] = ["host", "content-length"];

impl SignedLogin {
    /// A good login.
    pub(super) fn sign(credentials: &Credentials, options: &LoginOptions) -> Self {
        let request = sign(credentials, options);
        let (path, query) = match request.target().split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.target(), None),
        };
        let Value::Object(fields) = json!({"role": "dev"}) else { unreachable!() };
        Self {
            method: request.method.clone(),
            scheme: "https".to_owned(),
            user_info: None,
            host: request.host().to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            fragment: None,
            body: request.body.clone().into_bytes(),
            headers: request.headers.clone(),
            writing: Writing::Base64,
            line_break: None,
            fields,
        }
    }

    /// The login as a client sends it.
    pub(super) fn data(&self) -> Value {
        let mut data = self.fields.clone();
        data.insert("iam_http_request_method".to_owned(), json!(self.method));
        data.insert("iam_request_url".to_owned(), json!(self.base64(self.url().as_bytes())));
        data.insert("iam_request_headers".to_owned(), self.written_headers());
        if self.method == "POST" || !self.body.is_empty() {
            data.insert("iam_request_body".to_owned(), json!(self.base64(&self.body)));
        }
        Value::Object(data)
    }

    fn url(&self) -> String {
        let user_info = self.user_info.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let fragment = self.fragment.as_ref().map(|fragment| format!("#{fragment}")).unwrap_or_default();
        format!("{}://{user_info}{}{}{query}{fragment}", self.scheme, self.host, self.path)
    }

    fn base64(&self, bytes: &[u8]) -> String {
        let text = STANDARD.encode(bytes);
        let Some((line_break, length)) = self.line_break else { return text };
        let lines: Vec<&str> =
            text.as_bytes().chunks(length).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("{}{line_break}", lines.join(line_break))
    }

    fn written_headers(&self) -> Value {
        if self.writing == Writing::Pairs {
            return self.headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        }
        let mut object = Map::new();
        for (name, value) in &self.headers {
            let list = object.entry(name.clone()).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(json!(value));
        }
        if self.writing != Writing::Lists {
            for values in object.values_mut() {
                if let Some([one]) = values.as_array().map(Vec::as_slice) {
                    *values = one.clone();
                }
            }
        }
        let object = Value::Object(object);
        match self.writing {
            Writing::Text => object.to_string().into(),
            Writing::Base64 => self.base64(object.to_string().as_bytes()).into(),
            _ => object,
        }
    }

    /// What a signature of this request covers.
    pub(super) fn covered(&self) -> Covered {
        let query = sorted_query(self.query.as_deref().unwrap_or_default());
        let authorizations = self.values("authorization");
        let authorization = match authorizations.as_slice() {
            [one] => parts(one),
            _ => None,
        };
        // A GET whose signature stands in a header is sent without a body.
        let unsent = self.method == "GET" && !authorizations.is_empty();
        let signed = match (&authorization, query.iter().find(|(name, _)| name == "X-Amz-SignedHeaders")) {
            (Some(parts), _) => parts.get("SignedHeaders").cloned(),
            (None, Some((_, list))) => Some(list.clone()),
            (None, None) => None,
        };
        let signed: BTreeSet<String> = signed.unwrap_or_default().split(';').map(str::to_owned).collect();
        let headers: BTreeMap<String, BTreeSet<String>> = signed
            .iter()
            .filter(|name| !COMPUTED.contains(&name.as_str()))
            .map(|name| (name.clone(), self.values(name).iter().map(|value| folded(value)).collect()))
            .collect();
        let values = headers.keys().map(|name| self.values(name).len()).sum();
        Covered {
            method: self.method.clone(),
            host: self.host.clone(),
            path: resolved(&self.path),
            query,
            body: if unsent { String::new() } else { self.body.escape_ascii().to_string() },
            // A request that has its signature in the query has none in a header.
            authorization: if authorizations.is_empty() { Some(BTreeMap::new()) } else { authorization },
            headers,
            values,
        }
    }

    /// The values of a header, by its name in any case.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let named = |(present, _): &&(String, String)| present.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| value.as_str()).collect()
    }
}

/// Runs of blanks are one, those around the value none.
fn folded(value: &str) -> String {
    value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The segments of a path without those that mean nothing.
fn resolved(path: &str) -> Vec<String> {
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name.to_owned()),
        }
    }
    segments
}

fn sorted_query(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    pairs.sort();
    pairs
}

/// Algorithm, Credential, SignedHeaders and Signature of an Authorization header. Other parts are not
/// covered by anything, and AWS does not look at them.
fn parts(authorization: &str) -> Option<BTreeMap<String, String>> {
    let (algorithm, parameters) = authorization.trim_matches([' ', '\t']).split_once(' ')?;
    let mut parts = BTreeMap::from([("algorithm".to_owned(), algorithm.to_owned())]);
    for parameter in parameters.split(',') {
        let (name, value) = parameter.trim().split_once('=')?;
        let known = ["Credential", "SignedHeaders", "Signature"].contains(&name);
        if known && parts.insert(name.to_owned(), value.to_owned()).is_some() {
            return None;
        }
    }
    Some(parts)
}
