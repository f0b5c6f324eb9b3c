//! The issuer of an account's web identity tokens: `sts:GetWebIdentityToken`, without the call.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::stand_in::Aws;
use crate::host::random_uuid;

/// Where AWS's own claims stand.
pub const AWS_CLAIMS: &str = "https://sts.amazonaws.com/";

/// Keys of 2048 bits take a good part of a second to make.
static RSA: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [0, 1].map(|_| RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key")));

/// An issuer with one RSA key, `RSA_1`, and one on P-384, `EC_1`, as AWS names them.
pub struct TokenIssuer {
    /// Its URL.
    pub url: String,
    rsa: &'static RsaKeyPair,
    ec: EcdsaKeyPair,
    /// The ids of its keys.
    pub key_ids: [String; 2],
}

impl TokenIssuer {
    /// The issuer of this name. There are two RSA keys: one for names that begin with `other`, one for the rest.
    ///
    /// # Panics
    /// If no key can be made.
    pub fn named(name: &str) -> Self {
        let [rsa, other] = &*RSA;
        Self {
            url: format!("https://{name}.tokens.sts.global.api.aws"),
            rsa: if name.starts_with("other") { other } else { rsa },
            ec: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("an EC key"),
            key_ids: ["RSA_1", "EC_1"].map(str::to_owned),
        }
    }

    /// Where its keys are.
    pub fn jwks_url(&self) -> String {
        format!("{}/.well-known/jwks.json", self.url)
    }

    /// The keys as it publishes them.
    pub fn keys(&self) -> Value {
        let [n, e] = numbers(self.rsa);
        let (x, y) = self.ec.public_key().as_ref()[1..].split_at(48);
        let [rsa, ec] = &self.key_ids;
        json!({"keys": [
            {"kty": "RSA", "kid": rsa, "alg": "RS256", "use": "sig", "n": encoded(&n), "e": encoded(&e)},
            {"kty": "EC", "kid": ec, "alg": "ES384", "use": "sig", "crv": "P-384", "x": encoded(x), "y": encoded(y)},
        ]})
    }

    /// Publishes the keys where AWS does.
    pub fn publish(&self, aws: &Aws) {
        aws.publish(&self.jwks_url(), &self.keys().to_string());
    }

    /// The claims of a token for a principal, with an id of its own, issued a little after everything that was
    /// configured.
    ///
    /// # Panics
    /// If the ARN has no account.
    pub fn claims(&self, principal: &str, audience: &str) -> Value {
        let issued = OffsetDateTime::now_utc().unix_timestamp() + 5;
        let account = principal.split(':').nth(4).expect("an account");
        json!({
            "iss": self.url, "aud": audience, "sub": principal, "iat": issued, "exp": issued + 300,
            "jti": random_uuid(),
            AWS_CLAIMS: {
                "aws_account": account, "source_region": "eu-west-1", "principal_id": principal,
                "org_id": "o-abcdefghij", "ou_path": ["o-abcdefghij/r-abcd/"],
            },
        })
    }

    /// The claims as AWS signs them by RS256.
    pub fn rs256(&self, claims: &Value) -> String {
        let header = json!({"kid": self.key_ids[0], "typ": "JWT", "alg": "RS256"});
        self.sign_rs256(&header.to_string(), &claims.to_string())
    }

    /// The claims as AWS signs them by ES384.
    pub fn es384(&self, claims: &Value) -> String {
        let header = json!({"kid": self.key_ids[1], "typ": "JWT", "alg": "ES384"});
        self.sign_es384(&header.to_string(), &claims.to_string())
    }

    /// Any header and claims, signed with the RSA key.
    ///
    /// # Panics
    /// If the key does not sign.
    pub fn sign_rs256(&self, header: &str, claims: &str) -> String {
        compact(header, claims, |message| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("signs");
            signature
        })
    }

    /// Any header and claims, signed with the key on P-384.
    ///
    /// # Panics
    /// If the key does not sign.
    pub fn sign_es384(&self, header: &str, claims: &str) -> String {
        compact(header, claims, |message| {
            self.ec.sign(&SystemRandom::new(), message).expect("signs").as_ref().to_vec()
        })
    }
}

/// Modulus and exponent of a public key.
fn numbers(key: &RsaKeyPair) -> [Vec<u8>; 2] {
    let mut reader = SliceReader::new(key.public_key().as_ref()).expect("DER");
    let numbers = reader.sequence(|numbers| -> der::Result<_> {
        Ok([(); 2].map(|()| UintRef::decode(numbers).map(|number| number.as_bytes().to_vec())))
    });
    numbers.expect("an RSA key").map(|number| number.expect("a number"))
}

/// A token in the compact form, signed in any way.
pub fn compact(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", encoded(&signature))
}

/// Base64url without padding.
pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
