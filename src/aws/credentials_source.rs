//! Where credentials come from, and that a request can carry them.
//!
//! Access key id and session token go into headers. Nobody validates them when they are configured, so a
//! line break at the end of a pasted key is found here, before a request is signed with it.

use std::fmt;

use aws_credential_types::Credentials;
use http::HeaderValue;
use thiserror::Error;

use crate::refusal::{Code, Coded};

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsSource {
    /// The keys of `config/client`.
    Config,
    /// The environment variables `AWS_ACCESS_KEY_ID` and `AWS_SESSION_TOKEN`.
    Environment,
    /// Another source of the credentials chain: a profile, a container, an instance.
    Chain,
    /// What STS answered to this action.
    Answer(&'static str),
}

impl fmt::Display for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("of config/client"),
            Self::Environment => f.write_str("of the environment"),
            Self::Chain => f.write_str("found by the credentials chain"),
            Self::Answer(action) => write!(f, "in the answer to {action}"),
        }
    }
}

/// Credentials that no request can carry. The text does not quote them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the {part} {origin} holds a character that no HTTP header may have")]
pub struct UnsendableCredentials {
    /// What of them.
    pub part: &'static str,
    /// Where they come from.
    pub origin: CredentialsSource,
}

impl Coded for UnsendableCredentials {
    fn code(&self) -> Code {
        Code::CredentialsUnsendable
    }
}

impl CredentialsSource {
    /// The credentials, if a request can carry them.
    ///
    /// # Errors
    /// Which part of them it cannot carry.
    pub fn checked(self, credentials: Credentials) -> Result<Credentials, UnsendableCredentials> {
        let token = credentials.session_token().unwrap_or_default();
        for (part, value) in [("access key id", credentials.access_key_id()), ("session token", token)] {
            if !is_sendable(value) {
                return Err(UnsendableCredentials { part, origin: self });
            }
        }
        Ok(credentials)
    }
}

/// Whether a header can have this value.
#[must_use]
pub fn is_sendable(value: &str) -> bool {
    HeaderValue::from_str(value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(key: &str, token: Option<&str>, source: CredentialsSource) -> Option<String> {
        let credentials = Credentials::new(key, "secret\n", token.map(str::to_owned), None, "test");
        source.checked(credentials).err().map(|error| {
            assert_eq!(error.code(), Code::CredentialsUnsendable);
            error.to_string()
        })
    }

    #[test]
    fn the_part_and_the_source_are_named_and_no_value() {
        let text = |part: &str, source: &str| {
            Some(format!("the {part} {source} holds a character that no HTTP header may have"))
        };
        for bad in ["AKIA\n", "\nAKIA", "AKIA\r\n", "AK\0IA", "\u{1}AKIA", "AKIA\u{7f}"] {
            assert_eq!(
                refused(bad, None, CredentialsSource::Config),
                text("access key id", "of config/client")
            );
            assert_eq!(
                refused("AKIA", Some(bad), CredentialsSource::Environment),
                text("session token", "of the environment")
            );
        }
        assert_eq!(
            refused("\n", None, CredentialsSource::Chain),
            text("access key id", "found by the credentials chain")
        );
        assert_eq!(
            refused("A", Some("\n"), CredentialsSource::Answer("AssumeRole")),
            text("session token", "in the answer to AssumeRole")
        );
    }

    #[test]
    fn what_a_header_may_have_is_sent() {
        for good in ["AKIA", "", " AKIA ", "AKIA/é", "a\tb"] {
            assert_eq!(refused(good, Some(good), CredentialsSource::Config), None, "{good:?}");
        }
    }
}
