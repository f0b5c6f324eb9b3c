//! What a signature says of itself, for whoever looks for the request in AWS's own records.

use super::signature::is_date;

/// What a signature says of itself. It is true once AWS has taken the signature. A part that is not written as
/// AWS's clients write it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignatureFacts {
    /// Id of the access key.
    pub access_key_id: String,
    /// When it was signed, by the client's clock: `2026-01-02T03:04:05Z`.
    pub signed_at: String,
    /// Region that it was signed for.
    pub region: String,
}

impl SignatureFacts {
    /// Out of a credential, and the date beside it.
    pub(super) fn of(credential: &str, date: &str) -> Self {
        let mut parts = credential.split('/');
        let access_key_id = parts.next().filter(|id| is_key_id(id)).unwrap_or("").to_owned();
        let region = parts.nth(1).unwrap_or("").to_owned();
        Self { access_key_id, signed_at: readable(date).unwrap_or_default(), region }
    }
}

fn is_key_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `20260102T030405Z` in the notation of other logs.
fn readable(date: &str) -> Option<String> {
    let part = |from: usize, to: usize| date.get(from..to);
    if !is_date(date) {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    Some(format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::signed_request::authorization::Authorization;

    #[test]
    fn dates_become_readable_or_are_left_out() {
        assert_eq!(readable("20260102T030405Z").as_deref(), Some("2026-01-02T03:04:05Z"));
        for date in
            ["", "20260102", "20260102T030405", "2026-01-02T03:04Z", "20260102 030405Z", "2026010éT30405Z"]
        {
            assert_eq!(readable(date), None, "{date}");
        }
    }

    #[test]
    fn the_credential_is_the_one_that_is_parsed() {
        let value = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0a";
        let credential = Authorization::parse(value).map(|authorization| authorization.credential);
        assert_eq!(credential, Some("AKID/20260101/eu-west-1/sts/aws4_request"));
    }
}
