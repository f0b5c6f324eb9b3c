//! What identifies a signature, in the one spelling that is taken where it counts.
//!
//! A request must not have two names under which it is known. So where its date or its use is checked,
//! each part has one spelling, and each part is one that a stranger cannot change: the date is a signed
//! header or stands in the signed query, the scope is part of what is signed.

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::authorization::Authorization;
use super::headers::ClientHeaders;
use super::shape::Shape;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Name of the header of the date, and of the parameter of a presigned request.
pub(super) const DATE: &str = "X-Amz-Date";
/// The same among signed headers.
const SIGNED_DATE: &str = "x-amz-date";
/// Length of a date such as `20260101T000000Z`.
const DATE_LENGTH: usize = 16;
/// Length of a signature.
const SIGNATURE_LENGTH: usize = 64;

/// What identifies a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Its date, in seconds since 1970.
    pub signed_at: i64,
    /// Access key id, date, scope and signature.
    pub parts: [String; 4],
}

/// The parts as they stand in a request.
struct Written<'a> {
    algorithm: &'a str,
    credential: &'a str,
    date: &'a str,
    signature: &'a str,
}

impl Signature {
    /// What identifies the signature of a request; `None` if any part of it is missing, not signed, there
    /// twice, or in another spelling than that of AWS's own clients.
    pub(super) fn of(headers: &ClientHeaders, shape: &Shape) -> Option<Self> {
        let written = match shape.presigned() {
            Some(_) if !headers.values(DATE).is_empty() => return None,
            Some(query) => Written {
                algorithm: &query.algorithm,
                credential: &query.credential,
                date: &query.date,
                signature: &query.signature,
            },
            None => Written::in_header(headers)?,
        };
        written.read("sts")
    }

    /// The same of a request to some service that is signed in its `Authorization` header.
    pub(super) fn in_header(headers: &ClientHeaders, service: &str) -> Option<Self> {
        Written::in_header(headers)?.read(service)
    }
}

impl<'a> Written<'a> {
    fn in_header(headers: &'a ClientHeaders) -> Option<Self> {
        let authorization = Authorization::parse(headers.authorization()?)?;
        let [date] = headers.values(DATE) else { return None };
        let is_date_signed = authorization.signed_headers.split(';').any(|name| name == SIGNED_DATE);
        is_date_signed.then_some(Self {
            algorithm: authorization.algorithm,
            credential: authorization.credential,
            date,
            signature: authorization.signature,
        })
    }

    fn read(&self, service: &str) -> Option<Signature> {
        let signed_at = seconds_of(self.date)?;
        let (key_id, scope) = self.credential.split_once('/')?;
        let pieces: Vec<&str> = scope.split('/').collect();
        let [day, region, signed_service, "aws4_request"] = pieces.as_slice() else { return None };
        if *signed_service != service {
            return None;
        }
        let is_key_id = !key_id.is_empty() && key_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_region = !region.is_empty()
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let is_day = self.date.get(..8) == Some(*day);
        let is_signature = self.signature.len() == SIGNATURE_LENGTH
            && self.signature.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_ours = self.algorithm == ALGORITHM && is_key_id && is_region && is_day && is_signature;
        is_ours.then(|| Signature {
            signed_at,
            // Nothing that is signed holds the key id, so two spellings of it must not be two.
            parts: [
                key_id.to_ascii_uppercase(),
                self.date.to_owned(),
                scope.to_owned(),
                self.signature.to_owned(),
            ],
        })
    }
}

/// Whether it has the form of a date such as `20260101T000000Z`.
pub(super) fn is_date(date: &str) -> bool {
    date.len() == DATE_LENGTH
        && date.bytes().enumerate().all(|(place, byte)| match place {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

/// Seconds since 1970 of a date such as `20260101T000000Z`.
fn seconds_of(date: &str) -> Option<i64> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let parsed = is_date(date).then(|| PrimitiveDateTime::parse(date, &format).ok())??;
    Some(OffsetDateTime::unix_timestamp(parsed.assume_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: Written<'static> = Written {
        algorithm: ALGORITHM,
        credential: "AKID/20260101/us-east-1/sts/aws4_request",
        date: "20260101T000001Z",
        signature: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    };

    #[test]
    fn the_parts_are_read() {
        let read = WRITTEN.read("sts").unwrap();
        assert_eq!(read.signed_at, 1_767_225_601);
        assert_eq!(
            read.parts,
            ["AKID", WRITTEN.date, "20260101/us-east-1/sts/aws4_request", WRITTEN.signature]
        );
        let lower = WRITTEN.credential.to_lowercase();
        assert_eq!(Written { credential: &lower, ..WRITTEN }.read("sts"), Some(read));
    }

    #[test]
    fn another_spelling_is_none() {
        let upper = WRITTEN.signature.to_uppercase();
        for signature in [upper.as_str(), "", &WRITTEN.signature[1..], &format!("{}0", WRITTEN.signature)] {
            assert_eq!(Written { signature, ..WRITTEN }.read("sts"), None, "{signature}");
        }
        for algorithm in ["AWS4-ECDSA-P256-SHA256", "aws4-hmac-sha256", ""] {
            assert_eq!(Written { algorithm, ..WRITTEN }.read("sts"), None, "{algorithm}");
        }
        for date in [
            "20260102T000001Z",
            "20260101T000001",
            "20260101t000001z",
            "20260101T000060Z",
            "+0260101T000001Z",
            "Thu, 01 Jan 2026 00:00:01 GMT",
            "2026-01-01T00:00:01Z",
            "",
        ] {
            assert_eq!(Written { date, ..WRITTEN }.read("sts"), None, "{date}");
        }
        for credential in [
            "AKID/20260101/US-EAST-1/sts/aws4_request",
            "AKID/20260101//sts/aws4_request",
            "AKID/20260101/us-east-1/STS/aws4_request",
            "AKID/20260101/us-east-1/sts/aws4_request/",
            "AK%49D/20260101/us-east-1/sts/aws4_request",
            "/20260101/us-east-1/sts/aws4_request",
            "AKID",
        ] {
            assert_eq!(Written { credential, ..WRITTEN }.read("sts"), None, "{credential}");
        }
    }
}
