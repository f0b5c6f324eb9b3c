//! Signed calls of the server itself, in the JSON protocol of the newer services.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request};
use serde_json::Value;

use super::attempts::send;
use super::calls::{Api, Meter};
use super::context::CallContext;
use super::endpoint::Endpoint;
use super::error::{CallError, FailedCall, NoResult, ServiceError};
use super::query::{AGENT, MAX_ANSWER, sign_post};
use super::region::Region;
use crate::aws::arn::AccountId;
use crate::ports::HttpRequest;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const JSON_1_1: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// One call.
pub struct JsonCall<'a> {
    /// Action.
    pub api: Api,
    /// What names the service and its version before the action.
    pub target_prefix: &'static str,
    /// The account in whose budget it is; empty while nobody knows.
    pub account: &'a AccountId,
    /// Region, for the signature and the budget.
    pub region: &'a Region,
    /// Where it goes.
    pub endpoint: &'a Endpoint,
    /// The members of the request.
    pub body: Value,
    /// Who signs.
    pub credentials: &'a Credentials,
}

impl JsonCall<'_> {
    /// Makes the call and returns the document of a successful answer.
    ///
    /// # Errors
    /// AWS's refusal, or which call to which endpoint gave up and why.
    pub async fn send(&self, context: CallContext<'_>) -> Result<Value, CallError> {
        let request = self.request(context.now).map_err(|cause| self.failed(cause))?;
        let (account, region) = (self.account.as_str(), self.region.name());
        let line = context.calls.own_line_for(context.purpose, account, region, self.api);
        let answer = send(context, &request, &mut Meter::own(line, None)).await;
        let answer = answer.map_err(|gave_up| self.failed(NoResult::GaveUp(gave_up)))?.response;
        if !answer.status.is_success() {
            let refused = ServiceError::parse(answer.status, &answer.body);
            let request_id = request_id(&answer.headers).unwrap_or(&refused.request_id).to_owned();
            return Err(ServiceError { call: Some(self.api), request_id, ..refused }.into());
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.unreadable())
    }

    /// The error for an answer that is not what the action answers.
    #[must_use]
    pub fn unreadable(&self) -> CallError {
        self.failed(NoResult::Unreadable)
    }

    fn failed(&self, cause: NoResult) -> CallError {
        FailedCall { action: self.api.action(), endpoint: self.endpoint.to_string(), cause }.into()
    }

    fn request(&self, now: SystemTime) -> Result<HttpRequest, NoResult> {
        let body = Bytes::from(self.body.to_string());
        let target = format!("{}.{}", self.target_prefix, self.api.action());
        let target = HeaderValue::try_from(target).map_err(|error| NoResult::NotSigned(error.to_string()))?;
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.uri("/").ok_or(NoResult::NoUrl)?;
        request.headers_mut().insert(CONTENT_TYPE, JSON_1_1);
        request.headers_mut().insert(TARGET, target);
        sign_post(&mut request, &body, self.credentials, (self.region, self.api.service()), now)?;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let (parts, ()) = request.into_parts();
        Ok(HttpRequest {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
            response_limit: MAX_ANSWER,
            host_chosen_in: None,
        })
    }
}

/// The id that AWS gave a request, as its header has it.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amzn-requestid")?.to_str().ok()
}
