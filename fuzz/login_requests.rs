//! Signed requests as logins carry them, and what must hold of every one that is forwarded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderName, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, Method};
use vault_plugin_auth_aws::framework::{FieldValue, Fields};
use vault_plugin_auth_aws::ports::HttpRequest;

use crate::form_reading::pairs;

/// Where the signed request of a POST login goes.
pub(crate) const URL: &str = "https://sts.amazonaws.com/";
/// Its body.
pub(crate) const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// The fields of a login with this signed request.
pub(crate) fn fields(method: &[u8], url: &[u8], body: &[u8], headers: Vec<(String, Vec<String>)>) -> Fields {
    let mut fields = Fields::new();
    let method = String::from_utf8_lossy(method).into_owned();
    fields.insert("iam_http_request_method", FieldValue::Text(method));
    fields.insert("iam_request_url", FieldValue::Text(STANDARD.encode(url)));
    fields.insert("iam_request_body", FieldValue::Text(STANDARD.encode(body)));
    fields.insert("iam_request_headers", FieldValue::Headers(headers));
    fields
}

/// Asserts what must hold whatever the client sent: the request goes to this endpoint, asks who the
/// caller is and nothing else, and is one request however its headers are read.
pub(crate) fn assert_is_harmless(request: &HttpRequest, scheme: &str, authority: &str) {
    let uri = &request.uri;
    assert_eq!(uri.scheme_str(), Some(scheme), "{uri}");
    assert_eq!(uri.authority().map(|authority| authority.as_str()), Some(authority), "{uri}");
    assert!(uri.path().starts_with('/'), "{uri}");
    assert_asks_who_is_calling(request);
    assert_is_one_request(&request.headers);
}

fn assert_asks_who_is_calling(request: &HttpRequest) {
    let query = request.uri.query().unwrap_or("");
    let body = pairs(&request.body);
    let said = match request.method {
        Method::POST => {
            assert_eq!(query, "");
            body
        }
        Method::GET => {
            assert!(body.iter().all(is_of_the_action), "{body:?}");
            pairs(query.as_bytes())
        }
        ref other => panic!("the method is {other}"),
    };
    let actions: Vec<&str> = said
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Action"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert!(actions.len() <= 1 && actions.iter().all(|action| *action == "GetCallerIdentity"), "{actions:?}");
    if request.method == Method::GET {
        assert_eq!(actions.len(), 1);
        let mut names: Vec<String> = said.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a parameter stands twice in {query}");
        // One signature: in the query, or in the one header.
        let in_header = request.headers.get_all(AUTHORIZATION).iter().count();
        let in_query = names.iter().any(|name| name == "x-amz-signature");
        assert_eq!(in_header + usize::from(in_query), 1, "{query}");
        let is_known =
            |name: &String| (in_query && name.starts_with("x-amz-")) || name == "action" || name == "version";
        assert!(names.iter().all(is_known), "{query}");
    } else {
        assert!(said.iter().all(is_of_the_action), "{said:?}");
    }
}

fn is_of_the_action((name, value): &(String, String)) -> bool {
    (name == "Action" && value == "GetCallerIdentity") || name == "Version"
}

/// Nothing in the headers says where a request ends, and no value holds a line break.
fn assert_is_one_request(headers: &HeaderMap) {
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER] {
        assert!(!headers.contains_key(&name), "{name} is forwarded");
    }
    let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
    assert_eq!(hosts.len(), 1, "{hosts:?}");
    let separators = b" \t/\\?#@%";
    assert!(!hosts[0].as_bytes().iter().any(|byte| separators.contains(byte)), "{hosts:?}");
    for (name, value) in headers {
        assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')), "{name}");
    }
}

/// The values of a header.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(|value| value.as_bytes()).collect()
}
