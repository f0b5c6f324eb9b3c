//! Verifies a signed request as AWS does, or more strictly where AWS does not say what it does.
//!
//! Stricter than documented: a list of signed headers that is not sorted, lower-case and free of
//! repetitions, a signed header that was not sent, several Authorization headers and a date in a
//! `Date` header alone are refused for every service.

use subtle::ConstantTimeEq;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem};

use super::encoding::parse_form;
use super::endpoint::{Service, endpoint_of_host, iam_region, organizations_region, partition_of_region};
use super::http::Request;
use super::refusal::Refusal;
use super::sigv4::{ALGORITHM, Scope, Signable, TERMINATOR, canonical_request, signature, string_to_sign};

/// How far the signed date may be from the clock, on both sides.
pub const DATE_WINDOW: Duration = Duration::minutes(15);

const AMZ_DATE: &[BorrowedFormatItem<'static>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// The date of a signature as text.
pub fn amz_date(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC).format(AMZ_DATE).expect("every date has this form")
}

fn parse_amz_date(text: &str) -> Option<OffsetDateTime> {
    let digits = text.len() == "YYYYMMDDTHHMMSSZ".len();
    PrimitiveDateTime::parse(text, AMZ_DATE).ok().filter(|_| digits).map(PrimitiveDateTime::assume_utc)
}

/// Where a request carries its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the Authorization header.
    Header,
    /// In the query: a presigned request.
    Query,
}

/// What is done when AWS does not document what it does. Tests of ambiguous requests set the choice
/// that hurts most.
#[derive(Clone, Copy, Debug)]
pub struct Ambiguity {
    /// A parameter that stands several times in query and body together.
    pub repeated_parameter: Repeated,
    /// A request with an Authorization header and a signed query; `None` refuses it.
    pub both_forms: Option<Form>,
}

/// Which value of a repeated parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// The first, those of the query before those of the body.
    First,
    /// The last.
    Last,
    /// None: the request is refused.
    Refused,
}

impl Default for Ambiguity {
    fn default() -> Self {
        Self { repeated_parameter: Repeated::First, both_forms: None }
    }
}

/// The signature a request presents, not verified.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Where it was found.
    pub form: Form,
    /// Access key id.
    pub access_key_id: String,
    /// Scope.
    pub scope: Scope,
    /// Names of the signed headers.
    pub signed_headers: Vec<String>,
    /// Signature.
    pub signature: String,
    /// Signed date, `YYYYMMDDTHHMMSSZ`.
    pub date: String,
    /// Session token.
    pub session_token: Option<String>,
}

impl Presented {
    /// Reads the signature of a request.
    pub fn of(request: &Request, ambiguity: Ambiguity) -> Result<Self, Refusal> {
        let query = parse_form(request.query());
        let in_query = query.iter().any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature");
        let in_header = request.header("Authorization").is_some();
        let form = match (in_header, in_query) {
            (false, false) => return Err(Refusal::missing_token()),
            (true, false) => Form::Header,
            (false, true) => Form::Query,
            (true, true) => ambiguity
                .both_forms
                .ok_or_else(|| Refusal::incomplete("Only one authentication mechanism is allowed."))?,
        };
        match form {
            Form::Header => Self::of_header(request),
            Form::Query => Self::of_query(&query, ambiguity.repeated_parameter),
        }
    }

