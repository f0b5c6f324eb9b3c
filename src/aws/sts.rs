//! Security Token Service: the forwarded login, and the server's own calls.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::attempts::send;
use super::calls::{Api, ForwardedAnswer, Meter};
use super::context::CallContext;
use super::credentials_source::CredentialsSource;
use super::endpoint::{Endpoint, Service};
use super::error::{CallError, NoResult, ServiceError};
use super::gave_up::{AttemptError, GaveUp};
use super::json_call::request_id;
use super::query::{MAX_ANSWER, QueryCall};
use super::region::Region;
use super::signature_fault::SignatureFault;
use super::sts_refusal;
use super::xml::{Node, Once, XmlError, walk};
use crate::aws::arn::AccountId;
use crate::aws::error::truncated;
use crate::go::text::quote;
use crate::ports::{HttpRequest, HttpResponse, TransportError};
use crate::refusal::{Code, Coded, Hint};

const VERSION: &str = "2011-06-15";
/// How much of an error answer of STS is shown to the client, in bytes.
const MAX_SHOWN_ERROR: usize = 2 * 1024;
/// Longest request id that is kept. AWS's have 36 characters.
const MAX_REQUEST_ID: usize = 128;
/// Life of the credentials of an assumed role.
const SESSION_SECONDS: u32 = 900;

/// What STS says about who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    arn: String,
    user_id: String,
    account: String,
    request_id: String,
}

impl CallerIdentity {
    /// Reads an answer to `GetCallerIdentity`: one root, one result, each element once.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let document = std::str::from_utf8(body).map_err(|_| XmlError)?.trim();
        if !document.starts_with("<GetCallerIdentityResponse") && !document.starts_with("<?xml") {
            return Err(XmlError);
        }
        let mut results: u32 = 0;
        let (mut arn, mut user_id, mut account) = (Once::default(), Once::default(), Once::default());
        let mut request_id = String::new();
        walk(document, "GetCallerIdentityResponse", |path, node| match (path, node) {
            (["GetCallerIdentityResult"], Node::Open) => {
                results = results.saturating_add(1);
                if results > 1 { Err(XmlError) } else { Ok(()) }
            }
            (["GetCallerIdentityResult", "Arn"], Node::Close(text)) => arn.set(text),
            (["GetCallerIdentityResult", "UserId"], Node::Close(text)) => user_id.set(text),
            (["GetCallerIdentityResult", "Account"], Node::Close(text)) => account.set(text),
            (["ResponseMetadata", "RequestId"], Node::Close(text)) => {
                request_id = checked_request_id(text);
                Ok(())
            }
            _ => Ok(()),
        })?;
        let (arn, user_id, account) = (arn.required()?, user_id.required()?, account.required()?);
        Ok(Self { arn, user_id, account, request_id })
    }

    /// With the request id that stands in the headers of the answer, if one does.
    fn with_headers(mut self, headers: &HeaderMap) -> Self {
        if let Some(id) = request_id(headers).map(checked_request_id).filter(|id| !id.is_empty()) {
            self.request_id = id;
        }
        self
    }

    /// The id that AWS gave the request; empty where it gave none. It decides nothing.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// ARN of the principal.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Unique id, with the session name for assumed roles.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Account number.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

/// An id as AWS gives them, or nothing.
fn checked_request_id(text: &str) -> String {
    let is_id = text.len() <= MAX_REQUEST_ID
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_id { text.to_owned() } else { String::new() }
}

/// A client's signed request as it goes out.
pub struct Forwarded<'a> {
    /// The request, or why it cannot be sent.
    pub request: Result<HttpRequest, Unsendable>,
    /// Its method and URL, as errors name it.
    pub description: String,
    /// Region of the endpoint; empty where a configured one has none.
    pub region: &'a str,
    /// Region that it is signed for, as the client wrote it.
    pub signed_region: &'a str,
    /// Whether the region of the signature chose the endpoint.
    pub region_by_client: bool,
}

impl Forwarded<'_> {
    /// Bytes of the request, as far as the client chose them.
    #[must_use]
    pub fn size(&self) -> usize {
        let Ok(HttpRequest { uri, headers, body, .. }) = &self.request else { return 0 };
        let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
        let headers = headers.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()));
        headers.fold(target.saturating_add(body.len()), usize::saturating_add)
    }
}

/// What of a client's request cannot be sent in HTTP.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unsendable {
    /// Its path.
    #[error("the path cannot be sent")]
    Path,
    /// A header, by its name.
    #[error("invalid header field {}", quote(.0))]
    Header(String),
    /// Its host.
    #[error("invalid host")]
    Host,
}

