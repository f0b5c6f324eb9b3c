//! One further request, read in the one form that is taken.

use serde_json::Value;

use super::super::headers::ClientHeaders;
use super::super::outgoing;
use super::super::server_id;
use super::super::shape::Shape;
use super::super::signature::Signature;
use super::super::target::{Dropped, Target};
use super::not_taken::NotTaken;
use super::question::Question;
use super::signer::{Signer, authorization, is_signed, sha256};
use crate::aws::endpoint::{Endpoint, EndpointError, Service};
use crate::aws::region::{Partition, Region};
use crate::entry::ClientConfig;
use crate::framework::headers_of_json;
use crate::go::text::decode_base64;
use crate::ports::HttpRequest;

/// Longest headers of one request, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Headers that may be sent, in canonical form, and must be signed. `Accept` is none of them, because whoever asks
/// for JSON gets it.
const SIGNED: [&str; 7] = [
    "Content-Type",
    "Host",
    "X-Amz-Content-Sha256",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Target",
    server_id::CANONICAL,
];
/// Those that may be sent and need no signature: that of the signature, one that the sending side makes anew, and
/// one that nobody goes by.
const UNSIGNED: [&str; 3] = ["Authorization", "Content-Length", "User-Agent"];

/// Content types of a form, as clients write them.
const FORM: [&str; 2] =
    ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"];
const JSON_1_1: &str = "application/x-amz-json-1.1";

/// The parts of a request, as a login has its own.
pub(super) struct Written<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) body: &'a str,
    pub(super) headers: Value,
}

/// A request that asks one of the [questions](Question), signed with the key of the login.
#[derive(Clone, Debug)]
pub struct EvidenceRequest {
    question: Question,
    region: Region,
    signed_at: i64,
    endpoint: Endpoint,
    request: HttpRequest,
}

impl EvidenceRequest {
    pub(super) fn read(
        written: Written<'_>,
        login: Signer<'_>,
        config: &ClientConfig,
    ) -> Result<Self, NotTaken> {
        if written.method != "POST" {
            return Err(NotTaken::Method);
        }
        let url = decode_base64(written.url).and_then(|url| String::from_utf8(url).ok());
        let target = url.and_then(|url| Target::parse(&url)).filter(has_host_alone).ok_or(NotTaken::Url)?;
        let headers = headers_of_json(MAX_HEADER_BYTES, written.headers).map_err(|_| NotTaken::Headers)?;
        let headers = ClientHeaders::collect(&headers);
        let body = decode_base64(written.body).ok_or(NotTaken::Body)?;
        check_headers(&headers, &target, &body)?;
        let question = read_question(&headers, &body)?;
        let service = question.api().service();
        let not_signed = NotTaken::Signature(service.signing_name());
        let signature = Signature::in_header(&headers, service.signing_name()).ok_or(not_signed.clone())?;
        let authorization = authorization(&headers).ok_or(not_signed)?;
        let region = region_of(service, authorization.region)?;
        check_host(&target.host, service, &region, config)?;
        if Signer::of(&headers, &authorization) != Some(login) {
            return Err(NotTaken::OtherSigner);
        }
        check_server_id(&headers, config)?;
        let endpoint = endpoint(service, &region, config)?;
        let parts = (&headers, &Shape::Post(body));
        let request =
            outgoing::request("/", &target.host, parts, &endpoint).map_err(|_| NotTaken::Headers)?;
        Ok(Self { question, region, signed_at: signature.signed_at, endpoint, request })
    }

    /// What it asks.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The partition that it is signed for.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.region.partition()
    }

    /// The region that it is signed for.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Its date, in seconds since 1970.
    pub(super) fn signed_at(&self) -> i64 {
        self.signed_at
    }

    /// Where it goes: where the configuration says, or else where AWS has the service.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The request as it goes there. The connection is made to the endpoint; the client's host is only what the
    /// `Host` header says, as it was signed.
    #[must_use]
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }
}

