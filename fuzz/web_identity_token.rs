//! Header and claims of tokens: JSON of whoever reaches the server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use vault_plugin_auth_aws::proof::web_identity_token::ClaimedToken;

use crate::target::{Target, Verdict};

const HEADER: &str = r#"{"kid":"RSA_1","typ":"JWT","alg":"RS256"}"#;
const CLAIMS: &str = r#"{"iss":"https://i.example","aud":"v","sub":"arn:aws:iam::1:role/App","iat":1000,"exp":1300,"jti":"a","https://sts.amazonaws.com/":{"aws_account":"1"}}"#;

const TARGET: Target<2> = Target {
    accepted: &[[HEADER, CLAIMS], [r#"{"kid":"EC_1","alg":"ES384"}"#, CLAIMS]],
    refused: &[
        [r#"{"kid":"RSA_1","alg":"none"}"#, CLAIMS],
        [r#"{"kid":"RSA_1","alg":"none","alg":"RS256"}"#, CLAIMS],
        [HEADER, r#"{"iss":"https://i.example"}"#],
        [HEADER, "[]"],
    ],
    tokens: &[
        &[
            "\"alg\":",
            "\"none\"",
            "\"HS256\"",
            "\"ES384\"",
            "\"kid\":",
            "\"crit\":[]",
            "\"jku\":\"x\"",
            ",",
            "}",
            "\\u0061",
        ],
        &[
            "\"iss\":", "\"aud\":", "[\"a\"]", "\"jti\":", "\"exp\":", "-1", "1e9", "null", "{", "}", ",",
            "\\u0073",
        ],
    ],
    check,
};

#[test]
fn web_identity_token() {
    TARGET.run();
}

/// What is taken says one thing to every reader: a reader that takes the last of two names sees the same.
fn check([header, claims]: [&[u8]; 2]) -> Verdict {
    let text = format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    match ClaimedToken::parse(&text) {
        Ok(token) => {
            let members = |bytes| serde_json::from_slice::<Map<String, Value>>(bytes).expect("an object");
            let (header, claims) = (members(header), members(claims));
            assert_eq!(header["alg"], token.algorithm().name());
            assert_eq!(header["kid"], token.key_id());
            assert_eq!(claims["iss"], token.issuer());
            assert!(!header.contains_key("crit") && !token.issuer().is_empty());
            Verdict::accepted(token.algorithm().name())
        }
        Err(error) => Verdict::refused(&error.to_string()),
    }
}
