//! Whole logins: the data of a request, up to the token.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};
use vault_plugin_auth_aws::framework::{
    Auth, FieldValue, HostFlavor, MAX_DATA_BYTES, Operation, Reply, parse_data,
};
use vault_plugin_auth_aws::path::routes;
use vault_plugin_auth_aws::ports::Storage;

use crate::login_requests::assert_is_harmless;
use crate::target::{JSON, Target, Verdict};
use testkit::core::{MemoryStorage, Stage};

const TARGET: Target<1> = Target {
    accepted: &[
        [
            r#"{"role":"dev","iam_http_request_method":"POST","iam_request_url":"aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8=","iam_request_body":"QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNQ==","iam_request_headers":{"Authorization":["AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-vault-aws-iam-server-id, Signature=00"],"X-Amz-Date":["20260101T000000Z"],"X-Vault-AWS-IAM-Server-ID":["vault.example.com"]}}"#,
        ],
        [
            r#"{"iam_http_request_method":"POST","iam_request_url":"aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8=","iam_request_body":"QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNQ==","iam_request_headers":"eyJBdXRob3JpemF0aW9uIjpbIkFXUzQtSE1BQy1TSEEyNTYgQ3JlZGVudGlhbD1BS0lBLzIwMjYwMTAxL3VzLWVhc3QtMS9zdHMvYXdzNF9yZXF1ZXN0LCBTaWduZWRIZWFkZXJzPWhvc3Q7eC1hbXotZGF0ZTt4LXZhdWx0LWF3cy1pYW0tc2VydmVyLWlkLCBTaWduYXR1cmU9MDAiXSwiWC1BbXotRGF0ZSI6WyIyMDI2MDEwMVQwMDAwMDBaIl0sIlgtVmF1bHQtQVdTLUlBTS1TZXJ2ZXItSUQiOlsidmF1bHQuZXhhbXBsZS5jb20iXX0="}"#,
        ],
        [
            r#"{"role":"Dev","iam_http_request_method":"GET","iam_request_url":"aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8/QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNSZYLUFtei1BbGdvcml0aG09QVdTNC1ITUFDLVNIQTI1NiZYLUFtei1DcmVkZW50aWFsPUFLSUElMkYyMDI2MDEwMSUyRmV1LXdlc3QtMSUyRnN0cyUyRmF3czRfcmVxdWVzdCZYLUFtei1EYXRlPTIwMjYwMTAxVDAwMDAwMFomWC1BbXotU2lnbmVkSGVhZGVycz1ob3N0JTNCeC12YXVsdC1hd3MtaWFtLXNlcnZlci1pZCZYLUFtei1TaWduYXR1cmU9MDA=","iam_request_headers":{"X-Vault-AWS-IAM-Server-ID":"vault.example.com"}}"#,
        ],
        [
            r#"{"role":"dev","iam_http_request_method":"GET","iam_request_url":"aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8/QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNQ==","iam_request_headers":{"Authorization":"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-west-2/sts/aws4_request, SignedHeaders=host;x-amz-date;x-vault-aws-iam-server-id, Signature=00","X-Amz-Date":"20260101T000000Z","X-Vault-AWS-IAM-Server-ID":"vault.example.com"}}"#,
        ],
    ],
    refused: &[
        [
            r#"{"role":"other","iam_http_request_method":"POST","iam_request_url":"aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8=","iam_request_body":"QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNQ==","iam_request_headers":["A:b"],"unknown":[{"a":1}]}"#,
        ],
        [r#"{"role":"dev","identity":"SECRET","signature":"SECRET"}"#],
        [r#"{"role":"dev","pkcs7":"SECRET"}"#],
        [r#"{"role":"dev"}"#],
        [r#"null"#],
    ],
    tokens: &[
        JSON,
        &[
            "\"role\":\"dev\",",
            "\"role\":null,",
            "\"role\":\"\",",
            "\"role\":[\"dev\"],",
            "\"iam_http_request_method\":",
            "\"iam_request_url\":",
            "\"iam_request_body\":",
            "\"iam_request_headers\":",
            "\"pkcs7\":\"SECRET\",",
            "\"identity\":\"SECRET\",",
            "\"nonce\":\"SECRET\",",
            "\"POST\"",
            "\"GET\"",
            "\"PUT\"",
            "\\n",
            "\\r\\n",
            "\\/",
            "\\u0000",
            "\\u0041",
            "=",
            "==",
            "true",
            "0",
            "1e999",
            "SECRET",
            "\"a\":{\"b\":[[]]},",
            "[[[[[[[[[[[[[[[[[[[[",
            "us-east-1",
            "cn-north-1",
            "evil.example/",
            "é",
            "\0",
            "\u{feff}",
            // Base64 of `Action=GetUser`, of `&Action=GetUser`, and of `https://evil.example/`.
            "QWN0aW9uPUdldFVzZXI=",
            "JkFjdGlvbj1HZXRVc2Vy",
            "aHR0cHM6Ly9ldmlsLmV4YW1wbGUv",
        ],
    ],
    check,
};

const SERVER_ID: &str = "vault.example.com";
const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/dev</Arn><UserId>AIDAIOSFODNN7EXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

#[test]
fn login() {
    TARGET.run();
}

/// A mount that was just set up over storage that is kept.
fn over(storage: &Arc<dyn Storage>) -> Stage {
    Stage::over(Arc::clone(storage), IDENTITY)
}

/// What a mount stores with the role `dev` for the user that STS names, and this client configuration.
fn stored(config: Option<Value>) -> Arc<dyn Storage> {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let stage = over(&storage);
    stage.write(
        "role/dev",
        &json!({
            "auth_type": "iam",
            "bound_iam_principal_arn": "arn:aws:iam::123456789012:user/dev",
            "resolve_aws_unique_ids": false,
            "token_policies": "p",
        }),
    );
    if let Some(config) = config {
        stage.write("config/client", &config);
    }
    storage
}

fn check([input]: [&[u8]; 1]) -> Verdict {
    static PLAIN: LazyLock<Arc<dyn Storage>> = LazyLock::new(|| stored(None));
    static BOUND: LazyLock<Arc<dyn Storage>> = LazyLock::new(|| {
        stored(Some(json!({"iam_server_id_header_value": SERVER_ID, "use_sts_region_from_client": true})))
    });
    let text = String::from_utf8_lossy(input);
    check_data(&text);

    let plain = over(&PLAIN);
    let (reply, requests) = plain.ask(Operation::Update, "login", &text);
    for request in &requests {
        assert_is_harmless(request, "https", "sts.amazonaws.com");
    }
    let logged_in = check_login(&reply, requests.len());
    check_look_ahead(&plain, &text, logged_in);
    check_resolve_role(&plain, &text, logged_in);

    let bound = over(&BOUND);
    let (reply, requests) = bound.ask(Operation::Update, "login", &text);
    for request in &requests {
        let authority = request.uri.authority().unwrap().as_str();
        assert!(is_sts(authority), "{authority}");
        assert_is_harmless(request, "https", authority);
        let ids = request.headers.get_all("x-vault-aws-iam-server-id").iter();
        let ids: Vec<&[u8]> = ids.map(|id| id.as_bytes()).collect();
        assert_eq!(ids.join(&b','), SERVER_ID.as_bytes());
    }
    let bound = check_login(&reply, requests.len());
    assert!(logged_in || !bound, "a stricter configuration lets in what a looser one does not");
    match (reply, logged_in) {
        _ if bound => Verdict::accepted("with a server id"),
        (_, true) => Verdict::accepted("without one"),
        (Reply::Refusal { text, .. } | Reply::Error { text, .. }, _) => {
            Verdict::refused(if text.starts_with("entry for role ") { "no such role" } else { &text })
        }
        (reply, _) => panic!("{reply:?}"),
    }
}

/// STS of some region, under a domain of AWS.
fn is_sts(authority: &str) -> bool {
    let domains = [
        "amazonaws.com",
        "amazonaws.com.cn",
        "c2s.ic.gov",
        "sc2s.sgov.gov",
        "cloud.adc-e.uk",
        "csp.hci.ic.gov",
        "amazonaws.eu",
    ];
    let (label, rest) = authority.split_once('.').unwrap_or_default();
    let is_region = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ["sts", "sts-fips"].contains(&label)
        && (rest == "amazonaws.com"
            || rest
                .split_once('.')
                .is_some_and(|(region, domain)| is_region(region) && domains.contains(&domain)))
}

/// Whether there is a token; if so it is the one of the user that STS named, after one question.
fn check_login(reply: &Reply, requests: usize) -> bool {
    assert!(requests <= 1, "{requests} requests");
    let auth = match reply {
        Reply::Answer(response) => response.auth.as_ref().expect("a login answers with a token"),
        Reply::Refusal { text, .. } | Reply::Error { text, .. } => {
            assert!(!text.is_empty());
            return false;
        }
        Reply::Empty => panic!("a login without an answer"),
    };
    assert_eq!(requests, 1);
    let Auth { display_name, policies, token_policies, internal_data, .. } = auth;
    assert_eq!(display_name, "dev");
    assert!([policies, token_policies].iter().all(|list| list.is_empty() || **list == ["p"]), "{auth:?}");
    assert_eq!(internal_data["client_user_id"], "AIDAIOSFODNN7EXAMPLE");
    assert!(internal_data["role_name"].as_str().unwrap().eq_ignore_ascii_case("dev"));
    true
}

/// The alias is told to whom could log in, but for the bindings, and to nobody else.
fn check_look_ahead(stage: &Stage, data: &str, logged_in: bool) {
    let (reply, requests) = stage.ask(Operation::AliasLookahead, "login", data);
    assert!(requests.len() <= 1);
    match reply {
        Reply::Answer(response) => {
            let auth = response.auth.expect("an alias comes in an identity");
            assert!(auth.alias.is_some() && auth.policies.is_empty() && auth.token_policies.is_empty());
        }
        other => assert!(!logged_in, "{other:?}"),
    }
}

/// A named role costs no question to AWS; without a name the one question serves the login that
/// follows, and that one only.
fn check_resolve_role(stage: &Stage, data: &str, logged_in: bool) {
    let (reply, requests) = stage.ask(Operation::ResolveRole, "login", data);
    let Reply::Answer(response) = reply else {
        assert!(!logged_in, "{reply:?}");
        return;
    };
    let role = response.data.as_ref().unwrap()["role"].as_str().unwrap().to_owned();
    assert_eq!(role, role.to_lowercase());
    if requests.is_empty() {
        return;
    }
    assert_eq!((requests.len(), role.as_str()), (1, "dev"));
    assert_eq!(stage.ask(Operation::Update, "login", data).1.len(), 0);
    assert_eq!(stage.ask(Operation::Update, "login", data).1.len(), 1);
}

/// The data becomes fields within their limits, or is refused without being quoted.
fn check_data(text: &str) {
    let members: Map<String, Value> = match parse_data(text, MAX_DATA_BYTES) {
        Ok(members) => members,
        Err(refused) => {
            assert!(!refused.to_string().contains("SECRET"), "{refused:?}");
            return;
        }
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(same)) => assert_eq!(members, same),
        Ok(Value::Null) => assert!(members.is_empty()),
        Ok(other) => panic!("{other} was taken for an object"),
        Err(_) => assert!(text.trim().is_empty()),
    }
    let (route, captures) = routes(HostFlavor::Vault).as_ref().unwrap().find("login").expect("the route");
    assert!(captures.is_empty());
    for field in route.fields {
        let Some(value) = members.get(field.name) else { continue };
        match field.convert(value.clone(), HostFlavor::Vault) {
            Ok(Some(FieldValue::Text(text))) => assert!(text.len() <= field.max_bytes),
            Ok(Some(FieldValue::Headers(headers))) => {
                let bytes: usize = headers.iter().flat_map(|(_, values)| values).map(String::len).sum();
                assert!(bytes <= field.max_bytes);
            }
            Ok(other) => panic!("{}: {other:?}", field.name),
            Err(reason) => assert!(!reason.contains("SECRET"), "{reason}"),
        }
    }
}
