//! The header of a token.

use serde_json::Value;

use super::error::TokenError;
use super::json;
use crate::entry::JwtAlgorithm;

/// Members that would make a token mean something else, or name a key that nobody configured.
const REFUSED: [&str; 10] = ["b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5t", "x5u", "zip"];
/// Longest id of a key, in bytes.
const MAX_KEY_ID: usize = 256;

/// The header of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) algorithm: JwtAlgorithm,
    pub(super) key_id: String,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// It is none that AWS makes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, TokenError> {
        let members = json::object(bytes)
            .ok_or(TokenError::Form("its header is no JSON object with every name once"))?;
        if REFUSED.iter().any(|name| members.contains_key(*name)) {
            return Err(TokenError::Form("its header has a member that is never taken"));
        }
        match members.get("typ") {
            None => {}
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("JWT") => {}
            Some(_) => return Err(TokenError::Form("its typ is not JWT")),
        }
        let Some(Value::String(named)) = members.get("alg") else {
            return Err(TokenError::Form("its header has no alg"));
        };
        let algorithm = JwtAlgorithm::named(named).ok_or_else(|| TokenError::Algorithm(shown(named)))?;
        match members.get("kid") {
            Some(Value::String(id)) if (1..=MAX_KEY_ID).contains(&id.len()) => {
                Ok(Self { algorithm, key_id: id.clone() })
            }
            _ => Err(TokenError::Form("its header has no kid")),
        }
    }
}

/// A name as an answer may show it: a stranger has chosen it.
fn shown(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-+_".contains(&byte);
    if (1..=32).contains(&name.len()) && name.bytes().all(is_plain) {
        name.to_owned()
    } else {
        "another one".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_aws_is_read() {
        for (text, algorithm, id) in [
            (r#"{"kid":"RSA_1","typ":"JWT","alg":"RS256"}"#, JwtAlgorithm::Rs256, "RSA_1"),
            (r#"{"kid":"EC_1","alg":"ES384","other":1}"#, JwtAlgorithm::Es384, "EC_1"),
        ] {
            assert_eq!(Header::read(text.as_bytes()), Ok(Header { algorithm, key_id: id.to_owned() }));
        }
    }

    #[test]
    fn other_headers_are_refused() {
        for name in REFUSED {
            let text = format!(r#"{{"kid":"k","alg":"RS256","{name}":"x"}}"#);
            let error = TokenError::Form("its header has a member that is never taken");
            assert_eq!(Header::read(text.as_bytes()), Err(error), "{name}");
        }
        for (name, said) in [
            ("none", "none"),
            ("None", "None"),
            ("HS256", "HS256"),
            ("ES256", "ES256"),
            ("PS256", "PS256"),
            ("rs256", "rs256"),
            ("RS256 ", "another one"),
            ("", "another one"),
            ("cannot write to readonly storage", "another one"),
        ] {
            let text = format!(r#"{{"kid":"k","alg":"{name}"}}"#);
            assert_eq!(Header::read(text.as_bytes()), Err(TokenError::Algorithm(said.to_owned())));
        }
        for text in [
            "",
            "[]",
            r#"{"kid":"k"}"#,
            r#"{"kid":"k","alg":1}"#,
            r#"{"kid":"k","alg":["RS256"]}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"kid":"","alg":"RS256"}"#,
            r#"{"kid":1,"alg":"RS256"}"#,
            r#"{"kid":"k","alg":"RS256","typ":"JWE"}"#,
            r#"{"kid":"k","alg":"RS256","typ":1}"#,
            r#"{"kid":"k","alg":"none","alg":"RS256"}"#,
        ] {
            assert!(matches!(Header::read(text.as_bytes()), Err(TokenError::Form(_))), "{text}");
        }
        let long = format!(r#"{{"kid":"{}","alg":"RS256"}}"#, "k".repeat(257));
        assert!(Header::read(long.as_bytes()).is_err());
    }
}