    fn of_header(request: &Request) -> Result<Self, Refusal> {
        let values = request.header_values("Authorization");
        let [authorization] = values.as_slice() else {
            return Err(Refusal::incomplete("Several Authorization headers."));
        };
        let parameters = authorization
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| Refusal::incomplete(format!("Unsupported algorithm in '{authorization}'.")))?;
        let mut parts: Vec<(&str, &str)> = Vec::new();
        for part in parameters.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or_else(|| {
                Refusal::incomplete(format!("Authorization header has an invalid key=value pair: '{part}'."))
            })?;
            if parts.iter().any(|(present, _)| *present == name) {
                return Err(Refusal::incomplete(format!("Authorization header repeats '{name}'.")));
            }
            parts.push((name, value));
        }
        let part = |wanted: &str| {
            let found = parts.iter().find(|(name, value)| *name == wanted && !value.is_empty());
            found.map(|(_, value)| (*value).to_owned()).ok_or_else(|| {
                Refusal::incomplete(format!("Authorization header requires '{wanted}' parameter."))
            })
        };
        let (access_key_id, scope) = parse_credential(&part("Credential")?)?;
        let dates = request.header_values("X-Amz-Date");
        let [date] = dates.as_slice() else {
            return Err(Refusal::incomplete("Authorization header requires one 'X-Amz-Date' header."));
        };
        let tokens = request.header_values("X-Amz-Security-Token");
        if tokens.len() > 1 {
            return Err(Refusal::invalid_token());
        }
        Ok(Self {
            form: Form::Header,
            access_key_id,
            scope,
            signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: part("Signature")?,
            date: (*date).to_owned(),
            session_token: tokens.first().map(|token| (*token).to_owned()),
        })
    }

    fn of_query(query: &[(String, String)], repeated: Repeated) -> Result<Self, Refusal> {
        let parameter = |wanted: &str| pick(query, wanted, repeated);
        let required = |wanted: &str| {
            parameter(wanted)?.filter(|value| !value.is_empty()).ok_or_else(|| {
                Refusal::incomplete(format!("AWS query-string parameters must include '{wanted}'."))
            })
        };
        let algorithm = required("X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            return Err(Refusal::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        let (access_key_id, scope) = parse_credential(&required("X-Amz-Credential")?)?;
        Ok(Self {
            form: Form::Query,
            access_key_id,
            scope,
            signed_headers: required("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: required("X-Amz-Signature")?,
            date: required("X-Amz-Date")?,
            session_token: parameter("X-Amz-Security-Token")?,
        })
    }

    /// Scope against the host that was asked; the service that follows. A host that is not of AWS
    /// leaves service and region to the scope.
    pub fn check_scope(&self, host: &str) -> Result<Service, Refusal> {
        let region = &self.scope.region;
        let bad_region = || {
            Refusal::mismatch_because(format!(
                "Credential should be scoped to a valid region, not '{region}'. "
            ))
        };
        let partition = partition_of_region(region).ok_or_else(bad_region)?;
        let endpoint = endpoint_of_host(host);
        let scoped = Service::named(&self.scope.service);
        let expected = endpoint.as_ref().map(|endpoint| endpoint.service).or(scoped).unwrap_or(Service::Sts);
        if scoped != Some(expected) {
            return Err(Refusal::mismatch_because(format!(
                "Credential should be scoped to correct service: '{}'. ",
                expected.name()
            )));
        }
        let host_region = endpoint.and_then(|endpoint| endpoint.region);
        let wrong = match (expected, host_region) {
            (Service::Iam, _) => region != iam_region(partition),
            (Service::Organizations, _) => region != organizations_region(partition),
            (_, Some(host_region)) => *region != host_region,
            (_, None) => false,
        };
        if wrong { Err(bad_region()) } else { Ok(expected) }
    }

    /// The signed date against the clock and the scope.
    pub fn check_date(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        let date = &self.date;
        let signed = parse_amz_date(date).ok_or_else(|| {
            Refusal::incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{date}'. "))
        })?;
        if !date.starts_with(&self.scope.date) || self.scope.date.len() != 8 {
            return Err(Refusal::mismatch_because(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{date}'.",
                self.scope.date,
                &date[..8],
            )));
        }
        let (earliest, latest) = (now - DATE_WINDOW, now + DATE_WINDOW);
        if signed < earliest {
            return Err(Refusal::mismatch_because(format!(
                "Signature expired: {date} is now earlier than {} ({} - 15 min.)",
                amz_date(earliest),
                amz_date(now)
            )));
        }
        if signed > latest {
            return Err(Refusal::mismatch_because(format!(
                "Signature not yet current: {date} is still later than {} ({} + 15 min.)",
                amz_date(latest),
                amz_date(now)
            )));
        }
        Ok(())
    }

    /// Which headers must be signed, and that all that are signed were sent.
    pub fn check_headers(&self, request: &Request) -> Result<(), Refusal> {
        let signed = &self.signed_headers;
        if !signed.iter().any(|name| name == "host") {
            return Err(Refusal::mismatch_because(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        let sorted = signed.is_sorted_by(|before, after| before < after);
        let lower = signed.iter().all(|name| *name == name.to_ascii_lowercase());
        let sent = signed.iter().all(|name| request.header(name).is_some());
        if !(sorted && lower && sent) {
            return Err(Refusal::mismatch());
        }
        let unsigned = request
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .find(|name| name.starts_with("x-amz-") && !signed.contains(name));
        if let Some(name) = unsigned {
            return Err(Refusal::mismatch_because(format!(
                "There were headers present in the request which were not signed: {name}"
            )));
        }
        let length = request.header("Content-Length");
        if length.is_some_and(|length| length != request.body.len().to_string()) {
            return Err(Refusal::mismatch());
        }
        Ok(())
    }

    /// The signature itself.
    pub fn check_signature(&self, request: &Request, secret: &str) -> Result<(), Refusal> {
        let canonical = canonical_request(&Signable {
            method: &request.method,
            path: request.path(),
            query: request.query(),
            headers: &request.headers,
            signed_headers: &self.signed_headers,
            body: &request.body,
            presigned: self.form == Form::Query,
        });
        let expected = signature(secret, &self.scope, &string_to_sign(&self.date, &self.scope, &canonical));
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            Ok(())
        } else {
            Err(Refusal::mismatch())
        }
    }
}

/// One value of a parameter.
pub fn pick(pairs: &[(String, String)], wanted: &str, repeated: Repeated) -> Result<Option<String>, Refusal> {
    let mut values = pairs.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let Some(first) = values.next() else {
        return Ok(None);
    };
    match (values.next_back(), repeated) {
        (None, _) | (Some(_), Repeated::First) => Ok(Some(first)),
        (Some(last), Repeated::Last) => Ok(Some(last)),
        (Some(_), Repeated::Refused) => {
            Err(Refusal::new(404, "MalformedQueryString", format!("The parameter '{wanted}' is repeated.")))
        }
    }
}

fn parse_credential(credential: &str) -> Result<(String, Scope), Refusal> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [key, date, region, service, terminator] = parts.as_slice() else {
        return Err(Refusal::incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
             got '{credential}'"
        )));
    };
    if *terminator != TERMINATOR {
        return Err(Refusal::mismatch_because(format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'. "
        )));
    }
    let scope =
        Scope { date: (*date).to_owned(), region: (*region).to_owned(), service: (*service).to_owned() };
    Ok(((*key).to_owned(), scope))
}
