//! `config/jwt-issuer/<account>`: the issuer by which AWS signs web identity tokens of an account.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Entry;
use crate::aws::arn::AccountId;

/// How AWS signs web identity tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JwtAlgorithm {
    /// RSA PKCS#1 1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
}

impl JwtAlgorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es384];
    /// The names of all.
    pub const NAMES: [&'static str; 2] = ["RS256", "ES384"];

    /// Its name in tokens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let [rsa, ecdsa] = Self::NAMES;
        match self {
            Self::Rs256 => rsa,
            Self::Es384 => ecdsa,
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// The stored entry `config/jwt-issuer/<account>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JwtIssuer {
    /// The issuer as tokens name it, compared byte for byte.
    pub issuer: String,
    /// The audiences of which a token must be for one.
    pub audience: Vec<String>,
    /// The algorithms that are taken; none is all of them.
    pub allowed_algorithms: Vec<JwtAlgorithm>,
    /// Where its keys are; empty is below the issuer.
    pub jwks_url: String,
    /// Tokens that were issued until then are not taken, in seconds since 1970: nobody knows whether they were used.
    pub taken_since: i64,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for JwtIssuer {}

impl JwtIssuer {
    /// Prefix of the storage keys.
    pub const PREFIX: &'static str = "config/jwt-issuer/";
    /// Where keys are below an issuer.
    const KEYS: &'static str = "/.well-known/jwks.json";

    /// Storage key of an account.
    #[must_use]
    pub fn key(account: &AccountId) -> String {
        format!("{}{account}", Self::PREFIX)
    }

    /// The algorithms that are taken.
    #[must_use]
    pub fn algorithms(&self) -> &[JwtAlgorithm] {
        if self.allowed_algorithms.is_empty() { &JwtAlgorithm::ALL } else { &self.allowed_algorithms }
    }

    /// Where its keys are.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        if self.jwks_url.is_empty() {
            format!("{}{}", self.issuer.trim_end_matches('/'), Self::KEYS)
        } else {
            self.jwks_url.clone()
        }
    }

    /// Whether a token for these audiences is one for this server.
    #[must_use]
    pub fn takes_audience(&self, audiences: &[String]) -> bool {
        audiences.iter().any(|audience| self.audience.contains(audience))
    }
}

/// An issuer, and the account whose tokens it signs.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerOfAccount {
    /// The account.
    pub account: AccountId,
    /// Its issuer.
    pub issuer: JwtIssuer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let issuer = JwtIssuer {
            issuer: "https://a.example".to_owned(),
            audience: vec!["a".to_owned()],
            allowed_algorithms: vec![JwtAlgorithm::Es384],
            taken_since: 7,
            ..JwtIssuer::default()
        };
        let stored = issuer.encode().unwrap();
        assert_eq!(JwtIssuer::decode(&stored), Ok(issuer));
        assert!(String::from_utf8(stored).unwrap().contains(r#""allowed_algorithms":["ES384"]"#));
        assert!(JwtIssuer::decode(br#"{"allowed_algorithms":["none"]}"#).is_err());
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let issuer = JwtIssuer { issuer: "https://a.example".to_owned(), ..JwtIssuer::default() };
        assert_eq!(issuer.algorithms(), JwtAlgorithm::ALL);
        assert_eq!(issuer.jwks_url(), "https://a.example/.well-known/jwks.json");
        let elsewhere = JwtIssuer { jwks_url: "https://b.example/k".to_owned(), ..issuer };
        assert_eq!(elsewhere.jwks_url(), "https://b.example/k");
        assert!(!elsewhere.takes_audience(&["a".to_owned()]));
    }

    #[test]
    fn algorithms_have_names() {
        for name in JwtAlgorithm::NAMES {
            assert_eq!(JwtAlgorithm::named(name).map(JwtAlgorithm::name), Some(name));
        }
        for name in ["none", "HS256", "rs256", "ES256", ""] {
            assert_eq!(JwtAlgorithm::named(name), None);
        }
    }
}
