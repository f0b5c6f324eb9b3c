//! What clients ask of IAM and Organizations about themselves, by requests that they signed and the server forwards.

use http::header::DATE;

use super::attempts::send;
use super::calls::{Api, ForwardedAnswer, Meter};
use super::context::CallContext;
use super::endpoint::Endpoint;
use super::error::{CallError, FailedCall, NoResult, ServiceError};
use super::iam::{IamEntity, read_role, read_user};
use super::organizations::{Membership, read_own_organization};
use super::region::Region;
use super::signature_fault::SignatureFault;
use crate::aws::arn::AccountId;
use crate::ports::HttpRequest;
use crate::refusal::{Code, Coded, Hint};

/// A client's signed request, and where it goes.
pub struct AskedByClient<'a> {
    /// What it asks.
    pub api: Api,
    /// Where it goes.
    pub endpoint: &'a Endpoint,
    /// Region that it is signed for.
    pub region: &'a Region,
    /// The account of the client, as Security Token Service told it.
    pub account: &'a AccountId,
    /// The request.
    pub request: &'a HttpRequest,
}

/// Why a question of a client has no answer. Its text names the action.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", self.text())]
pub struct Unanswered {
    api: Api,
    #[source]
    cause: CallError,
    hint: Option<Box<Hint>>,
}

impl Unanswered {
    fn text(&self) -> String {
        match &self.cause {
            CallError::Failed(call) => call.to_string(),
            cause => format!("{}: {}", self.api.action(), cause.cause()),
        }
    }
}

impl Coded for Unanswered {
    fn code(&self) -> Code {
        match &self.cause {
            CallError::Service(error) if error.is_denial() => Code::EvidenceDenied,
            CallError::Service(_) => Code::EvidenceRefused,
            cause => cause.code(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match &self.cause {
            CallError::Service(_) => self.hint.as_deref().cloned(),
            cause => cause.hint(),
        }
    }
}

impl AskedByClient<'_> {
    /// A role or a user.
    ///
    /// # Errors
    /// There was no answer about one.
    pub async fn entity(&self, context: CallContext<'_>) -> Result<IamEntity, Unanswered> {
        let body = self.send(context).await.map_err(|(cause, hint)| self.unanswered(cause, hint))?;
        let read = if self.api == Api::GetUser { read_user } else { read_role };
        std::str::from_utf8(&body).ok().and_then(|body| read(body).ok()).ok_or_else(|| self.unreadable())
    }

    /// The organization of the client's account.
    ///
    /// # Errors
    /// There was no answer about it. That the account is in none is no error.
    pub async fn organization(&self, context: CallContext<'_>) -> Result<Membership, Unanswered> {
        let body = match self.send(context).await {
            Ok(body) => body,
            Err((CallError::Service(error), _)) if error.code == "AWSOrganizationsNotInUseException" => {
                return Ok(Membership::Outside);
            }
            Err((cause, hint)) => return Err(self.unanswered(cause, hint)),
        };
        let document = serde_json::from_slice(&body).ok();
        document
            .and_then(|document| read_own_organization(&document, self.region.partition().name()))
            .ok_or_else(|| self.unreadable())
    }

    async fn send(&self, context: CallContext<'_>) -> Result<Vec<u8>, (CallError, Option<Hint>)> {
        let (calls, api, region) = (context.calls, self.api, self.region.name());
        let answer = send(context, self.request, &mut Meter::Forwarded { calls, api, region }).await;
        let answer = answer.map_err(|gave_up| (self.failed(NoResult::GaveUp(gave_up)), None))?;
        let (answer, latency) = (answer.response, answer.latency);
        if answer.status.is_success() {
            ForwardedAnswer::new(calls, api, region, latency).names(self.account);
            return Ok(answer.body.into());
        }
        let error = ServiceError::parse(answer.status, &answer.body);
        let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
        let hint = match SignatureFault::read(&error.message, date) {
            _ if error.is_expired() => Some(Hint::ClientExpired),
            Some(SignatureFault::Clock(skew)) => Some(Hint::ClientClock(skew)),
            _ => None,
        };
        Err((error.into(), hint))
    }

    fn unanswered(&self, cause: CallError, hint: Option<Hint>) -> Unanswered {
        Unanswered { api: self.api, cause, hint: hint.map(Box::new) }
    }

    fn unreadable(&self) -> Unanswered {
        self.unanswered(self.failed(NoResult::Unreadable), None)
    }

    fn failed(&self, cause: NoResult) -> CallError {
        FailedCall { action: self.api.action(), endpoint: self.endpoint.to_string(), cause }.into()
    }
}
