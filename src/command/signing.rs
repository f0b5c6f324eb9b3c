//! A signed `sts:GetCallerIdentity` request as the method's login takes it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde_json::{Map, Value, json};
use vault_plugin_auth_aws::aws::endpoint::Endpoint;
use vault_plugin_auth_aws::aws::region::Region;

use super::exit::Failure;
use super::presigning;

const FORM: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM_TYPE: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
const SERVER_ID: HeaderName = HeaderName::from_static("x-vault-aws-iam-server-id");
const NONCE: HeaderName = HeaderName::from_static("x-vault-aws-iam-nonce");

/// How long AWS takes a signature for good after its date.
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A POST with the signature in its headers.
    Post,
    /// A presigned GET: the signature is in the URL.
    Get,
}

/// What is signed.
pub(crate) struct ToSign<'a> {
    /// Form.
    pub(crate) form: Form,
    /// Whose host the request names.
    pub(crate) endpoint: &'a Endpoint,
    /// Region of the signature.
    pub(crate) region: &'a Region,
    /// Who signs.
    pub(crate) credentials: &'a Credentials,
    /// Value of `X-Vault-AWS-IAM-Server-ID`; none if empty.
    pub(crate) server_id: &'a str,
    /// Value of `X-Vault-AWS-IAM-Nonce`.
    pub(crate) nonce: Option<&'a str>,
    /// Date of the signature.
    pub(crate) now: SystemTime,
}

/// A signed request.
pub(crate) struct SignedRequest {
    method: &'static str,
    url: String,
    body: &'static str,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// Names of the signed headers, sorted.
    pub(crate) signed_headers: Vec<String>,
}

impl ToSign<'_> {
    /// Signs. Nothing is sent.
    ///
    /// # Errors
    /// A value cannot stand in a header.
    pub(crate) fn sign(&self) -> Result<SignedRequest, Failure> {
        match self.form {
            Form::Post => self.post(),
            Form::Get => self.get(),
        }
    }

    fn post(&self) -> Result<SignedRequest, Failure> {
        let mut request = self.request()?;
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(FORM.len()));
        request.headers_mut().insert(CONTENT_TYPE, FORM_TYPE);
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.region.name())
            .name("sts")
            .time(self.now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsignable(&error))?
            .into();
        let uri = request.uri().to_string();
        let headers =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(FORM.as_bytes()))
            .map_err(|error| unsignable(&error))?;
        let (instructions, _) = sign(signable, &parameters).map_err(|error| unsignable(&error))?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        let mut signed_headers: Vec<String> = request
            .headers()
            .keys()
            .filter(|name| **name != AUTHORIZATION)
            .map(|name| name.as_str().to_owned())
            .chain(["host".to_owned()])
            .collect();
        signed_headers.sort_unstable();
        let (url, headers) = (request.uri().to_string(), texts(request.headers()));
        Ok(SignedRequest { method: "POST", url, body: FORM, headers, signed_headers })
    }

    fn get(&self) -> Result<SignedRequest, Failure> {
        let request = self.request()?;
        let headers = texts(request.headers());
        let mut signed = headers.clone();
        signed.push(("host".to_owned(), self.endpoint.authority().to_owned()));
        signed.sort_unstable();
        let query = presigning::query(FORM, &signed, self.region.name(), self.credentials, self.now)
            .map_err(|error| unsignable(&error))?;
        let url = format!("{}?{query}", request.uri());
        let signed_headers = signed.into_iter().map(|(name, _)| name).collect();
        Ok(SignedRequest { method: "GET", url, body: "", headers, signed_headers })
    }

    /// The request with the headers of the method.
    fn request(&self) -> Result<Request<()>, Failure> {
        let mut request = Request::new(());
        *request.uri_mut() = self.endpoint.uri("/").ok_or_else(|| unsignable(&"its URL is none"))?;
        let own = [(SERVER_ID, Some(self.server_id).filter(|id| !id.is_empty())), (NONCE, self.nonce)];
        for (name, value) in own {
            let Some(value) = value else { continue };
            // More blanks than one would not be signed as they are sent.
            let value = Some(value)
                .filter(|value| value.is_ascii() && !value.contains("  ") && value.trim() == *value);
            let value = value.and_then(|value| HeaderValue::from_str(value).ok()).ok_or_else(|| {
                Failure::Usage(format!("the value for {name} holds what cannot be signed in a header"))
            })?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

fn unsignable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("the request cannot be signed: {error}"))
}

