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

#[cfg(test)]
mod tests {
    use super::*;

    fn url(url: &str, sts_endpoint: &str) -> Result<(), StrictError> {
        let config = ClientConfig { sts_endpoint: sts_endpoint.to_owned(), ..ClientConfig::default() };
        check_url(&Target::parse(url).unwrap(), &config)
    }

    fn headers(sent: &[(&str, &str)], signed: &str) -> Result<(), StrictError> {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
        let mut sent: Vec<(String, Vec<String>)> = sent.iter().map(header).collect();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sts/aws4_request, SignedHeaders={signed}, Signature=00"
        );
        sent.push(("Authorization".to_owned(), vec![authorization]));
        let target = Target::parse("https://sts.amazonaws.com/").unwrap();
        check_headers(&target, &ClientHeaders::collect(&sent), &Shape::Post(Vec::new()))
    }

    #[test]
    fn a_url_has_nothing_but_a_host_of_sts() {
        let host = |host: &str| Err(StrictError::Host(host.to_owned()));
        for (text, expected) in [
            ("https://sts.amazonaws.com", Ok(())),
            ("https://sts.amazonaws.com/", Ok(())),
            ("HTTPS://sts.eu-west-1.amazonaws.com/?Action=x", Ok(())),
            ("https://sts.amazonaws.com/x", Err(StrictError::Path)),
            ("https://sts.amazonaws.com//", Err(StrictError::Path)),
            ("https://sts.amazonaws.com/%2e", Err(StrictError::Path)),
            ("https://sts.amazonaws.com:443/", Err(StrictError::Port)),
            ("https://sts.amazonaws.com:/", Err(StrictError::Port)),
            ("https://@sts.amazonaws.com/", Err(StrictError::UserName)),
            ("https://sts.amazonaws.com/#", Err(StrictError::Fragment)),
            ("//sts.amazonaws.com/", Err(StrictError::Scheme)),
            ("/", Err(StrictError::Scheme)),
            ("https:///", host("")),
            ("https://STS.amazonaws.com/", host("STS.amazonaws.com")),
            ("https://sts.internal/", host("sts.internal")),
        ] {
            assert_eq!(url(text, ""), expected, "{text}");
        }
    }

    #[test]
    fn the_configured_endpoint_is_one_with_its_port() {
        assert_eq!(url("https://sts.internal:8443/", "https://sts.internal:8443/base"), Ok(()));
        assert_eq!(url("https://sts.internal/", "sts.internal"), Ok(()));
        assert_eq!(url("https://sts.amazonaws.com/", "https://sts.internal"), Ok(()));
        let other = url("https://sts.internal:1/", "https://sts.internal");
        assert_eq!(other, Err(StrictError::Host("sts.internal:1".to_owned())));
    }

    #[test]
    fn what_aws_goes_by_is_signed() {
        let not_signed = |name: &str| Err(StrictError::NotSigned(name.to_owned()));
        let own = ("host", "sts.amazonaws.com");
        let date = ("x-amz-date", "20260101T000000Z");
        assert_eq!(headers(&[], "host"), Ok(()));
        assert_eq!(headers(&[], "x-amz-date"), not_signed("Host"));
        assert_eq!(headers(&[own, date, ("user-agent", "x")], "host;x-amz-date"), Ok(()));
        assert_eq!(headers(&[own, date], "host"), not_signed("X-Amz-Date"));
        for name in ["Content-Type", "Content-Md5", "Content-Encoding", "Date", server_id::CANONICAL] {
            assert_eq!(headers(&[(name, "x")], "host"), not_signed(name));
            assert_eq!(headers(&[(name, "x")], &format!("{};host", name.to_lowercase())), Ok(()));
        }
        assert_eq!(headers(&[("Host", "sts.amazonaws.com.")], "host"), Err(StrictError::HostHeader));
        let twice = headers(&[("accept", "a"), ("Accept", "b")], "host");
        assert_eq!(twice, Err(StrictError::RepeatedHeader("Accept".to_owned())));
    }

    #[test]
    fn without_one_readable_signature_nothing_is_signed() {
        let target = Target::parse("https://sts.amazonaws.com/").unwrap();
        let sent = [("Authorization".to_owned(), vec!["Bearer x".to_owned()])];
        for headers in [ClientHeaders::default(), ClientHeaders::collect(&sent)] {
            let checked = check_headers(&target, &headers, &Shape::Get);
            assert_eq!(checked, Err(StrictError::NoSignature));
        }
    }
}
