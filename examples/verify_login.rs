//! The core alone verifies a signed login: `cargo run --example verify_login --no-default-features`.
//!
//! What stands in for AWS here is a [`Transport`]; with [`HttpsTransport`] the request goes to STS.
//!
//! [`HttpsTransport`]: vault_plugin_auth_aws::https::HttpsTransport

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use vault_plugin_auth_aws::aws::calls::{Calls, Purpose};
use vault_plugin_auth_aws::aws::context::CallContext;
use vault_plugin_auth_aws::aws::deadline::Deadline;
use vault_plugin_auth_aws::aws::sts;
use vault_plugin_auth_aws::entry::ClientConfig;
use vault_plugin_auth_aws::framework::{Field, FieldKind, Fields, HostFlavor, MAX_DATA_BYTES, parse_data};
use vault_plugin_auth_aws::ports::{
    Clock, HttpRequest, HttpResponse, SystemClock, SystemRandom, Transport, TransportError,
};
use vault_plugin_auth_aws::proof::signed_request::{FIELDS, SignedRequest};
use vault_plugin_auth_aws::proof::verified_caller::VerifiedCaller;

/// What a client sends to `auth/aws/login`.
const LOGIN: &str = r#"{
    "iam_http_request_method": "POST",
    "iam_request_url": "aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8=",
    "iam_request_body": "QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNQ==",
    "iam_request_headers": {
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-vault-aws-iam-server-id, Signature=0000000000000000000000000000000000000000000000000000000000000000",
        "X-Amz-Date": "20260101T000000Z",
        "X-Vault-AWS-IAM-Server-ID": "vault.example.com"
    }
}"#;

const ANSWER: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
<Arn>arn:aws:iam::123456789012:user/alice</Arn><UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account>\
</GetCallerIdentityResult></GetCallerIdentityResponse>";

/// STS that finds every signature right.
struct Sts;

#[async_trait]
impl Transport for Sts {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let host = request.uri.host().unwrap_or("");
        println!("{} to {host}: {}", request.method, String::from_utf8_lossy(&request.body));
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/xml"))]);
        Ok(HttpResponse { status: StatusCode::OK, headers, body: Bytes::from_static(ANSWER.as_bytes()) })
    }
}

/// The login fields as the route of `login` converts them.
fn fields(login: &str) -> Result<Fields, Box<dyn Error>> {
    let mut data = parse_data(login, MAX_DATA_BYTES)?;
    let mut fields = Fields::new();
    for name in FIELDS {
        let kind = if name == "iam_request_headers" { FieldKind::Header } else { FieldKind::String };
        let value = data.remove(name).ok_or("a field is missing")?;
        if let Some(value) = Field::new(name, kind, "").convert(value, HostFlavor::Vault)? {
            fields.insert(name, value);
        }
    }
    Ok(fields)
}

async fn verify(login: &str, config: &ClientConfig) -> Result<VerifiedCaller, Box<dyn Error>> {
    // Whatever the client sent: from here on it can ask for nothing but GetCallerIdentity …
    let request = SignedRequest::parse(&fields(login)?, HostFlavor::Vault)?;
    // … it is meant for this server …
    request.check(config)?;
    // … and it goes where the configuration says.
    let outgoing = request.outgoing(config)?;
    let context = CallContext {
        transport: &Sts,
        random: &SystemRandom::default(),
        now: SystemClock.now(),
        deadline: Deadline::start(),
        max_attempts: 1,
        calls: &Calls::default(),
        purpose: Purpose::General,
    };
    let (identity, _) = sts::forward(&outgoing, context).await?;
    Ok(VerifiedCaller::from_identity(&identity)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = |server_id: &str| ClientConfig {
        iam_server_id_header_value: server_id.to_owned(),
        ..ClientConfig::default()
    };
    let caller = verify(LOGIN, &config("vault.example.com")).await?;
    println!("{} ({})", caller.arn().as_str(), caller.unique_id());
    match verify(LOGIN, &config("other.example.com")).await {
        Ok(_) => Err("a login for another server was taken".into()),
        Err(error) => {
            println!("refused: {error}");
            Ok(())
        }
    }
}
