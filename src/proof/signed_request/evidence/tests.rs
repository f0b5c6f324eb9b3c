//! Evidence that is read from the fields of a login.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::signer::sha256;
use super::*;
use crate::framework::{FieldValue, HostFlavor};
use crate::refusal::{Code, Coded};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const BODY: &str = "Action=GetRole&RoleName=App&Version=2010-05-08";
const SIGNATURE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn authorization_for(key: &str, scope: &str, signed: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/{scope}/aws4_request, SignedHeaders={signed}, Signature={SIGNATURE}"
    )
}

fn get_role(key: &str, region: &str, host: &str) -> Value {
    json!({
        "iam_http_request_method": "POST",
        "iam_request_url": STANDARD.encode(format!("https://{host}/")),
        "iam_request_body": STANDARD.encode(BODY),
        "iam_request_headers": {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": authorization_for(key, &format!("{region}/iam"), "content-type;host;x-amz-date"),
        },
    })
}

fn describe_organization(region: &str, host: &str) -> Value {
    let signed = "content-type;host;x-amz-date;x-amz-target";
    json!({
        "iam_http_request_method": "POST",
        "iam_request_url": STANDARD.encode(format!("https://{host}/")),
        "iam_request_body": STANDARD.encode("{}"),
        "iam_request_headers": {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AWSOrganizationsV20161128.DescribeOrganization",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": authorization_for(KEY, &format!("{region}/organizations"), signed),
        },
    })
}

fn read(all: &[Value], config: &ClientConfig) -> Result<Option<Evidence>, EvidenceError> {
    let bundle = Value::from(all.to_vec()).to_string();
    let header = |name: &str, value: String| (name.to_owned(), vec![value]);
    let signed = "host;x-amz-date;x-vault-aws-iam-evidence-sha256";
    let headers = vec![
        header("X-Amz-Date", "20260101T000000Z".to_owned()),
        header("Authorization", authorization_for(KEY, "us-east-1/sts", signed)),
        header("X-Vault-AWS-IAM-Evidence-SHA256", sha256(bundle.as_bytes())),
    ];
    let mut fields = Fields::new();
    let text = |text: &str| FieldValue::Text(text.to_owned());
    fields.insert("iam_http_request_method", text("POST"));
    fields.insert("iam_request_url", text(&STANDARD.encode("https://sts.amazonaws.com/")));
    fields.insert("iam_request_body", text(&STANDARD.encode("Action=GetCallerIdentity&Version=2011-06-15")));
    fields.insert("iam_request_headers", FieldValue::Headers(headers));
    fields.insert(FIELD, text(&STANDARD.encode(&bundle)));
    let login = SignedRequest::parse(&fields, HostFlavor::Vault).unwrap();
    Evidence::of(&fields, &login, config)
}

fn accepting() -> ClientConfig {
    ClientConfig { iam_accept_evidence: true, ..ClientConfig::default() }
}

#[test]
fn each_partition_has_its_hosts_and_regions() {
    for (region, host, organizations_region, organizations_host) in [
        ("us-east-1", "iam.amazonaws.com", "us-east-1", "organizations.us-east-1.amazonaws.com"),
        (
            "us-gov-west-1",
            "iam.us-gov.amazonaws.com",
            "us-gov-west-1",
            "organizations.us-gov-west-1.amazonaws.com",
        ),
        (
            "cn-north-1",
            "iam.cn-north-1.amazonaws.com.cn",
            "cn-northwest-1",
            "organizations.cn-northwest-1.amazonaws.com.cn",
        ),
    ] {
        let all =
            [get_role(KEY, region, host), describe_organization(organizations_region, organizations_host)];
        let evidence = read(&all, &accepting()).unwrap().unwrap();
        let [about_principal, about_organization] =
            [evidence.about_principal().unwrap(), evidence.about_organization().unwrap()];
        assert_eq!(about_principal.request().uri.to_string(), format!("https://{host}/"));
        assert_eq!(about_organization.request().uri.to_string(), format!("https://{organizations_host}/"));
        assert_eq!(about_principal.partition(), about_organization.partition());
        assert_eq!(evidence.calls(), "iam:GetRole,organizations:DescribeOrganization");
    }
}

#[test]
fn a_request_goes_to_the_operators_endpoint_and_may_name_it() {
    let config = ClientConfig { iam_endpoint: "https://iam.internal:8443".to_owned(), ..accepting() };
    for host in ["iam.amazonaws.com", "iam.internal:8443"] {
        let evidence = read(&[get_role(KEY, "us-east-1", host)], &config).unwrap().unwrap();
        let request = evidence.about_principal().unwrap().request();
        assert_eq!(request.uri, "https://iam.internal:8443/");
        assert_eq!(request.headers["host"], host);
        assert_eq!(request.body, BODY);
    }
    for host in ["iam.internal", "iam.internal:443", "IAM.amazonaws.com", "iam.amazonaws.com."] {
        let refused = read(&[get_role(KEY, "us-east-1", host)], &config).unwrap_err();
        assert_eq!(refused.code(), Code::EvidenceUrl, "{host}");
    }
}

#[test]
fn the_key_is_that_of_the_login_to_the_letter() {
    let read = |key: &str| read(&[get_role(key, "us-east-1", "iam.amazonaws.com")], &accepting());
    assert!(read(KEY).is_ok());
    for key in ["AKIAIOSFODNN7EXAMPLF", "akiaiosfodnn7example", "AKIAIOSFODNN7EXAMPLEX"] {
        assert_eq!(read(key).unwrap_err().code(), Code::EvidenceSigner, "{key}");
    }
}

#[test]
fn dates_are_held_to_the_rules_and_to_what_aws_takes() {
    const SIGNED_AT: i64 = 1_767_225_600;
    let evidence = read(&[get_role(KEY, "us-east-1", "iam.amazonaws.com")], &accepting()).unwrap().unwrap();
    let rules = |max_age| RequestRules { max_age, single_use: false };
    for (age, max_age, code) in [
        (0, 0, None),
        (900, 0, None),
        (901, 0, Some(Code::IamRequestTooOld)),
        (61, 60, Some(Code::IamRequestTooOld)),
        (-300, 60, None),
        (-301, 0, Some(Code::IamRequestFromTheFuture)),
    ] {
        let checked = evidence.check_dates(SIGNED_AT + age, rules(max_age));
        assert_eq!(checked.err().map(|error| error.code()), code, "{age} {max_age}");
    }
}

#[test]
fn a_mount_that_takes_none_refuses_it() {
    let refused = read(&[], &ClientConfig::default()).unwrap_err();
    assert_eq!(refused.code(), Code::EvidenceOff);
}