impl Coded for Unsendable {
    fn code(&self) -> Code {
        match self {
            Self::Path | Self::Host => Code::IamUrl,
            Self::Header(_) => Code::IamHeaders,
        }
    }
}

/// Why STS did not say who signed a request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ForwardError {
    /// The request cannot be sent.
    #[error("error making request: {description} giving up after 0 attempt(s): {cause}")]
    Unsendable {
        /// Its method and URL.
        description: String,
        /// Why.
        #[source]
        cause: Unsendable,
    },
    /// There was no answer worth reading.
    #[error("error making request: {description} giving up after {} attempt(s){}", .gave_up.attempts, last(.gave_up))]
    GaveUp {
        /// Method and URL of the request.
        description: String,
        /// How often it was sent, and what the last attempt met.
        #[source]
        gave_up: GaveUp,
        /// What helps.
        hint: Option<Box<Hint>>,
    },
    /// The answer is not of the type that STS answers with.
    #[error("body of GetCallerIdentity is invalid")]
    ContentType {
        /// Whether STS might answer so to what the client sent.
        by_client: bool,
    },
    /// STS refused it.
    #[error("received error code {} from STS: {}", .status.as_u16(), truncated(.body, MAX_SHOWN_ERROR))]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The answer.
        body: String,
        /// What it means.
        cause: Code,
        /// What helps.
        hint: Option<Box<Hint>>,
    },
    /// The answer could not be read.
    #[error("error parsing STS response")]
    Unreadable,
}

fn last(gave_up: &GaveUp) -> String {
    match &gave_up.cause {
        AttemptError::ServerErrors => String::new(),
        cause => format!(": {cause}"),
    }
}

impl Coded for ForwardError {
    fn code(&self) -> Code {
        match self {
            Self::Unsendable { cause, .. } => cause.code(),
            Self::GaveUp { gave_up, .. } => match &gave_up.cause {
                AttemptError::Transport(TransportError::TooLarge { .. }) => Code::StsUnreadable,
                AttemptError::Transport(TransportError::Unsendable(_)) => Code::IamHeaders,
                AttemptError::Transport(TransportError::Tls(_) | TransportError::Proxy(_)) => gave_up.code(),
                AttemptError::ServerErrors => gave_up.code(),
                AttemptError::Transport(
                    TransportError::Resolve(_) | TransportError::Connect(_) | TransportError::Tunnel(_),
                ) => Code::StsUnreachable,
                _ => Code::StsNoAnswer,
            },
            Self::Refused { status, cause, .. } if status.is_client_error() => *cause,
            // The client's headers and path can make STS answer in another form, so it is no warning.
            Self::ContentType { by_client: true } => Code::StsContentType,
            Self::ContentType { by_client: false } => Code::StsElsewhere,
            Self::Refused { .. } | Self::Unreadable => Code::StsUnreadable,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::GaveUp { hint, .. } | Self::Refused { hint, .. } => hint.as_deref().cloned(),
            Self::Unsendable { .. } | Self::ContentType { .. } | Self::Unreadable => None,
        }
    }
}

impl Forwarded<'_> {
    /// What helps when STS was not reached.
    fn not_reached(&self, uri: &Uri, gave_up: &GaveUp) -> Option<Hint> {
        let settings = if self.region_by_client {
            "the region that the client signs for (use_sts_region_from_client of config/client is set)"
        } else {
            Service::Sts.settings()
        };
        gave_up.hint(host_of(uri), settings)
    }

    /// What helps when STS refused it.
    fn refused(&self, uri: &Uri, answer: &HttpResponse, error: &ServiceError) -> Option<Hint> {
        if error.is_expired() {
            return Some(Hint::ClientExpired);
        }
        let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
        match SignatureFault::read(&error.message, date)? {
            SignatureFault::Clock(skew) => Some(Hint::ClientClock(skew)),
            SignatureFault::Region => {
                let taken = match self.region {
                    // The one that the global endpoint takes.
                    "aws-global" => "us-east-1",
                    region => region.strip_suffix("-fips").unwrap_or(region),
                };
                Some(Hint::WrongRegion {
                    signed: self.signed_region.to_owned(),
                    host: host_of(uri).to_owned(),
                    taken: if taken == self.signed_region { String::new() } else { taken.to_owned() },
                    by_client: self.region_by_client,
                })
            }
        }
    }
}

