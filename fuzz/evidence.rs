//! The further requests of a login: a JSON list of signed requests.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vault_plugin_auth_aws::entry::ClientConfig;
use vault_plugin_auth_aws::framework::{FieldValue, Fields, HostFlavor};
use vault_plugin_auth_aws::ports::HttpRequest;
use vault_plugin_auth_aws::proof::signed_request::SignedRequest;
use vault_plugin_auth_aws::proof::signed_request::evidence::{
    Evidence, EvidenceError, EvidenceRequest, FIELD,
};

use crate::target::{JSON, Target, Verdict};

const KEY: &str = "AKIA";

const TARGET: Target<1> = Target {
    accepted: &[
        [
            r#"[{"iam_http_request_method":"POST","iam_request_url":"aHR0cHM6Ly9pYW0uYW1hem9uYXdzLmNvbS8=","iam_request_body":"QWN0aW9uPUdldFVzZXImVmVyc2lvbj0yMDEwLTA1LTA4","iam_request_headers":{"Authorization":["AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],"Content-Type":["application/x-www-form-urlencoded"],"X-Amz-Date":["20260101T000000Z"]}}]"#,
        ],
        [
            r#"[{"iam_http_request_method":"POST","iam_request_url":"aHR0cHM6Ly9vcmdhbml6YXRpb25zLnVzLWVhc3QtMS5hbWF6b25hd3MuY29tLw==","iam_request_body":"e30=","iam_request_headers":{"Authorization":["AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/organizations/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],"Content-Type":["application/x-amz-json-1.1"],"X-Amz-Date":["20260101T000000Z"],"X-Amz-Target":["AWSOrganizationsV20161128.DescribeOrganization"]}}]"#,
        ],
    ],
    refused: &[
        ["[]"],
        ["{}"],
        [
            r#"[{"iam_http_request_method":"POST","iam_request_url":"aHR0cHM6Ly9pYW0uYW1hem9uYXdzLmNvbS8=","iam_request_body":"QWN0aW9uPUxpc3RSb2xlcyZWZXJzaW9uPTIwMTAtMDUtMDg=","iam_request_headers":{"Authorization":["AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],"Content-Type":["application/x-www-form-urlencoded"],"X-Amz-Date":["20260101T000000Z"]}}]"#,
        ],
        [
            r#"[{"iam_http_request_method":"POST","iam_request_url":"aHR0cHM6Ly9ldmlsLmV4YW1wbGUv","iam_request_body":"QWN0aW9uPUdldFVzZXImVmVyc2lvbj0yMDEwLTA1LTA4","iam_request_headers":{"Authorization":["AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],"Content-Type":["application/x-www-form-urlencoded"],"X-Amz-Date":["20260101T000000Z"]}}]"#,
        ],
    ],
    tokens: &[
        JSON,
        &[
            "QWN0aW9uPUdldFJvbGUmUm9sZU5hbWU9YSZWZXJzaW9uPTIwMTAtMDUtMDg=",
            "aHR0cDovL2lhbS5hbWF6b25hd3MuY29tLw==",
            "aHR0cHM6Ly9pYW0udXMtZ292LmFtYXpvbmF3cy5jb20v",
            "\"Accept\":[\"application/json\"],",
            "\"Host\":[\"iam.amazonaws.com\"],",
            "\"X-Amz-Date\":[\"20260101T000000Z\"],",
            "\"x-amz-date\":[\"20260102T000000Z\"],",
            "\"X-Amz-Security-Token\":[\"t\"],",
            ";x-amz-security-token",
            ";host",
            "us-gov-west-1",
            "cn-north-1",
            "/sts/",
            "AKIB",
            "\\r\\n",
        ],
    ],
    check,
};

#[test]
fn evidence() {
    TARGET.run();
}

fn check([input]: [&[u8]; 1]) -> Verdict {
    let config = ClientConfig { iam_accept_evidence: true, ..ClientConfig::default() };
    match read(input, &config) {
        Ok(evidence) => {
            let all = [evidence.about_principal(), evidence.about_organization()];
            let all: Vec<&EvidenceRequest> = all.into_iter().flatten().collect();
            assert!(!all.is_empty());
            for request in &all {
                assert_is_harmless(request);
            }
            Verdict::accepted(evidence.calls())
        }
        Err(EvidenceError::Request { cause, .. }) => {
            // What a client wrote must not make more ways than there are.
            let kind = format!("{cause:?}");
            Verdict::refused(kind.split(['(', ' ']).next().unwrap_or_default())
        }
        Err(error) => Verdict::refused(&error.to_string()),
    }
}

/// The evidence of a login that has signed the hash of exactly these bytes.
fn read(bundle: &[u8], config: &ClientConfig) -> Result<Evidence, EvidenceError> {
    let hash: String = digest(&SHA256, bundle).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let header = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-vault-aws-iam-evidence-sha256, Signature=00"
    );
    let headers =
        vec![header("Authorization", &authorization), header("X-Vault-AWS-IAM-Evidence-SHA256", &hash)];
    let mut fields = Fields::new();
    let text = |text: &str| FieldValue::Text(text.to_owned());
    fields.insert("iam_http_request_method", text("POST"));
    fields.insert("iam_request_url", text(&STANDARD.encode("https://sts.amazonaws.com/")));
    fields.insert("iam_request_body", text(&STANDARD.encode("Action=GetCallerIdentity")));
    fields.insert("iam_request_headers", FieldValue::Headers(headers));
    fields.insert(FIELD, text(&STANDARD.encode(bundle)));
    let login = SignedRequest::parse(&fields, HostFlavor::Vault).expect("a login");
    // What is empty is none.
    Evidence::of(&fields, &login, config).and_then(|evidence| evidence.ok_or(EvidenceError::Count))
}

/// It goes to a host of AWS, and asks for nothing but what it may.
fn assert_is_harmless(request: &EvidenceRequest) {
    let HttpRequest { method, uri, headers, body, .. } = request.request();
    assert_eq!((method.as_str(), uri.path(), uri.query()), ("POST", "/", None));
    assert_eq!(uri.scheme_str(), Some("https"));
    assert_eq!(uri.authority().map(|host| host.as_str()), Some(request.endpoint().authority()));
    assert_eq!(
        headers.get("host").map(|host| host.as_bytes()),
        Some(request.endpoint().authority().as_bytes())
    );
    assert!(!headers.contains_key("accept"));
    let authorization = headers["authorization"].to_str().expect("text");
    assert!(authorization.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY}/")), "{authorization}");
    let signed = authorization.split("SignedHeaders=").nth(1).and_then(|rest| rest.split(',').next());
    let signed: Vec<&str> = signed.expect("a list").split(';').collect();
    for name in headers.keys().filter(|name| !["authorization", "user-agent"].contains(&name.as_str())) {
        assert!(signed.contains(&name.as_str()), "{name} is not signed: {signed:?}");
    }
    let pairs: Vec<_> = form_urlencoded(body);
    match headers.get("x-amz-target") {
        Some(target) => {
            assert_eq!(target, "AWSOrganizationsV20161128.DescribeOrganization");
            assert_eq!(body.as_ref(), b"{}");
        }
        None => {
            let value = |name: &str| pairs.iter().filter(|(present, _)| present == name).count();
            assert_eq!((value("Action"), value("Version")), (1, 1), "{pairs:?}");
            let action = &pairs.iter().find(|(name, _)| name == "Action").expect("an action").1;
            assert!(["GetRole", "GetUser"].contains(&action.as_str()), "{action}");
            assert!(pairs.len() <= 3, "{pairs:?}");
        }
    }
}

/// Another reader of forms.
fn form_urlencoded(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}
