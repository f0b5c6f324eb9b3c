//! The signed request inside a login: method, URL, body and headers.

use http::header::{AUTHORIZATION, HOST, HeaderName, USER_AGENT};
use serde_json::{Value, json};
use vault_plugin_auth_aws::aws::endpoint::Endpoint;
use vault_plugin_auth_aws::entry::ClientConfig;
use vault_plugin_auth_aws::framework::{Field, FieldKind, FieldValue, HostFlavor};
use vault_plugin_auth_aws::ports::HttpRequest;
use vault_plugin_auth_aws::proof::signed_request::SignedRequest;

use crate::login_requests::{assert_is_harmless, fields, values};
use crate::target::{Target, Verdict};

/// Method, URL, body, and headers as JSON.
const TARGET: Target<4> = Target {
    accepted: &[
        [
            "POST",
            "https://sts.amazonaws.com/",
            "Action=GetCallerIdentity&Version=2011-06-15",
            r#"{"Authorization":["AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"],"X-Amz-Date":["20260101T000000Z"],"Content-Type":["application/x-www-form-urlencoded; charset=utf-8"],"Content-Length":["43"],"User-Agent":["aws-sdk"],"Host":["sts.amazonaws.com"]}"#,
        ],
        [
            "GET",
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00",
            "",
            r#"{"X-Vault-AWS-IAM-Server-ID":["vault.example.com"]}"#,
        ],
        [
            "GET",
            "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID/20250101/eu-west-1/sts/aws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Security-Token=t",
            "",
            r#"{"Accept":["*/*"]}"#,
        ],
        [
            "GET",
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
            "Action=GetCallerIdentity",
            r#"{"authorization":["AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"],"X-Amz-Date":["20260101T000000Z"]}"#,
        ],
        [
            "POST",
            "https://user:pw@evil.example:8443/x/%2e%2e/#frag",
            "Version=1&Version=2&&",
            r#"{"A":["b"],"a":["c","d"],"User-Agent":["x","y"]}"#,
        ],
        ["POST", "foo:bar", "%41ction=%47etCallerIdentity", r#"{"A":[""]}"#],
        [
            "POST",
            "//host/a b",
            "Action=GetCallerIdentity",
            r#"{"User-Agent":[""],"Transfer-Encoding":["chunked"],"Content-Length":["0"]}"#,
        ],
        ["POST", "https://[::1]:443", "Action=GetCallerIdentity", r#"{"A":["1"]}"#],
    ],
    refused: &[
        [
            "GET",
            "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID/20250101/eu-west-1/sts/aws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Security-Token=t",
            "Action=GetCallerIdentity",
            r#"{"Accept":["*/*"]}"#,
        ],
        ["POST", "https://sts.amazonaws.com/?Action=GetUser", "Action=GetCallerIdentity", r#"{"A":["b"]}"#],
        ["POST", "https://sts.amazonaws.com/", "Action=GetCallerIdentity&UserName=x", r#"{"A":["b"]}"#],
        [
            "POST",
            "https://sts.amazonaws.com/",
            "Action=GetCallerIdentity&Action=GetCallerIdentity",
            r#"{"A":["b"]}"#,
        ],
        ["POST", "https://sts.amazonaws.com/", "Version=1;Action=GetUser", r#"{"A":["b"]}"#],
        ["POST", "https://sts.amazonaws.com/", "Action=GetUser", r#"{"A":["b"]}"#],
        ["POST", "https://u@v@evil.example/%zz", "Action=GetCallerIdentity", r#"{"A":["b"]}"#],
        ["PUT", "https://sts.amazonaws.com/", "Action=GetCallerIdentity", r#"{"A":["b"]}"#],
        [
            "GET",
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00&x-amz-date=x",
            "",
            r#"{"A":["b"]}"#,
        ],
        [
            "GET",
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Security-Token=t;Action=GetUser",
            "",
            r#"{"A":["b"]}"#,
        ],
        [
            "GET",
            "https://sts.amazonaws.com/?Action=GetUser&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00",
            "",
            r#"{"A":["b"]}"#,
        ],
        ["POST", "https://sts.amazonaws.com/", "Action=GetCallerIdentity", r#"{"Authorization":["a","b"]}"#],
        ["GET", "https://sts.amazonaws.com/?Action=GetCallerIdentity", "", r#"{"Authorization":["a","b"]}"#],
        ["GET", "https://sts.amazonaws.com/?Action=GetCallerIdentity", "", r#"{"X-Amz-Date":["a"]}"#],
        [
            "GET",
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Date=20250101T000000Z",
            "",
            r#"{"Authorization":["a"]}"#,
        ],
        [
            "GET",
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Signature=00",
            "",
            r#"{"Authorization":["a"]}"#,
        ],
        ["POST", "https://sts.amazonaws.com/", "Action=GetCallerIdentity", r#"{"A":["b\nc"]}"#],
    ],
    tokens: &[&[
        "Action=",
        "Action=GetUser",
        "&Action=GetCallerIdentity",
        "&action=GetUser",
        "Version=",
        "&",
        "=",
        "+",
        ";",
        "%",
        "%41",
        "%26",
        "%3D",
        "%00",
        "%0d%0a",
        "%zz",
        "GetCallerIdentity",
        "&X-Amz-Date=x",
        "&x-amz-date=x",
        "&X-Amz-Expires=60",
        "https://",
        "http:",
        "://",
        "//",
        "/",
        "\\",
        "@",
        "?",
        "#",
        ":",
        ":80",
        "[",
        "]",
        "evil.example",
        "..",
        "\r\n",
        "\n",
        "\0",
        "\t",
        " ",
        "é",
        "\u{ff0f}",
        "Host",
        "\"Host\":[\"evil.example\"],",
        "\"Content-Length\":[\"1\"],",
        "\"transfer-encoding\":[\"chunked\"],",
        "\"Trailer\":[\"x\"],",
        "\"Authorization\":[\"x\"],",
        "\"authorization\":[\"y\"],",
        "\"X-Amz-Target\":[\"x\"],",
        "\\r\\n",
        "\\u0000",
        "\\u000a",
        "\\u00e9",
        "POST",
        "GET",
        "PUT",
    ]],
    check,
};

#[test]
fn signed_request() {
    TARGET.run();
}

/// `X-Amz-` headers and parameters that need no configuration.
const ALLOWED: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
    "x-amz-user-agent",
];

/// Headers about one connection, which may be dropped on the way.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn check([method, url, body, headers]: [&[u8]; 4]) -> Verdict {
    let sent = sent_headers(headers);
    let request = match SignedRequest::parse(&fields(method, url, body, sent.clone()), HostFlavor::Vault) {
        Ok(request) => request,
        Err(refused) => return Verdict::refused(&refused.to_string()),
    };
    assert!(method == b"POST" || method == b"GET");
    let endpoint = Endpoint::global_sts();
    let forwarded = match request.forwarded_to(&endpoint) {
        Ok(forwarded) => forwarded,
        Err(reason) => return Verdict::refused(&reason.to_string()),
    };
    // A GET that is signed in a header has no body.
    let is_signed_in_header = forwarded.headers.contains_key(AUTHORIZATION);
    let body: &[u8] = if method == b"GET" && is_signed_in_header { b"" } else { body };
    assert_eq!((forwarded.method.as_str().as_bytes(), &forwarded.body[..]), (method, body));
    assert_is_harmless(&forwarded, "https", "sts.amazonaws.com");
    check_target(std::str::from_utf8(url).expect("an accepted URL is UTF-8"), &forwarded);
    check_headers(&sent, &forwarded);
    check_other_endpoint(&request, &forwarded);
    check_again(&forwarded);
    if request.check(&ClientConfig::absent()).is_err() {
        return Verdict::accepted("but not its headers or parameters");
    }
    let names = sent.iter().map(|(name, _)| name.to_ascii_lowercase());
    for name in names.filter(|name| name.starts_with("x-amz-")) {
        assert!(ALLOWED.contains(&name.as_str()), "{name}");
    }
    Verdict::accepted(String::from_utf8_lossy(method))
}

/// The headers a client sends, of which a login has converted the JSON.
fn sent_headers(json: &[u8]) -> Vec<(String, Vec<String>)> {
    let field = Field::new("iam_request_headers", FieldKind::Header, "");
    let value = serde_json::from_slice::<Value>(json).unwrap_or_else(|_| json!({"A": "b"}));
    match field.convert(value, HostFlavor::Vault) {
        Ok(Some(FieldValue::Headers(headers))) => headers,
        _ => Vec::new(),
    }
}

/// The host that was signed, and the path as it was written behind the endpoint's slash.
fn check_target(url: &str, forwarded: &HttpRequest) {
    let without_fragment = url.split('#').next().unwrap_or("");
    let (before_query, query) = match without_fragment.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (without_fragment, None),
    };
    assert_eq!(forwarded.uri.query(), query);
    let host = values(&forwarded.headers, &HOST)[0];
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let behind_scheme = before_query.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
    let Some(behind) = behind_scheme.and_then(|(_, behind)| behind.strip_prefix("//")) else {
        return;
    };
    let (authority, path) = match behind.find('/') {
        Some(slash) => behind.split_at(slash),
        None => (behind, "/"),
    };
    let signed = authority.rsplit('@').next().unwrap_or("");
    let expected = if signed.is_empty() { "sts.amazonaws.com" } else { signed };
    assert_eq!(String::from_utf8_lossy(host), expected);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/%".contains(&byte);
    if path.bytes().all(is_plain) {
        assert_eq!(forwarded.uri.path(), format!("/{path}"));
    }
}

/// What was signed is what is sent: nothing is added but host and agent, nothing lost but what
/// belongs to a connection, and no value changed.
fn check_headers(sent: &[(String, Vec<String>)], forwarded: &HttpRequest) {
    let sent_values = |name: &HeaderName| -> Vec<&[u8]> {
        let same = sent.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name.as_str()));
        same.flat_map(|(_, values)| values).map(String::as_bytes).collect()
    };
    for name in forwarded.headers.keys().filter(|name| !["host", "connection"].contains(&name.as_str())) {
        let expected = sent_values(name);
        let got = values(&forwarded.headers, name);
        match (name == USER_AGENT, expected.first()) {
            (true, None) => assert_eq!(got.len(), 1),
            (true, Some(first)) => assert_eq!(got, [*first]),
            (false, _) => assert_eq!(got, expected, "{name}"),
        }
    }
    for (name, sent) in sent {
        let kept = forwarded.headers.contains_key(name.as_str());
        let name = name.to_ascii_lowercase();
        let no_agent = name == "user-agent" && sent_values(&USER_AGENT).first() == Some(&&b""[..]);
        assert!(kept || no_agent || sent.is_empty() || HOP_BY_HOP.contains(&name.as_str()), "{name} is lost");
    }
}

/// Another endpoint changes where it goes and nothing else.
fn check_other_endpoint(request: &SignedRequest, to_sts: &HttpRequest) {
    let endpoint = Endpoint::configured("http://127.0.0.1:8080/base").unwrap();
    let forwarded = request.forwarded_to(&endpoint).expect("what one endpoint takes, another takes");
    assert_is_harmless(&forwarded, "http", "127.0.0.1:8080");
    assert_eq!(forwarded.uri.path(), format!("/base{}", to_sts.uri.path()));
    assert_eq!(forwarded.uri.query(), to_sts.uri.query());
    assert_eq!((&forwarded.method, &forwarded.body), (&to_sts.method, &to_sts.body));
}

/// What is forwarded is a signed request itself, and forwarded unchanged.
fn check_again(forwarded: &HttpRequest) {
    let target = forwarded.uri.path_and_query().unwrap().as_str();
    let host = String::from_utf8_lossy(values(&forwarded.headers, &HOST)[0]).into_owned();
    let url = format!("https://{host}{}", &target[1..]);
    let mut headers = Vec::new();
    for name in forwarded.headers.keys() {
        let values = values(&forwarded.headers, name).into_iter();
        let values: Option<Vec<String>> =
            values.map(|value| String::from_utf8(value.to_vec()).ok()).collect();
        let Some(values) = values else { return };
        headers.push((name.as_str().to_owned(), values));
    }
    // Only one that begins with a slash can stand behind a host.
    if !target[1..].starts_with('/') {
        return;
    }
    let fields = fields(forwarded.method.as_str().as_bytes(), url.as_bytes(), &forwarded.body, headers);
    let again =
        SignedRequest::parse(&fields, HostFlavor::Vault).expect("what is forwarded can be forwarded again");
    let again = again.forwarded_to(&Endpoint::global_sts()).expect("again");
    assert_eq!((&again.uri, &again.body), (&forwarded.uri, &forwarded.body));
    assert_eq!(again.headers.get(HOST), forwarded.headers.get(HOST));
}