/// Names in lower case, and values.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl SignedRequest {
    /// The payload of a login. Without a role the server takes the principal's name for it.
    pub(crate) fn payload(&self, role: &str) -> Map<String, Value> {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (canonical(name), json!([value]))).collect();
        let headers = STANDARD.encode(Value::Object(headers).to_string());
        let fields = [
            ("iam_http_request_method", self.method.to_owned()),
            ("iam_request_url", STANDARD.encode(&self.url)),
            ("iam_request_body", STANDARD.encode(self.body)),
            ("iam_request_headers", headers),
            ("role", role.to_owned()),
        ];
        let given = fields.into_iter().filter(|(name, value)| *name != "role" || !value.is_empty());
        given.map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }
}

/// A header name as Go writes it: upper case at the beginning of each part.
fn canonical(name: &str) -> String {
    let parts: Vec<String> = name
        .split('-')
        .map(|part| {
            let mut letters = part.chars();
            letters
                .next()
                .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn signed(form: Form, session_token: Option<&str>, server_id: &str, nonce: Option<&str>) -> Value {
        let credentials = Credentials::new("AKID", "secret", session_token.map(str::to_owned), None, "test");
        let region = Region::parse("eu-west-1").unwrap();
        let to_sign = ToSign {
            form,
            endpoint: &Endpoint::global_sts(),
            region: &region,
            credentials: &credentials,
            server_id,
            nonce,
            now: UNIX_EPOCH.checked_add(Duration::from_secs(1_700_000_000)).unwrap(),
        };
        Value::Object(to_sign.sign().unwrap().payload("dev"))
    }

    fn decoded(payload: &Value, field: &str) -> String {
        String::from_utf8(STANDARD.decode(payload[field].as_str().unwrap()).unwrap()).unwrap()
    }

    /// The expected signature is that of botocore.
    #[test]
    fn a_post_is_signed_in_its_headers() {
        let payload = signed(Form::Post, Some("token"), "vault.example.com", None);
        assert_eq!(payload["role"], "dev");
        assert_eq!(payload["iam_http_request_method"], "POST");
        assert_eq!(decoded(&payload, "iam_request_url"), "https://sts.amazonaws.com/");
        assert_eq!(decoded(&payload, "iam_request_body"), FORM);
        let headers: Value = serde_json::from_str(&decoded(&payload, "iam_request_headers")).unwrap();
        let authorization = headers["Authorization"][0].as_str().unwrap();
        let (scope, signature) = authorization.rsplit_once(", Signature=").unwrap();
        assert_eq!(
            scope,
            "AWS4-HMAC-SHA256 Credential=AKID/20231114/eu-west-1/sts/aws4_request, SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;x-vault-aws-iam-server-id"
        );
        assert_eq!(signature, "2f88d38ad87e03669bf81d659c48eea3f2519b665607e4df4036ed24591b040c");
        assert_eq!(headers["Content-Length"], json!(["43"]));
        assert_eq!(headers["X-Amz-Date"], json!(["20231114T221320Z"]));
        assert_eq!(headers["X-Amz-Security-Token"], json!(["token"]));
        assert_eq!(headers["X-Vault-Aws-Iam-Server-Id"], json!(["vault.example.com"]));
        assert_eq!(headers.as_object().unwrap().len(), 6);
    }

    /// The expected signature is that of botocore, without `X-Amz-Expires`.
    #[test]
    fn a_get_is_signed_in_its_url() {
        let payload = signed(Form::Get, Some("to/ken="), "vault.example.com", None);
        assert_eq!(payload["iam_http_request_method"], "GET");
        assert_eq!(payload["iam_request_body"], "");
        assert_eq!(
            decoded(&payload, "iam_request_url"),
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20231114%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20231114T221320Z&X-Amz-Security-Token=to%2Fken%3D&X-Amz-SignedHeaders=host%3Bx-vault-aws-iam-server-id&X-Amz-Signature=637bfe4691eb77c40ee33da55d364a330443f82391264bbaae30bbebf3e3f4f3"
        );
        let headers: Value = serde_json::from_str(&decoded(&payload, "iam_request_headers")).unwrap();
        assert_eq!(headers, json!({"X-Vault-Aws-Iam-Server-Id": ["vault.example.com"]}));
    }

    #[test]
    fn a_value_that_would_be_signed_otherwise_than_sent_is_refused() {
        let credentials = Credentials::new("AKID", "secret", None, None, "test");
        let region = Region::parse("eu-west-1").unwrap();
        for server_id in ["a  b", " a", "a\nb", "\u{e4}"] {
            let to_sign = ToSign {
                form: Form::Post,
                endpoint: &Endpoint::global_sts(),
                region: &region,
                credentials: &credentials,
                server_id,
                nonce: None,
                now: UNIX_EPOCH,
            };
            assert!(to_sign.sign().is_err(), "{server_id:?}");
        }
    }

    #[test]
    fn two_nonces_are_two_signatures() {
        let one = signed(Form::Post, None, "", Some("1"));
        assert_ne!(one, signed(Form::Post, None, "", Some("2")));
        assert_eq!(one, signed(Form::Post, None, "", Some("1")));
    }
}
