//! A signed `sts:GetCallerIdentity` request as the method's login takes it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Map, Value, json};
use vault_plugin_auth_aws::aws::endpoints::{Endpoint, Region};

use super::exit::Failure;

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
    /// Canonical names, sorted.
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
        let (method, path, body) = match self.form {
            Form::Post => ("POST", "/".to_owned(), FORM),
            Form::Get => ("GET", format!("/?{FORM}"), ""),
        };
        let unsignable =
            |error: &dyn std::fmt::Display| Failure::Usage(format!("the request cannot be signed: {error}"));
        let mut request = Request::new(());
        *request.uri_mut() = self.endpoint.uri(&path).ok_or_else(|| unsignable(&"its URL is none"))?;
        let headers = request.headers_mut();
        if self.form == Form::Post {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            headers.insert(CONTENT_TYPE, FORM_TYPE);
        }
        let own = [(SERVER_ID, Some(self.server_id).filter(|id| !id.is_empty())), (NONCE, self.nonce)];
        for (name, value) in own {
            let Some(value) = value else { continue };
            let value = HeaderValue::from_str(value).map_err(|_| {
                Failure::Usage(format!("the value for {name} holds characters that no header can"))
            })?;
            headers.insert(name, value);
        }
        let mut signed_headers: Vec<String> = request
            .headers()
            .keys()
            .map(|name| name.as_str().to_owned())
            .chain(["host".to_owned()])
            .collect();
        if self.form == Form::Post {
            signed_headers.push("x-amz-date".to_owned());
            signed_headers
                .extend(self.credentials.session_token().map(|_| "x-amz-security-token".to_owned()));
        }
        signed_headers.sort_unstable();

        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.name())
            .name("sts")
            .time(self.now)
            .settings(self.settings())
            .build()
            .map_err(|error| unsignable(&error))?;
        let parameters = SigningParams::V4(parameters);
        let uri = request.uri().to_string();
        let headers =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(method, uri, headers, SignableBody::Bytes(body.as_bytes()))
            .map_err(|error| unsignable(&error))?;
        let (instructions, _) = sign(signable, &parameters).map_err(|error| unsignable(&error))?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        let mut headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((canonical(name.as_str()), value.to_str().ok()?.to_owned())))
            .collect();
        headers.sort_unstable();
        Ok(SignedRequest { method, url: request.uri().to_string(), body, headers, signed_headers })
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.form == Form::Get {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(GOOD_FOR);
        }
        settings
    }
}

impl SignedRequest {
    /// The payload of a login. Without a role the server takes the principal's name for it.
    pub(crate) fn payload(&self, role: &str) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        let mut payload = json!({
            "iam_http_request_method": self.method,
            "iam_request_url": STANDARD.encode(&self.url),
            "iam_request_body": STANDARD.encode(self.body),
            "iam_request_headers": STANDARD.encode(Value::Object(headers).to_string()),
        });
        if !role.is_empty() {
            payload["role"] = json!(role);
        }
        payload
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
            now: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        };
        to_sign.sign().unwrap().payload("dev")
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

    #[test]
    fn a_get_is_signed_in_its_url() {
        let payload = signed(Form::Get, None, "vault.example.com", Some("n1"));
        assert_eq!(payload["iam_http_request_method"], "GET");
        assert_eq!(payload["iam_request_body"], "");
        let url = decoded(&payload, "iam_request_url");
        for part in [
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&",
            "X-Amz-Expires=900",
            "X-Amz-SignedHeaders=host%3Bx-vault-aws-iam-nonce%3Bx-vault-aws-iam-server-id",
        ] {
            assert!(url.contains(part), "{url}");
        }
        let headers: Value = serde_json::from_str(&decoded(&payload, "iam_request_headers")).unwrap();
        assert_eq!(
            headers,
            json!({"X-Vault-Aws-Iam-Nonce": ["n1"], "X-Vault-Aws-Iam-Server-Id": ["vault.example.com"]})
        );
    }

    #[test]
    fn two_nonces_are_two_signatures() {
        let one = signed(Form::Post, None, "", Some("1"));
        assert_ne!(one, signed(Form::Post, None, "", Some("2")));
        assert_eq!(one, signed(Form::Post, None, "", Some("1")));
    }
}
