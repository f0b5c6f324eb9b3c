//! Signature Version 4 from its description: canonical request, string to sign, signing key.
//!
//! Written without the `aws-sigv4` crate, so that a mistake there or in its use cannot hide here. The
//! signing test suite of AWS keeps it honest (`tests/data/sigv4`).

use aws_lc_rs::{digest, hmac};

use super::encoding::{encode, hex, parse_form};

/// The one algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last part of every credential scope.
pub const TERMINATOR: &str = "aws4_request";

/// The query parameter that is left out of what is signed.
pub const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// Access key with its secret; temporary ones have a session token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// Secret.
    pub secret_access_key: String,
    /// Session token of temporary credentials.
    pub session_token: Option<String>,
}

/// What follows the access key id in a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `YYYYMMDD`.
    pub date: String,
    /// Region.
    pub region: String,
    /// Service, such as `sts`.
    pub service: String,
}

impl Scope {
    /// The scope as text.
    pub fn text(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// A request as it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Signable<'a> {
    /// Method.
    pub method: &'a str,
    /// Path as on the wire.
    pub path: &'a str,
    /// Query as on the wire, without `?`.
    pub query: &'a str,
    /// Headers as on the wire, in order.
    pub headers: &'a [(String, String)],
    /// Lower-case names of the signed headers, sorted.
    pub signed_headers: &'a [String],
    /// Body.
    pub body: &'a [u8],
    /// Whether the signature stands in the query, which then does not cover itself.
    pub presigned: bool,
}

/// The canonical request.
pub fn canonical_request(request: &Signable<'_>) -> String {
    let headers: String = request
        .signed_headers
        .iter()
        .map(|name| format!("{name}:{}\n", canonical_header(request.headers, name)))
        .collect();
    [
        request.method,
        &canonical_path(request.path),
        &canonical_query(request.query, request.presigned),
        &headers,
        &request.signed_headers.join(";"),
        &sha256(request.body),
    ]
    .join("\n")
}

/// The text that is signed. `date` is the full one, `YYYYMMDDTHHMMSSZ`.
pub fn string_to_sign(date: &str, scope: &Scope, canonical_request: &str) -> String {
    [ALGORITHM, date, &scope.text(), &sha256(canonical_request.as_bytes())].join("\n")
}

/// The signature in hexadecimal digits.
pub fn signature(secret: &str, scope: &Scope, string_to_sign: &str) -> String {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [&scope.date, &scope.region, &scope.service, TERMINATOR] {
        key = hmac_sha256(&key, part);
    }
    hex(&hmac_sha256(&key, string_to_sign))
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hmac_sha256(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}

/// The path without dot segments and doubled slashes, each segment escaped once more: the rule of
/// every service but S3.
fn canonical_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut directory = true;
    for segment in path.split('/') {
        directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    let mut canonical = String::from("/");
    canonical.push_str(&kept.iter().map(|segment| encode(segment)).collect::<Vec<_>>().join("/"));
    if directory && !kept.is_empty() {
        canonical.push('/');
    }
    canonical
}

/// The parameters, decoded, escaped anew and sorted by name, then value.
fn canonical_query(query: &str, presigned: bool) -> String {
    let mut pairs: Vec<(String, String)> = parse_form(query)
        .into_iter()
        .filter(|(name, _)| !presigned || name != SIGNATURE_PARAMETER)
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// All values of a header, each trimmed and with runs of white space folded to one space, joined by
/// commas in the order received.
fn canonical_header(headers: &[(String, String)], name: &str) -> String {
    headers
        .iter()
        .filter(|(present, _)| present.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(",")
}
