//! `config/issuer`: the mount as an issuer of identity tokens of its own, with its keys.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Entry;
use crate::ports::Secret;

/// How tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenAlgorithm {
    /// RSA PKCS#1 1.5 with SHA-256.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

impl TokenAlgorithm {
    /// The names of all.
    pub const NAMES: [&'static str; 2] = ["RS256", "ES256"];

    /// Its name in tokens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let [rsa, ecdsa] = Self::NAMES;
        match self {
            Self::Rs256 => rsa,
            Self::Es256 => ecdsa,
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// A key pair of the issuer. What it does now follows from its times and those of the others.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssuerKey {
    /// Its id, in tokens and in the published keys.
    pub id: String,
    /// How it signs.
    pub algorithm: TokenAlgorithm,
    /// When it was made, in seconds since 1970; it is published since.
    pub created: i64,
    /// From when on it signs, until a later key does, in seconds since 1970.
    pub signs_from: i64,
    /// The longest life of any token that it may have signed, in seconds.
    pub longest_token: i64,
    /// The members of the public key as a JSON Web Key.
    pub public_key: BTreeMap<String, String>,
    /// The key pair as PKCS#8 in base64; never returned.
    pub private_key: Secret,
}

/// The stored entry, in one piece: a node that stops on its way leaves either the keys before a change or those
/// after it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issuer {
    /// The URL of the issuer.
    pub issuer: String,
    /// Whom tokens are about: this mount. Made once, with the first write.
    pub subject: String,
    /// How the next key signs.
    pub algorithm: TokenAlgorithm,
    /// How long a key signs, in seconds.
    pub rotation_period: i64,
    /// The longest life of a token, in seconds.
    pub token_ttl: i64,
    /// The keys in the order in which they were made.
    pub keys: Vec<IssuerKey>,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for Issuer {}

impl Issuer {
    /// Prefix of what the issuer stores; wrapped by the seal.
    pub const PREFIX: &'static str = "issuer/";
    /// Storage key.
    pub const KEY: &'static str = "issuer/keys";
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("issuer", &self.issuer)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written_and_shows_no_key() {
        let key = IssuerKey {
            id: "k".to_owned(),
            algorithm: TokenAlgorithm::Es256,
            private_key: "hunter2".to_owned().into(),
            ..IssuerKey::default()
        };
        let issuer = Issuer { issuer: "https://a.example".to_owned(), keys: vec![key], ..Issuer::default() };
        let stored = issuer.encode().unwrap();
        assert_eq!(Issuer::decode(&stored), Ok(issuer.clone()));
        let text = String::from_utf8(stored).unwrap();
        assert!(text.contains(r#""algorithm":"ES256""#) && text.contains("hunter2"), "{text}");
        assert!(!format!("{issuer:?}").contains("hunter2"));
    }

    #[test]
    fn algorithms_have_names() {
        for name in TokenAlgorithm::NAMES {
            assert_eq!(TokenAlgorithm::named(name).map(TokenAlgorithm::name), Some(name));
        }
        assert_eq!(TokenAlgorithm::named("rs256"), None);
    }
}
