//! What strict mode demands of a signed request beyond what the built-in method does.
//!
//! AWS and this server must read the same request: it has one host, which is one of STS and is signed; each part
//! that AWS goes by is signed and stands there once; and it is for this server or for none.

use super::authorization::Authorization;
use super::error::SignedRequestError;
use super::form;
use super::headers::ClientHeaders;
use super::presigned::starts_with_x_amz;
use super::server_id;
use super::shape::Shape;
use super::strict_error::StrictError;
use super::target::{Dropped, Target};
use crate::aws::endpoint::Endpoint;
use crate::aws::sts_host::is_sts_host;
use crate::entry::ClientConfig;

/// Headers that AWS goes by, in canonical form, beside those that begin with `X-Amz-`.
const INTERPRETED: [&str; 5] = ["Content-Encoding", "Content-Md5", "Content-Type", "Date", "Host"];

/// Checks a request that satisfies all else.
pub(super) fn check(
    target: &Target,
    headers: &ClientHeaders,
    shape: &Shape,
    config: &ClientConfig,
) -> Result<(), SignedRequestError> {
    check_url(target, config)?;
    check_headers(target, headers, shape)?;
    check_parameters(shape.body())?;
    let names_server = !headers.values(server_id::CANONICAL).is_empty();
    if names_server && config.iam_server_id_header_value.is_empty() {
        return Err(StrictError::OtherServer.into());
    }
    Ok(())
}

fn check_url(target: &Target, config: &ClientConfig) -> Result<(), StrictError> {
    let Dropped { other_scheme, user_name, fragment } = target.dropped;
    if other_scheme {
        return Err(StrictError::Scheme);
    }
    if user_name {
        return Err(StrictError::UserName);
    }
    if fragment {
        return Err(StrictError::Fragment);
    }
    if target.path() != "/" {
        return Err(StrictError::Path);
    }
    // The operator's own endpoint may have a port.
    let configured = Endpoint::configured(&config.sts_endpoint);
    if configured.is_ok_and(|endpoint| endpoint.authority() == target.host) || is_sts_host(&target.host) {
        return Ok(());
    }
    match target.host.rsplit_once(':') {
        Some((host, _)) if is_sts_host(host) => Err(StrictError::Port),
        _ => Err(StrictError::Host(target.host.clone())),
    }
}

fn check_headers(target: &Target, headers: &ClientHeaders, shape: &Shape) -> Result<(), StrictError> {
    let signed_headers = match shape.presigned() {
        Some(query) => query.signed_headers.as_str(),
        None => {
            let authorization = headers.authorization().and_then(Authorization::parse);
            authorization.ok_or(StrictError::NoSignature)?.signed_headers
        }
    };
    let is_signed = |name: &str| signed_headers.split(';').any(|signed| signed.eq_ignore_ascii_case(name));
    // It is sent whether the client names it or not.
    if !is_signed("host") {
        return Err(StrictError::NotSigned("Host".to_owned()));
    }
    for (name, values) in headers.iter() {
        if values.len() > 1 {
            return Err(StrictError::RepeatedHeader(name.to_owned()));
        }
        if name == "Host" && values.iter().any(|host| *host != target.host) {
            return Err(StrictError::HostHeader);
        }
        let is_interpreted = starts_with_x_amz(name)
            || name == server_id::CANONICAL
            || INTERPRETED.iter().any(|interpreted| interpreted.eq_ignore_ascii_case(name));
        if is_interpreted && !is_signed(name) {
            return Err(StrictError::NotSigned(name.to_owned()));
        }
    }
    Ok(())
}

/// Those of a query are checked whatever the mode.
fn check_parameters(body: &[u8]) -> Result<(), SignedRequestError> {
    let pairs = form::parse(body)?;
    for (position, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(position).any(|(earlier, _)| earlier == name) {
            return Err(StrictError::RepeatedParameter(String::from_utf8_lossy(name).into_owned()).into());
        }
    }
    Ok(())
}
