//! Key sets: documents of an issuer's server.

use serde_json::Value;
use vault_plugin_auth_aws::entry::JwtAlgorithm;
use vault_plugin_auth_aws::proof::web_identity_token::key_set::KeySet;

use crate::target::{Target, Verdict};

const TARGET: Target<1> = Target {
    accepted: &[
        [r#"{"keys":[{"kty":"RSA","kid":"k","use":"sig","alg":"RS256","n":"AQAB","e":"AQAB"}]}"#],
        [r#"{"keys":[{"kty":"oct","kid":"k","k":"AQAB"}]}"#],
    ],
    refused: &[
        ["[]"],
        [
            r#"{"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"},{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}]}"#,
        ],
    ],
    tokens: &[&[
        "\"kid\":",
        "\"k\"",
        "\"alg\":",
        "\"RS256\"",
        "\"ES384\"",
        "\"use\":\"enc\"",
        "{}",
        ",",
        "[",
        "]",
    ]],
    check,
};

#[test]
fn key_set() {
    TARGET.run();
}

/// A key that is found is in the document under its id, and says nothing else of its algorithm.
fn check([input]: [&[u8]; 1]) -> Verdict {
    match KeySet::parse(input) {
        Ok(keys) => {
            let document: Value = serde_json::from_slice(input).expect("JSON");
            for algorithm in JwtAlgorithm::ALL {
                if keys.find("k", algorithm).is_some() {
                    let listed = document["keys"].as_array().expect("a list");
                    let is_it = |key: &&Value| {
                        key["kid"] == "k" && (key["alg"].is_null() || key["alg"] == algorithm.name())
                    };
                    assert!(listed.iter().any(|key| is_it(&key)), "{document}");
                    return Verdict::accepted(algorithm.name());
                }
            }
            Verdict::accepted("no key")
        }
        Err(error) => Verdict::refused(&error.to_string()),
    }
}
