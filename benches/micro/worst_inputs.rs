//! The most expensive inputs of a login that anyone may send, field by field, beside a login that sends
//! nothing. Each is refused before AWS is asked.

use divan::Bencher;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use vault_plugin_auth_aws::framework::{Operation, Reply};

use crate::answers::CALLER;
use testkit::core::{MemoryStorage, Stage};
use testkit::identity::{Form, Message, Signer, SignerInfo, base64, document};

const ACCOUNT: &str = "123456789012";
const CREDENTIAL: &str = "AKIDEXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request";

/// Longest data, URL, headers, names and documents that a login may have, in bytes.
const DATA: usize = 512 * 1024;
const URL: usize = 16 * 1024;
const HEADERS: usize = 128 * 1024;
const NAME: usize = 4 * 1024;
const DOCUMENT: usize = 128 * 1024;

/// A mount with a role of each type, and a certificate of each kind that an operator stored.
fn stage() -> Stage {
    let stage = Stage::over(Arc::new(MemoryStorage::default()), CALLER);
    stage.write("config/client", &json!({"iam_server_id_header_value": "vault.example.com"}));
    stage.write("role/box", &json!({"auth_type": "ec2", "bound_account_id": ACCOUNT}));
    for (name, signer, kind) in
        [("dsa", Signer::dsa("older"), "pkcs7"), ("rsa", Signer::rsa("newer"), "identity")]
    {
        let certificate = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": kind});
        stage.write(&format!("config/certificate/{name}"), &certificate);
    }
    stage
}

/// Times a login that is refused without AWS.
fn refused(bencher: Bencher, data: &Value) {
    let stage = stage();
    let data = data.to_string();
    let ask = || {
        let (reply, calls) = stage.ask(Operation::Update, "login", &data);
        assert!(
            matches!(reply, Reply::Refusal { .. } | Reply::Error { .. }) && calls.is_empty(),
            "{reply:?}"
        );
        reply
    };
    ask();
    bencher.bench_local(ask);
}

/// A GET of this query, as long as a URL may be.
fn get(query: &str, headers: Value) -> Value {
    json!({
        "iam_http_request_method": "GET",
        "iam_request_url": base64(format!("https://sts.amazonaws.com/?{query}").as_bytes()),
        "iam_request_headers": headers,
    })
}

fn post(headers: Value) -> Value {
    json!({
        "iam_http_request_method": "POST",
        "iam_request_url": base64(b"https://sts.amazonaws.com/"),
        "iam_request_body": base64(b"Action=GetCallerIdentity&Version=2011-06-15"),
        "iam_request_headers": headers,
    })
}

/// Headers whose names differ in their last letters alone, as long as they may be together.
fn long_names() -> Map<String, Value> {
    let stem = "X".repeat(HEADERS / 64 - 64);
    (0..64).map(|number| (format!("{stem}{number:02}"), json!(""))).collect()
}

/// The document of an instance in this region.
fn document_of(region: &str) -> Vec<u8> {
    let text = String::from_utf8(document("i-0123456789abcdef0", ACCOUNT)).unwrap();
    text.replace("us-east-1", region).into_bytes()
}

/// A message of so many signers, whose last signature is wrong.
fn message(signers: usize) -> String {
    let document = document_of("us-east-1");
    let mut infos = vec![SignerInfo::with_attributes(&Signer::dsa("older"), &document); signers];
    let last = infos.last_mut().and_then(|info| info.signature.last_mut()).unwrap();
    *last ^= 1;
    Message::new(&document, infos).base64(Form::Indefinite)
}

fn detached(document: &[u8]) -> Value {
    json!({"role": "box", "identity": base64(document), "signature": base64(&[0x5a; 256])})
}

/// What the others are compared with.
#[divan::bench]
fn a_nothing(bencher: Bencher) {
    refused(bencher, &json!({}));
}

/// A login of the usual size that names another server.
#[divan::bench]
fn b_honest_but_for_another_server(bencher: Bencher) {
    let mut login: Value = serde_json::from_str(crate::mount::LOGIN).unwrap();
    let text = base64(b"{\"X-Vault-AWS-IAM-Server-ID\":\"other\",\"Authorization\":\"x\"}");
    login["iam_request_headers"] = text.into();
    refused(bencher, &login);
}

