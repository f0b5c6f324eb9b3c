//! The query of a presigned GET.
//!
//! The signing library always adds `X-Amz-Expires`, which no server of the method takes unless it is
//! configured to, and STS does not look at. So the query is put together here; the key and the signature
//! are the library's.

use aws_credential_types::Credentials;
use aws_lc_rs::digest::{SHA256, digest};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::SystemTime;
use time::OffsetDateTime;
use time::macros::format_description;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "sts";

/// What stays as it is in a canonical query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The query, signature included, of a GET for `/` with these parameters before it, which must sort before
/// `X-Amz-`. `headers` are all that are signed: names in lower case, sorted, with `host`.
///
/// # Errors
/// The time is none that a signature can have.
pub(crate) fn query(
    parameters: &str,
    headers: &[(String, String)],
    region: &str,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<String, String> {
    let date = OffsetDateTime::from(now)
        .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
        .map_err(|error| error.to_string())?;
    let day = date.split('T').next().unwrap_or_default();
    let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");

    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut query = format!(
        "{parameters}&X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={date}",
        encoded(&format!("{}/{scope}", credentials.access_key_id()))
    );
    if let Some(token) = credentials.session_token() {
        query.push_str(&format!("&X-Amz-Security-Token={}", encoded(token)));
    }
    query.push_str(&format!("&X-Amz-SignedHeaders={}", encoded(&names)));

    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!("GET\n/\n{query}\n{lines}\n{names}\n{}", hash(b""));
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hash(canonical.as_bytes()));
    let key = generate_signing_key(credentials.secret_access_key(), now, region, SERVICE);
    let signature = calculate_signature(key, to_sign.as_bytes());
    Ok(format!("{query}&X-Amz-Signature={signature}"))
}

fn hash(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
