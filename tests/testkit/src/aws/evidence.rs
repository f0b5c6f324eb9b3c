//! Further requests that a client signs beside its login, and how the login carries them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::login::{LoginOptions, SignedRequest, sign_login};
use super::sigv4::{Credentials, sha256};

/// The header by which a login names its evidence.
const HASH: &str = "X-Vault-AWS-IAM-Evidence-SHA256";

/// A request about a role, for [`sign`](super::sign).
#[must_use]
pub fn get_role(name: &str) -> LoginOptions {
    LoginOptions::call("iam", "us-east-1", &format!("Action=GetRole&RoleName={name}&Version=2010-05-08"))
}

/// A request about the user that signs.
#[must_use]
pub fn get_user() -> LoginOptions {
    LoginOptions::call("iam", "us-east-1", "Action=GetUser&Version=2010-05-08")
}

/// A request about the organization of the account of whoever signs.
#[must_use]
pub fn describe_organization() -> LoginOptions {
    LoginOptions::call("organizations", "us-east-1", "{}")
        .signed_header("Content-Type", "application/x-amz-json-1.1")
        .signed_header("X-Amz-Target", "AWSOrganizationsV20161128.DescribeOrganization")
}

/// Evidence that is being put together: a list of requests.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The requests, in the form in which they are sent.
    pub requests: Vec<Value>,
}

impl Evidence {
    /// With a request more.
    #[must_use]
    pub fn with(mut self, request: &SignedRequest) -> Self {
        let mut headers = Map::new();
        for (name, value) in &request.headers {
            match headers.entry(name.clone()).or_insert_with(|| json!([])) {
                Value::Array(values) => values.push(json!(value)),
                _ => unreachable!("every value is a list"),
            }
        }
        self.requests.push(json!({
            "iam_http_request_method": request.method,
            "iam_request_url": STANDARD.encode(&request.url),
            "iam_request_body": STANDARD.encode(&request.body),
            "iam_request_headers": headers,
        }));
        self
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        Value::from(self.requests.clone()).to_string()
    }

    /// The data of a login that brings it.
    #[must_use]
    pub fn login(&self, credentials: &Credentials, options: LoginOptions) -> Value {
        login_with(credentials, options, &self.text())
    }
}

/// The data of a login that brings this text, and has signed its hash.
#[must_use]
pub fn login_with(credentials: &Credentials, options: LoginOptions, text: &str) -> Value {
    let hash = sha256(text.as_bytes());
    let mut login = sign_login(credentials, &options.signed_header(HASH, &hash));
    login["iam_evidence"] = json!(STANDARD.encode(text));
    login
}
