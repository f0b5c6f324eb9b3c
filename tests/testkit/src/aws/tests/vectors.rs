//! The verifier against the signing test suite of AWS.

use std::path::{Path, PathBuf};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::aws::http::Request;
use crate::aws::sigv4::{Signable, canonical_request, signature, string_to_sign};
use crate::aws::verify::Presented;
use crate::aws::{Ambiguity, Form};

/// A vector whose session token was added after signing, which the verifier refuses.
const TOKEN_NOT_SIGNED: &str = "post-sts-header-after";

/// A vector of canonicalisation only: neither time nor secret is told.
const WITHOUT_CONTEXT: &str = "double-url-encode";

fn vectors() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sigv4");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    assert_eq!(folders.len(), 32);
    folders
}

fn name(vector: &Path) -> &str {
    vector.file_name().unwrap().to_str().unwrap()
}

fn read(vector: &Path, file: &str) -> String {
    std::fs::read_to_string(vector.join(file)).unwrap().trim_end_matches('\n').to_owned()
}

/// Header lines that go on in the next line keep their line break.
fn parse_request(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let (first, rest) = head.split_once('\n').unwrap();
    let (method, target) = first.split_once(' ').unwrap();
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in rest.lines() {
        if line.starts_with(' ') {
            let value = &mut headers.last_mut().unwrap().1;
            value.push('\n');
            value.push_str(line);
        } else {
            let (name, value) = line.split_once(':').unwrap();
            // The older vectors have a space here; elsewhere spaces belong to what is tested.
            let value = if name == "Authorization" { value.trim_start() } else { value };
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    Request {
        method: method.to_owned(),
        target: target.strip_suffix(" HTTP/1.1").unwrap_or(target).to_owned(),
        headers,
        body: body.as_bytes().to_vec(),
    }
}

struct Context {
    secret: String,
    time: OffsetDateTime,
}

fn context(vector: &Path) -> Context {
    let json: Value = serde_json::from_str(&read(vector, "context.json")).unwrap();
    Context {
        secret: json["credentials"]["secret_access_key"].as_str().unwrap().to_owned(),
        time: OffsetDateTime::parse(json["timestamp"].as_str().unwrap(), &Rfc3339).unwrap(),
    }
}

fn check(vector: &Path, form: &str) {
    let name = name(vector);
    let request = parse_request(&read(vector, &format!("{form}-signed-request.txt")));
    let presented = Presented::of(&request, Ambiguity::default()).unwrap();
    assert_eq!(presented.form, if form == "query" { Form::Query } else { Form::Header });
    let canonical = canonical_request(&Signable {
        method: &request.method,
        path: request.path(),
        query: request.query(),
        headers: &request.headers,
        signed_headers: &presented.signed_headers,
        body: &request.body,
        presigned: form == "query",
    });
    if form == "query" && name == TOKEN_NOT_SIGNED {
        assert_ne!(canonical, read(vector, "query-canonical-request.txt"), "{name}");
        presented.check_signature(&request, &context(vector).secret).unwrap_err();
        return;
    }
    assert_eq!(canonical, read(vector, &format!("{form}-canonical-request.txt")), "{name}");
    let to_sign = string_to_sign(&presented.date, &presented.scope, &canonical);
    assert_eq!(to_sign, read(vector, &format!("{form}-string-to-sign.txt")), "{name}");
    if name == WITHOUT_CONTEXT {
        return;
    }
    let context = context(vector);
    let expected = read(vector, &format!("{form}-signature.txt"));
    assert_eq!(signature(&context.secret, &presented.scope, &to_sign), expected, "{name}");
    presented.check_signature(&request, &context.secret).unwrap();
    presented.check_date(context.time).unwrap();
    let headers = presented.check_headers(&request);
    assert_eq!(headers.is_ok(), name != TOKEN_NOT_SIGNED, "{name}: {headers:?}");
    let another = presented.check_signature(&request, "another secret").unwrap_err();
    assert_eq!(another.code, "SignatureDoesNotMatch");
}

#[test]
fn signatures_in_the_header() {
    for vector in vectors() {
        check(&vector, "header");
    }
}

#[test]
fn signatures_in_the_query() {
    for vector in vectors().iter().filter(|vector| name(vector) != WITHOUT_CONTEXT) {
        check(vector, "query");
    }
}