fn has_host_alone(target: &Target) -> bool {
    let Dropped { other_scheme, user_name, fragment } = target.dropped;
    !(other_scheme || user_name || fragment) && target.request_uri == "/" && !target.host.is_empty()
}

/// Each header is one that is known, stands there once and is signed where AWS goes by it.
fn check_headers(headers: &ClientHeaders, target: &Target, body: &[u8]) -> Result<(), NotTaken> {
    let authorization = authorization(headers);
    let is_signed = |name: &str| authorization.as_ref().is_some_and(|parts| is_signed(parts, name));
    // It is sent whether the client names it or not.
    if authorization.is_some() && !is_signed("host") {
        return Err(NotTaken::NotSigned("Host".to_owned()));
    }
    for (name, values) in headers.iter() {
        let must_be_signed = SIGNED.contains(&name);
        if !must_be_signed && !UNSIGNED.contains(&name) {
            return Err(NotTaken::Header(name.to_owned()));
        }
        let [value] = values else { return Err(NotTaken::Repeated(name.to_owned())) };
        if must_be_signed && authorization.is_some() && !is_signed(&name.to_ascii_lowercase()) {
            return Err(NotTaken::NotSigned(name.to_owned()));
        }
        let is_right = match name {
            "Host" => *value == target.host,
            "Content-Length" => *value == body.len().to_string(),
            // A hash that is left out would leave the body out of the signature.
            "X-Amz-Content-Sha256" => *value == sha256(body),
            _ => true,
        };
        if !is_right {
            let known = SIGNED.into_iter().chain(UNSIGNED).find(|known| *known == name);
            return Err(NotTaken::Value(known.unwrap_or_default()));
        }
    }
    Ok(())
}

/// What it asks: of Organizations, if a header names an action, or else of IAM.
fn read_question(headers: &ClientHeaders, body: &[u8]) -> Result<Question, NotTaken> {
    let content_type = headers.values("Content-Type").first().map_or("", String::as_str);
    match headers.values("X-Amz-Target").first() {
        Some(_) if content_type != JSON_1_1 => Err(NotTaken::Value("Content-Type")),
        Some(target) => Question::of_organizations(target, body),
        None if !FORM.contains(&content_type) => Err(NotTaken::Value("Content-Type")),
        None => Question::of_iam(body),
    }
}

/// The region that a request to a service must be signed for in the partition of a region.
fn region_of(service: Service, signed: &str) -> Result<Region, NotTaken> {
    let partition = Region::parse(signed).map_or(Partition::Aws, |region| region.partition());
    let wanted = match service {
        Service::Organizations => partition.organizations_region(),
        _ => partition.iam_region(),
    };
    if wanted.name() == signed { Ok(wanted) } else { Err(NotTaken::Region(wanted.name().to_owned())) }
}

fn endpoint(service: Service, region: &Region, config: &ClientConfig) -> Result<Endpoint, EndpointError> {
    let configured = match service {
        Service::Organizations => &config.organizations_endpoint,
        _ => &config.iam_endpoint,
    };
    Endpoint::of(configured, service, region)
}

/// A request is signed for the name that AWS has for the service, or for that of the operator's endpoint.
fn check_host(host: &str, service: Service, region: &Region, config: &ClientConfig) -> Result<(), NotTaken> {
    let of_aws = Endpoint::of_service(service, region)?;
    if host == of_aws.authority() || host == endpoint(service, region, config)?.authority() {
        return Ok(());
    }
    Err(NotTaken::Host { host: host.to_owned(), wanted: of_aws.authority().to_owned() })
}

fn check_server_id(headers: &ClientHeaders, config: &ClientConfig) -> Result<(), NotTaken> {
    let required = config.iam_server_id_header_value.as_str();
    if required.is_empty() {
        let names_server = !headers.values(server_id::CANONICAL).is_empty();
        return if names_server { Err(NotTaken::OtherServer) } else { Ok(()) };
    }
    server_id::check(headers, &Shape::Get, required)
        .map_err(|error| NotTaken::ServerId(error.not_revealing()))
}
