//! OpenID Connect providers of AWS: tokens are verified with the keys that the provider has published.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// A provider, and what the trust policy of a role demands of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcProvider {
    /// Its URL.
    pub issuer: String,
    /// The keys as they were fetched from it, or [`FETCHED`](Self::FETCHED).
    pub keys: Value,
    /// ARN of the role that trusts it.
    pub role_arn: String,
    /// The subject that the role trusts.
    pub subject: String,
    /// The audience that the role trusts.
    pub audience: String,
}

impl OidcProvider {
    /// In the place of keys: whenever a token comes, the documents of the issuer are looked for where they are
    /// published, and the keys are those that they lead to.
    pub const FETCHED: Value = Value::Null;

    /// Checks a token at a time in seconds since 1970, and gives its claims.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, token: &str, now: i64) -> Result<Value, String> {
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            return Err("not three parts".to_owned());
        };
        let signed = token.rsplit_once('.').ok_or("no signature")?.0;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string());
        let json = |part: &str| -> Result<Value, String> {
            serde_json::from_slice(&decoded(part)?).map_err(|error| error.to_string())
        };
        let (header, claims, signature) = (json(header)?, json(claims)?, decoded(signature)?);
        let keys = self.keys["keys"].as_array().ok_or("no keys")?;
        let key = keys.iter().find(|key| key["kid"] == header["kid"]).ok_or("no key of this kid")?;
        if key["alg"] != header["alg"] || key["use"] != "sig" || header["typ"] != "JWT" {
            return Err(format!("{header} does not go with {key}"));
        }
        let member = |name: &str| decoded(key[name].as_str().unwrap_or_default());
        let verified = match key["kty"].as_str() {
            Some("RSA") => RsaPublicKeyComponents { n: member("n")?, e: member("e")? }
                .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
                .is_ok(),
            Some("EC") => {
                let point = [vec![4], member("x")?, member("y")?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(signed.as_bytes(), &signature)
                    .is_ok()
            }
            _ => false,
        };
        if !verified {
            return Err("the signature is wrong".to_owned());
        }
        for (name, wanted) in [("iss", &self.issuer), ("aud", &self.audience), ("sub", &self.subject)] {
            if claims[name] != wanted.as_str() {
                return Err(format!("{name} is {} and not {wanted}", claims[name]));
            }
        }
        let time = |name: &str| claims[name].as_i64().ok_or(format!("{name} is no integer"));
        let (issued, not_before, expires) = (time("iat")?, time("nbf")?, time("exp")?);
        if issued > now || not_before > now || expires <= now {
            return Err(format!("iat {issued}, nbf {not_before} and exp {expires} do not hold {now}"));
        }
        if claims["jti"].as_str().is_none_or(str::is_empty) {
            return Err("no jti".to_owned());
        }
        Ok(claims)
    }
}