/// Whether a request has a signature, in a header or in its query.
fn is_signed(request: &HttpRequest) -> bool {
    let query = request.uri.query().unwrap_or_default();
    request.headers.contains_key(AUTHORIZATION) || query.contains("X-Amz-Signature=")
}

/// Whether STS may answer a request in another form than it is read in: who asks for JSON gets it, and other
/// paths than the usual one lead elsewhere.
fn asks_in_another_form(request: &HttpRequest) -> bool {
    request.headers.contains_key(ACCEPT) || !request.uri.path().chars().all(|character| character == '/')
}

fn host_of(uri: &Uri) -> &str {
    uri.authority().map_or("", Authority::as_str)
}

/// Sends a client's signed request to STS and reads who signed it.
///
/// # Errors
/// See [`ForwardError`].
pub async fn forward<'a>(
    forwarded: &Forwarded<'a>,
    context: CallContext<'a>,
) -> Result<(CallerIdentity, ForwardedAnswer<'a>), ForwardError> {
    let Forwarded { request, description, region, .. } = forwarded;
    let (calls, region) = (context.calls, *region);
    let request = request.as_ref().map_err(|cause| ForwardError::Unsendable {
        description: description.clone(),
        cause: cause.clone(),
    })?;
    let begun = Instant::now();
    let answer =
        send(context, request, &mut Meter::Forwarded { calls, region }).await.map_err(|gave_up| {
            ForwardError::GaveUp {
                description: description.clone(),
                hint: forwarded.not_reached(&request.uri, &gave_up).map(Box::new),
                gave_up,
            }
        })?;
    let (answer, latency) = (answer.response, answer.latency);
    let passed = Instant::now().saturating_duration_since(begun);
    calls.clock_offset().note(&answer.headers, context.now.checked_add(passed).unwrap_or(context.now));
    let counted = answer.status.is_success().then(|| ForwardedAnswer::new(calls, region, latency));
    let mut content_types = answer.headers.get_all(CONTENT_TYPE).iter();
    if content_types.next().is_none_or(|value| value != "text/xml") || content_types.next().is_some() {
        return Err(ForwardError::ContentType { by_client: asks_in_another_form(request) });
    }
    if answer.status != StatusCode::OK {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let error = ServiceError::parse(answer.status, &answer.body);
        let cause = sts_refusal::cause(&error, is_signed(request));
        let hint = forwarded.refused(&request.uri, &answer, &error).map(Box::new);
        return Err(ForwardError::Refused { status: answer.status, body, cause, hint });
    }
    let identity = CallerIdentity::parse(&answer.body).map_err(|_| ForwardError::Unreadable)?;
    let identity = identity.with_headers(&answer.headers);
    Ok((identity, counted.ok_or(ForwardError::Unreadable)?))
}

/// Where and as whom the server calls STS.
#[derive(Clone, Copy)]
pub struct StsCaller<'a> {
    /// The account that the call is about; empty while nobody knows.
    pub account: &'a AccountId,
    /// Endpoint.
    pub endpoint: &'a Endpoint,
    /// Region, for the signature.
    pub region: &'a Region,
    /// Who signs; `None` for web identity.
    pub credentials: Option<&'a Credentials>,
}

impl<'a> StsCaller<'a> {
    fn call(self, api: Api, parameters: Vec<(&'static str, String)>) -> QueryCall<'a> {
        QueryCall {
            api,
            account: self.account,
            region: self.region,
            endpoint: self.endpoint,
            version: VERSION,
            parameters: parameters.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            credentials: self.credentials,
            max_answer: MAX_ANSWER,
        }
    }

    /// Who the server itself is.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_caller_identity(self, context: CallContext<'_>) -> Result<CallerIdentity, CallError> {
        let call = self.call(Api::GetCallerIdentity, Vec::new());
        let body = call.send(context).await?;
        CallerIdentity::parse(body.as_bytes()).map_err(|_| call.unreadable())
    }

    /// Credentials of a role, for fifteen minutes. An empty external id is not sent: AWS refuses it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn assume_role(
        self,
        role_arn: &str,
        external_id: &str,
        context: CallContext<'_>,
    ) -> Result<Credentials, CallError> {
        let mut parameters = vec![
            ("RoleArn", role_arn.to_owned()),
            ("RoleSessionName", unix_nanos(context.now).to_string()),
            ("DurationSeconds", SESSION_SECONDS.to_string()),
        ];
        if !external_id.is_empty() {
            parameters.push(("ExternalId", external_id.to_owned()));
        }
        let call = self.call(Api::AssumeRole, parameters);
        let body = call.send(context).await?;
        read_credentials(&call, &body, "AssumeRoleResponse", "AssumeRoleResult")
    }

