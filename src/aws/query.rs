//! Signed calls of the server itself, in the query protocol that STS, IAM and EC2 share.

use std::borrow::Cow;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::attempts::send;
use super::calls::{Api, Meter, Token};
use super::context::CallContext;
use super::endpoint::{Endpoint, Service};
use super::error::{CallError, FailedCall, NoResult, ServiceError};
use super::region::Region;
use crate::aws::arn::AccountId;
use crate::ports::HttpRequest;

/// Longest answer of STS and IAM, and of EC2 about one instance, in bytes.
pub const MAX_ANSWER: usize = 1024 * 1024;

/// How this software names itself to AWS.
pub const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// RFC 3986 unreserved characters stay as they are.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One call.
pub struct QueryCall<'a> {
    /// Action.
    pub api: Api,
    /// The account in whose budget it is; empty while nobody knows.
    pub account: &'a AccountId,
    /// Region, for the signature and the budget.
    pub region: &'a Region,
    /// Where it goes.
    pub endpoint: &'a Endpoint,
    /// API version.
    pub version: &'static str,
    /// Parameters.
    pub parameters: Vec<(Cow<'static, str>, String)>,
    /// Who signs; `None` for the actions that are not signed.
    pub credentials: Option<&'a Credentials>,
    /// Longest answer, in bytes.
    pub max_answer: usize,
}

impl QueryCall<'_> {
    /// Makes the call and returns the body of a successful answer.
    ///
    /// # Errors
    /// AWS's refusal, or which call to which endpoint gave up and why.
    pub async fn send(&self, context: CallContext<'_>) -> Result<String, CallError> {
        self.send_paid(context, None).await
    }

    /// As [`QueryCall::send`], with the leave to make the first attempt already there.
    ///
    /// # Errors
    /// As there.
    pub async fn send_paid(
        &self,
        context: CallContext<'_>,
        paid: Option<Token>,
    ) -> Result<String, CallError> {
        let request = self.request(context.now).map_err(|cause| self.failed(cause))?;
        let (account, region) = (self.account.as_str(), self.region.name());
        let line = context.calls.own_line_for(context.purpose, account, region, self.api);
        let mut meter = Meter::own(line, paid);
        let answer = send(context, &request, &mut meter).await;
        let answer = answer.map_err(|gave_up| self.failed(NoResult::GaveUp(gave_up)))?.response;
        if !answer.status.is_success() {
            let refused = ServiceError::parse(answer.status, &answer.body);
            return Err(ServiceError { call: Some(self.api), ..refused }.into());
        }
        String::from_utf8(answer.body.into()).map_err(|_| self.unreadable())
    }

    /// The error for an answer that is not what the action answers.
    #[must_use]
    pub fn unreadable(&self) -> CallError {
        self.failed(NoResult::Unreadable)
    }

    /// The error for a call that failed, with the reason.
    #[must_use]
    pub fn failed(&self, cause: NoResult) -> CallError {
        FailedCall { action: self.api.action(), endpoint: self.endpoint.to_string(), cause }.into()
    }

    fn body(&self) -> String {
        let mut body = format!("Action={}&Version={}", self.api.action(), self.version);
        for (name, value) in &self.parameters {
            body.push('&');
            body.extend(utf8_percent_encode(name, FORM));
            body.push('=');
            body.extend(utf8_percent_encode(value, FORM));
        }
        body
    }

    fn request(&self, now: SystemTime) -> Result<HttpRequest, NoResult> {
        let uri = self.endpoint.uri("/").ok_or(NoResult::NoUrl)?;
        let body = Bytes::from(self.body());
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, form);
        if let Some(credentials) = self.credentials {
            let scope = (self.region, self.api.service());
            sign_post(&mut request, &body, credentials, scope, now)?;
        }
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let (parts, ()) = request.into_parts();
        Ok(HttpRequest {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
            response_limit: self.max_answer,
            host_chosen_in: None,
        })
    }
}

/// Signs a POST for a service in a region: every header that it has, and those of the signature.
///
/// # Errors
/// The credentials or the URL are none that can be signed with.
pub(super) fn sign_post(
    request: &mut Request<()>,
    body: &[u8],
    credentials: &Credentials,
    (region, service): (&Region, Service),
    now: SystemTime,
) -> Result<(), NoResult> {
    let not_signed = |error: &dyn std::error::Error| NoResult::NotSigned(error.to_string());
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region.name())
        .name(service.signing_name())
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| not_signed(&error))?
        .into();
    let uri = request.uri().to_string();
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(body))
        .map_err(|error| not_signed(&error))?;
    let (instructions, _) = sign(signable, &parameters).map_err(|error| not_signed(&error))?.into_parts();
    let (headers, _) = instructions.into_parts();
    for header in headers {
        // Not by the function that the crate has for it: that one panics.
        let mut value = HeaderValue::from_str(header.value()).map_err(|error| not_signed(&error))?;
        value.set_sensitive(header.sensitive());
        request.headers_mut().insert(header.name(), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn get_user(credentials: &Credentials, name: &str) -> Result<HttpRequest, NoResult> {
        let region = Region::parse("eu-west-1").unwrap();
        let endpoint = Endpoint::of_service(Service::Iam, &region).unwrap();
        let call = QueryCall {
            api: Api::GetUser,
            account: &AccountId::new("1"),
            region: &region,
            endpoint: &endpoint,
            version: "2010-05-08",
            parameters: vec![("UserName".into(), name.to_owned())],
            credentials: Some(credentials),
            max_answer: MAX_ANSWER,
        };
        call.request(UNIX_EPOCH.checked_add(Duration::from_secs(1_700_000_000)).unwrap())
    }

    #[test]
    fn credentials_that_no_header_can_have_are_an_error_even_unchecked() {
        for (key, token) in [("AKID\n", "token"), ("AK\0ID", "token"), ("AKID", "token\u{7f}")] {
            let credentials = Credentials::new(key, "secret", Some(token.to_owned()), None, "test");
            let request = get_user(&credentials, "a");
            assert!(matches!(request, Err(NoResult::NotSigned(_))), "{key:?} {token:?}: {request:?}");
        }
    }

    #[test]
    fn a_call_is_signed_for_its_service_and_region() {
        let credentials = Credentials::new("AKID", "secret", Some("token".to_owned()), None, "test");
        let request = get_user(&credentials, "a b&c=+/é").unwrap();
        assert_eq!(request.body, "Action=GetUser&Version=2010-05-08&UserName=a%20b%26c%3D%2B%2F%C3%A9");
        assert_eq!(request.uri, "https://iam.amazonaws.com/");
        let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(header("x-amz-date"), "20231114T221320Z");
        assert_eq!(header("x-amz-security-token"), "token");
        assert!(header("authorization").starts_with(
            "AWS4-HMAC-SHA256 Credential=AKID/20231114/eu-west-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        ));
        assert!(!request.headers.contains_key("accept-encoding"));
    }
}
