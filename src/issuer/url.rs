//! The URL of an issuer, as AWS takes it.

use thiserror::Error;

/// Longest URL of an OpenID Connect provider, in characters.
const MAX_LENGTH: usize = 255;

/// Why a URL is not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UrlError {
    /// Not by https.
    #[error("must be an https URL")]
    NotHttps,
    /// Too long for AWS.
    #[error("must have at most {MAX_LENGTH} characters")]
    TooLong,
    /// AWS takes none.
    #[error("must have no port: AWS takes none")]
    Port,
    /// A query or a fragment.
    #[error("must have no query and no fragment")]
    Query,
    /// The host is none.
    #[error("must name a host in lower case, without user")]
    Host,
    /// The path is not one way to write it.
    #[error("must have a path of plain segments, without a slash at the end")]
    Path,
}

/// The URL of an issuer: `https://`, a host name, and perhaps a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl<'a> {
    text: &'a str,
    /// Host and path, by which AWS names the provider.
    provider: &'a str,
}

impl<'a> IssuerUrl<'a> {
    /// Reads a URL.
    ///
    /// # Errors
    /// It is none that AWS takes, or one that could be written in two ways: AWS compares texts.
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        let provider = text.strip_prefix("https://").ok_or(UrlError::NotHttps)?;
        if text.len() > MAX_LENGTH {
            return Err(UrlError::TooLong);
        }
        if provider.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let (host, path) =
            provider.split_once('/').map_or((provider, None), |(host, path)| (host, Some(path)));
        if !host.contains('@') && host.contains(':') {
            return Err(UrlError::Port);
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if !host.split('.').all(is_label) {
            return Err(UrlError::Host);
        }
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        if path.is_some_and(|path| !path.split('/').all(is_segment)) {
            return Err(UrlError::Path);
        }
        Ok(Self { text, provider })
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Host and path, by which AWS names the provider in ARNs and condition keys.
    #[must_use]
    pub fn provider(&self) -> &'a str {
        self.provider
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_takes_is_taken() {
        for (text, provider) in [
            ("https://vault.example.com/v1/auth/aws/oidc", "vault.example.com/v1/auth/aws/oidc"),
            ("https://keys.example.com", "keys.example.com"),
            ("https://b.s3.eu-west-1.amazonaws.com/A_b~c.d", "b.s3.eu-west-1.amazonaws.com/A_b~c.d"),
        ] {
            let url = IssuerUrl::parse(text).unwrap();
            assert_eq!((url.as_str(), url.provider()), (text, provider));
        }
    }

    #[test]
    fn what_aws_refuses_or_could_be_written_otherwise_is_refused() {
        let long = format!("https://a.example/{}", "x".repeat(MAX_LENGTH));
        for (text, error) in [
            ("", UrlError::NotHttps),
            ("http://a.example", UrlError::NotHttps),
            ("HTTPS://a.example", UrlError::NotHttps),
            (long.as_str(), UrlError::TooLong),
            ("https://a.example:8200/v1", UrlError::Port),
            ("https://a.example:443", UrlError::Port),
            ("https://[::1]", UrlError::Port),
            ("https://a.example?x", UrlError::Query),
            ("https://a.example/p#x", UrlError::Query),
            ("https://", UrlError::Host),
            ("https:///p", UrlError::Host),
            ("https://user:p@a.example", UrlError::Host),
            ("https://A.example", UrlError::Host),
            ("https://a..example", UrlError::Host),
            ("https://-a.example", UrlError::Host),
            ("https://a.example/", UrlError::Path),
            ("https://a.example/p/", UrlError::Path),
            ("https://a.example//p", UrlError::Path),
            ("https://a.example/../p", UrlError::Path),
            ("https://a.example/%70", UrlError::Path),
            ("https://a.example/p q", UrlError::Path),
        ] {
            assert_eq!(IssuerUrl::parse(text), Err(error), "{text}");
        }
    }
}