#[divan::bench]
fn presigned_pairs(bencher: Bencher) {
    let form = format!(
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={CREDENTIAL}"
    );
    let names: String = (0..1_000).map(|number| format!("&X-Amz-{number:03}")).collect();
    let query: String = (form + &names).chars().take(URL / 4 * 3 - 64).collect();
    refused(bencher, &get(&query, json!({"Accept": "*/*"})));
}

#[divan::bench]
fn body_pairs(bencher: Bencher) {
    let mut login = post(json!({"Accept": "*/*"}));
    let pairs = "Version&".repeat((URL / 4 * 3 - 64) / 8);
    login["iam_request_body"] = base64(format!("{pairs}Action=GetUser").as_bytes()).into();
    refused(bencher, &login);
}

#[divan::bench(args = ["object", "text", "base64"])]
fn header_names(bencher: Bencher, form: &str) {
    let names = Value::Object(long_names());
    refused(
        bencher,
        &post(match form {
            "object" => names,
            "text" => names.to_string().into(),
            _ => {
                let shorter = long_names().into_iter().take(45).collect();
                base64(Value::Object(shorter).to_string().as_bytes()).into()
            }
        }),
    );
}

#[divan::bench]
fn authorization(bencher: Bencher) {
    let list = "a;".repeat(60_000);
    let value = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sts/aws4_request, SignedHeaders={list}x, Signature=00"
    );
    refused(
        bencher,
        &post(json!({"X-Vault-AWS-IAM-Server-ID": "vault.example.com", "Authorization": value})),
    );
}

/// Base64 that breaks at its end.
#[divan::bench]
fn base64_of_a_document(bencher: Bencher) {
    let text = format!("{}!", "QUFB".repeat(DOCUMENT / 4 - 1));
    refused(bencher, &json!({"role": "box", "identity": text, "signature": "QUFB"}));
}

/// As many values as the data may hold, none of them a field's.
#[divan::bench]
fn json_values(bencher: Bencher) {
    let members: Map<String, Value> = (0..40_000).map(|number| (format!("{number:x}"), json!(0))).collect();
    refused(bencher, &Value::Object(members));
}

/// One member whose text is escapes alone.
#[divan::bench]
fn json_escapes(bencher: Bencher) {
    refused(bencher, &json!({"x": "\n".repeat(DATA / 2 - 64)}));
}

#[divan::bench]
fn names(bencher: Bencher) {
    let mut login = post(json!({"Accept": "*/*"}));
    login["role"] = "\u{1}".repeat(NAME).into();
    login["nonce"] = "\u{1}".repeat(NAME).into();
    refused(bencher, &login);
}

#[divan::bench(args = [1, 8])]
fn pkcs7_by_signers(bencher: Bencher, signers: usize) {
    refused(bencher, &json!({"role": "box", "pkcs7": message(signers)}));
}

/// As before, of somebody who knows no role.
#[divan::bench]
fn pkcs7_for_no_role(bencher: Bencher) {
    refused(bencher, &json!({"role": "none", "pkcs7": message(1)}));
}

/// As many elements as a message can have.
#[divan::bench]
fn pkcs7_of_small_elements(bencher: Bencher) {
    let bytes: Vec<u8> = [0x05, 0x00].into_iter().cycle().take(60 * 1024).collect();
    let message = testkit::identity::asn1::element(0x30, &bytes);
    refused(bencher, &json!({"role": "box", "pkcs7": base64(&message)}));
}

#[divan::bench(args = ["us-east-1", "xx-new-1"])]
fn identity_and_signature_by_region(bencher: Bencher, region: &str) {
    refused(bencher, &detached(&document_of(region)));
}

#[divan::bench]
fn identity_and_signature_for_no_role(bencher: Bencher) {
    let mut login = detached(&document_of("us-east-1"));
    login["role"] = "none".into();
    refused(bencher, &login);
}

/// A document as long as it may be.
#[divan::bench]
fn identity_of_full_length(bencher: Bencher) {
    let mut document = document_of("xx-new-1");
    document.resize(64 * 1024, b' ');
    refused(bencher, &detached(&document));
}
