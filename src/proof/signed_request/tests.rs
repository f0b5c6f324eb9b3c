use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http::header::{CONNECTION, HeaderName};

use super::*;
use crate::budget::Step;
use crate::budget::step::counted::count;
use crate::framework::{FieldValue, HostFlavor};
use crate::refusal::{Code, Coded};

const POST_URL: &str = "https://sts.amazonaws.com/";
const GET_URL: &str = "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

fn parsed(
    method: &str,
    url: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Result<SignedRequest, SignedRequestError> {
    let encoded = |text: &str| FieldValue::Text(STANDARD.encode(text));
    let headers =
        headers.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    let mut fields = Fields::new();
    fields.insert("iam_http_request_method", FieldValue::Text(method.to_owned()));
    fields.insert("iam_request_url", encoded(url));
    fields.insert("iam_request_body", encoded(body));
    fields.insert("iam_request_headers", FieldValue::Headers(headers));
    SignedRequest::parse(&fields, HostFlavor::Vault)
}

fn forwarded(method: &str, url: &str, body: &str, headers: &[(&str, &str)]) -> HttpRequest {
    parsed(method, url, body, headers).unwrap().forwarded_to(&Endpoint::global_sts()).unwrap()
}

#[test]
fn a_client_has_no_say_in_a_shared_connection() {
    let dropped = [
        ("connection", "close, x-amz-date"),
        ("content-length", "7"),
        ("EXPECT", "100-continue"),
        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
        ("Keep-Alive", "timeout=1"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy-Connection", "close"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("transfer-ENCODING", "chunked"),
        ("Upgrade", "h2c"),
    ];
    let kept = [("X-Amz-Date", "20250101T000000Z"), ("Accept", "*/*")];
    let request = forwarded("POST", POST_URL, BODY, &[&dropped[..], &kept[..]].concat());
    let mut names: Vec<_> = request.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host", "user-agent", "x-amz-date"]);
}

/// Whatever a URL holds, few names are compared, and none of what is too much.
#[test]
fn the_parameters_of_a_query_cost_little() {
    let compared = |query: &str| {
        let url = format!("https://sts.amazonaws.com/?{query}");
        let (parsed, steps) =
            count(Step::NamesCompared, || parsed("GET", &url, "", &[("Accept", "*/*")]).map(drop));
        (parsed.map_err(|error| error.to_string()), steps)
    };
    let names = |count: usize| -> String { (0..count).map(|number| format!("&X-Amz-{number}")).collect() };
    for pairs in [16, 100, 1_300] {
        let (refused, steps) = compared(&format!("Action=GetCallerIdentity{}", names(pairs)));
        assert_eq!(refused, Err("invalid request query params: too many".to_owned()));
        assert!(steps <= 10, "{pairs}: {steps}");
    }
    let (refused, steps) = compared(&format!("Action=GetCallerIdentity{}", names(15)));
    assert_eq!(refused, Err("missing request query param: Version".to_owned()));
    assert!((100..150).contains(&steps), "{steps}");
}

#[test]
fn the_names_of_headers_cost_little() {
    let name = |number: usize| format!("{}{number}", "X".repeat(1_000));
    let sent: Vec<(String, Vec<String>)> =
        (0..64).map(|number| (name(number), vec!["x".to_owned()])).collect();
    let (collected, steps) = count(Step::NamesCompared, || ClientHeaders::collect(&sent));
    assert_eq!(collected.iter().count(), 64);
    assert!(steps <= 64 * 16, "{steps}");
    let again: Vec<(String, Vec<String>)> = vec![("a".to_owned(), vec!["x".to_owned()]); 64];
    let (collected, steps) = count(Step::NamesCompared, || ClientHeaders::collect(&again));
    assert_eq!((collected.values("A").len(), steps), (64, 63));
}

#[test]
fn what_was_signed_for_another_product_is_none_for_this_server() {
    for (method, url, body) in [("POST", POST_URL, BODY), ("GET", GET_URL, "")] {
        let refused = parsed(method, url, body, &[("x-k8s-aws-id", "cluster")]).unwrap_err();
        let text = "invalid request header: X-K8s-Aws-Id binds the request to another product";
        assert_eq!((refused.to_string().as_str(), refused.code()), (text, Code::IamOtherProduct));
    }
}

#[test]
fn a_presigned_get_has_no_body() {
    let request = forwarded("GET", GET_URL, "", &[("Accept", "*/*")]);
    assert_eq!((request.body, request.headers.get(CONNECTION)), (Bytes::new(), None));
    let refused = |body| parsed("GET", GET_URL, body, &[("Accept", "*/*")]).unwrap_err();
    let error = refused(BODY);
    assert_eq!(error.to_string(), "invalid iam_request_body: a presigned GET request has none");
    assert_eq!(error.code(), Code::IamBody);
    assert_eq!(refused("Action=GetUser").to_string(), "iam request body is invalid");
}

#[test]
fn a_get_signed_in_a_header_has_no_body_and_nothing_in_its_query() {
    const PLAIN: &str = "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
    const SIGNED: (&str, &str) = (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKID/20250101/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
    );
    for body in ["", BODY] {
        let request = forwarded("GET", PLAIN, body, &[SIGNED]);
        assert_eq!((request.method, request.body), (Method::GET, Bytes::new()));
        assert_eq!(request.uri, format!("https://sts.amazonaws.com//{}", &PLAIN[26..]).as_str());
        assert_eq!(request.headers.get(CONNECTION), None);
        assert_eq!(request.headers["authorization"], SIGNED.1);
    }
    let refused = |url: &str, body: &str, headers: &[(&str, &str)]| {
        parsed("GET", url, body, headers).unwrap_err().to_string()
    };
    let two = "invalid request header: Authorization";
    assert_eq!(refused(PLAIN, "", &[SIGNED, ("Authorization", "x")]), two);
    assert_eq!(refused(PLAIN, "", &[SIGNED, ("AUTHORIZATION", SIGNED.1)]), two);
    assert_eq!(refused(GET_URL, "", &[SIGNED]), two);
    assert_eq!(refused(PLAIN, "Action=GetUser", &[SIGNED]), "iam request body is invalid");
    // Without a signature it is a presigned one that lacks it.
    let none = "missing request query param: X-Amz-Algorithm";
    assert_eq!(refused(PLAIN, "", &[("X-Authorization", SIGNED.1)]), none);
    assert_eq!(refused(&format!("{PLAIN}&x-amz-signature=00"), "", &[SIGNED]), none);
    assert_eq!(
        refused(&format!("{PLAIN}&X-Amz-Date=20250101T000000Z"), "", &[SIGNED]),
        "invalid request query param: X-Amz-Date"
    );
}

/// The region of the signature that counts.
#[test]
fn the_region_is_that_of_the_signature() {
    let mut config = ClientConfig::absent();
    config.use_sts_region_from_client = true;
    let signed = (
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=AKID/20250101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=00",
    );
    let get = parsed("GET", "https://h/?Action=GetCallerIdentity", "", &[signed]).unwrap();
    let presigned = parsed("GET", GET_URL, "", &[("Accept", "*/*")]).unwrap();
    let authority = |request: &SignedRequest| request.endpoint(&config).unwrap().authority().to_owned();
    assert_eq!(authority(&get), "sts.eu-west-1.amazonaws.com");
    assert_eq!(authority(&presigned), "sts.us-east-1.amazonaws.com");
}

#[test]
fn a_post_without_a_body_has_the_text_of_the_host_and_the_same_code() {
    for (host, text) in [
        (HostFlavor::OpenBao, "missing iam_request_body"),
        (HostFlavor::Vault, "missing iam_request_body which is required for POST requests"),
    ] {
        let mut fields = Fields::new();
        fields.insert("iam_http_request_method", FieldValue::Text("POST".to_owned()));
        fields.insert("iam_request_url", FieldValue::Text(STANDARD.encode(POST_URL)));
        let refused = SignedRequest::parse(&fields, host).unwrap_err();
        assert_eq!((refused.to_string().as_str(), refused.code()), (text, Code::IamBody));
    }
}
