//! The keys that an issuer publishes: a JSON Web Key Set.

use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use thiserror::Error;

use super::error::TokenError;
use super::json;
use crate::budget::{Step, took};
use crate::entry::JwtAlgorithm;

/// Longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// Keys of an issuer at the most.
const MAX_KEYS: usize = 64;
/// Bytes of a coordinate on P-384.
const COORDINATE: usize = 48;
/// First byte of a point that is written with both coordinates.
const UNCOMPRESSED: u8 = 4;

/// Why a document is no set of keys.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeySetError {
    /// It has another form.
    #[error("it is no JSON Web Key Set")]
    Form,
    /// Two keys of one id and algorithm: nobody knows which is meant.
    #[error("it has two keys of one kid and algorithm")]
    Repeated,
    /// Not worth a look.
    #[error("it has more than {MAX_KEYS} keys")]
    TooMany,
}

/// A key that signs in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    id: String,
    public: Public,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point on P-384, uncompressed.
    P384(Vec<u8>),
}

/// The keys that an issuer publishes, as far as tokens can be signed with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a document. Keys of other kinds and for other uses are left out.
    ///
    /// # Errors
    /// It is no set of keys, or an ambiguous one.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let members = json::object(bytes).ok_or(KeySetError::Form)?;
        let Some(Value::Array(listed)) = members.get("keys") else { return Err(KeySetError::Form) };
        if listed.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut keys: Vec<Key> = Vec::new();
        for key in listed {
            let Value::Object(members) = key else { return Err(KeySetError::Form) };
            let Some(key) = Key::read(members) else { continue };
            if keys.iter().any(|other| other.is(&key.id, key.algorithm())) {
                return Err(KeySetError::Repeated);
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The key of this id that signs in this way.
    #[must_use]
    pub fn find(&self, id: &str, algorithm: JwtAlgorithm) -> Option<&Key> {
        self.0.iter().find(|key| key.is(id, algorithm))
    }
}

impl Key {
    /// A key for signatures; `None` for any other. What a key says of itself must agree.
    fn read(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let number = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let public = match text("kty")? {
            "RSA" => Public::Rsa { n: number("n")?, e: number("e")? },
            "EC" if text("crv") == Some("P-384") => {
                let coordinate = |name: &str| number(name).filter(|bytes| bytes.len() == COORDINATE);
                Public::P384([vec![UNCOMPRESSED], coordinate("x")?, coordinate("y")?].concat())
            }
            _ => return None,
        };
        let key = Self { id: text("kid")?.to_owned(), public };
        let says = |name: &str, wanted: &str| match members.get(name) {
            None => true,
            Some(value) => value.as_str() == Some(wanted),
        };
        let verifies = match members.get("key_ops") {
            None => true,
            Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
            Some(_) => false,
        };
        (says("use", "sig") && says("alg", key.algorithm().name()) && verifies).then_some(key)
    }

    fn algorithm(&self) -> JwtAlgorithm {
        match self.public {
            Public::Rsa { .. } => JwtAlgorithm::Rs256,
            Public::P384(_) => JwtAlgorithm::Es384,
        }
    }

    fn is(&self, id: &str, algorithm: JwtAlgorithm) -> bool {
        self.id == id && self.algorithm() == algorithm
    }

    /// Checks that this key signed a message.
    ///
    /// # Errors
    /// It did not.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        took(Step::SignatureChecked);
        let verified = match &self.public {
            Public::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Public::P384(point) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
        };
        verified.map_err(|_| TokenError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa(changes: Value) -> Value {
        let mut key =
            json!({"kty": "RSA", "kid": "RSA_1", "use": "sig", "alg": "RS256", "n": "AQAB", "e": "AQAB"});
        key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        key
    }

    fn ec(changes: Value) -> Value {
        let half = URL_SAFE_NO_PAD.encode([1; COORDINATE]);
        let mut key = json!({"kty": "EC", "crv": "P-384", "kid": "EC_1", "use": "sig", "alg": "ES384", "x": half, "y": half});
        key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        key
    }

    fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes())
    }

    #[test]
    fn keys_are_found_by_id_and_algorithm() {
        let keys = parse(&[rsa(json!({})), ec(json!({}))]).unwrap();
        for (id, algorithm, there) in [
            ("RSA_1", JwtAlgorithm::Rs256, true),
            ("EC_1", JwtAlgorithm::Es384, true),
            ("RSA_1", JwtAlgorithm::Es384, false),
            ("EC_1", JwtAlgorithm::Rs256, false),
            ("RSA_2", JwtAlgorithm::Rs256, false),
            ("", JwtAlgorithm::Rs256, false),
        ] {
            assert_eq!(keys.find(id, algorithm).is_some(), there, "{id}");
        }
    }

    #[test]
    fn a_key_of_another_kind_or_use_is_left_out() {
        for key in [
            rsa(json!({"alg": "RS512"})),
            rsa(json!({"alg": "ES384"})),
            rsa(json!({"alg": 1})),
            rsa(json!({"use": "enc"})),
            rsa(json!({"key_ops": ["sign"]})),
            rsa(json!({"key_ops": "verify"})),
            rsa(json!({"kid": 1})),
            rsa(json!({"n": "AQ=="})),
            rsa(json!({"kty": "oct", "k": "AQAB"})),
            ec(json!({"crv": "P-256"})),
            ec(json!({"x": "AQAB"})),
            ec(json!({"alg": "RS256"})),
            json!({}),
        ] {
            assert_eq!(parse(std::slice::from_ref(&key)), Ok(KeySet::default()), "{key}");
        }
        let bare = rsa(json!({"key_ops": ["verify"]}));
        assert!(parse(&[bare]).unwrap().find("RSA_1", JwtAlgorithm::Rs256).is_some());
    }

    #[test]
    fn an_ambiguous_set_is_none() {
        assert_eq!(parse(&[rsa(json!({})), rsa(json!({"e": "Aw"}))]), Err(KeySetError::Repeated));
        assert!(parse(&[rsa(json!({})), ec(json!({"kid": "RSA_1"}))]).is_ok());
        assert_eq!(parse(&vec![json!({}); 65]), Err(KeySetError::TooMany));
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#] {
            assert_eq!(KeySet::parse(text.as_bytes()), Err(KeySetError::Form), "{text}");
        }
    }
}