    /// Credentials of a role in exchange for a web-identity token.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn assume_role_with_web_identity(
        self,
        role_arn: &str,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<Credentials, CallError> {
        let parameters = vec![
            ("RoleArn", role_arn.to_owned()),
            ("RoleSessionName", format!("vault-aws-auth-{}", unix_nanos(context.now))),
            ("WebIdentityToken", token.to_owned()),
        ];
        let call = self.call(Api::AssumeRoleWithWebIdentity, parameters);
        let body = call.send(context).await?;
        let (root, result) = ("AssumeRoleWithWebIdentityResponse", "AssumeRoleWithWebIdentityResult");
        read_credentials(&call, &body, root, result)
    }
}

fn unix_nanos(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

fn read_credentials(
    call: &QueryCall<'_>,
    document: &str,
    root: &str,
    result: &str,
) -> Result<Credentials, CallError> {
    let credentials = parse_credentials(document, root, result).map_err(|_| call.unreadable())?;
    let source = CredentialsSource::Answer(call.api.action());
    source.checked(credentials).map_err(|error| call.failed(NoResult::Unsendable(error)))
}

fn parse_credentials(document: &str, root: &str, result: &str) -> Result<Credentials, XmlError> {
    let (mut key, mut secret) = (Once::default(), Once::default());
    let (mut token, mut expiration) = (Once::default(), Once::default());
    walk(document.trim(), root, |path, node| match (path, node) {
        ([at, "Credentials", name], Node::Close(text)) if *at == result => match *name {
            "AccessKeyId" => key.set(text),
            "SecretAccessKey" => secret.set(text),
            "SessionToken" => token.set(text),
            "Expiration" => expiration.set(text),
            _ => Ok(()),
        },
        _ => Ok(()),
    })?;
    let expiration = OffsetDateTime::parse(&expiration.required()?, &Rfc3339).map_err(|_| XmlError)?;
    let seconds = u64::try_from(expiration.unix_timestamp()).map_err(|_| XmlError)?;
    let expiry = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(XmlError)?;
    let (key, secret, token) = (key.required()?, secret.required()?, token.required()?);
    Ok(Credentials::new(key, secret, Some(token), Some(expiry), "sts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = "<GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn><UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult>";

    fn parsed(body: &str) -> Option<CallerIdentity> {
        CallerIdentity::parse(body.as_bytes()).ok()
    }

    #[test]
    fn one_result_is_read() {
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n{RESULT}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n"
        );
        let identity = parsed(&body).unwrap();
        assert_eq!((identity.arn(), identity.user_id()), ("arn:aws:iam::1:user/u", "AIDA"));
    }

    #[test]
    fn anything_else_is_not() {
        let wrap = |inner: &str| format!("<GetCallerIdentityResponse>{inner}</GetCallerIdentityResponse>");
        for body in [
            String::new(),
            "missing auth parts".to_owned(),
            wrap(""),
            wrap(&RESULT.replace("<UserId>AIDA</UserId>", "")),
            wrap(&RESULT.replace("<UserId>AIDA</UserId>", "<UserId/>")),
            wrap(&RESULT.replace("<Account>1</Account>", "<Account>1</Account><Account>1</Account>")),
            wrap(&format!("{RESULT}{RESULT}")),
            wrap(&format!("<x>{RESULT}</x>")),
            format!("{}x", wrap(RESULT)),
            format!("x{}", wrap(RESULT)),
            format!("<?xml version=\"1.0\"?>{{\"a\":1}}{}", wrap(RESULT)),
            format!("<?xml version=\"1.0\"?><Other>{}</Other>", wrap(RESULT)),
            format!("\u{feff}{}", wrap(RESULT)),
            wrap(RESULT).replace("GetCallerIdentityResponse", "GetCallerIdentityresponse"),
        ] {
            assert_eq!(parsed(&body), None, "{body}");
        }
    }

    #[test]
    fn credentials_are_read_with_their_expiry() {
        let body = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let credentials = parse_credentials(body, "AssumeRoleResponse", "AssumeRoleResult").unwrap();
        assert_eq!(credentials.session_token(), Some("t"));
        assert_eq!(unix_nanos(credentials.expiry().unwrap()), 1_767_225_600_000_000_000);
        let without = body.replace("<Expiration>2026-01-01T00:00:00Z</Expiration>", "");
        assert!(parse_credentials(&without, "AssumeRoleResponse", "AssumeRoleResult").is_err());
    }
}
