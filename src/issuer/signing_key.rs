//! Key pairs: made, stored, used.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::IssuerError;
use crate::entry::{IssuerKey, TokenAlgorithm};
use crate::ports::Secret;

/// First byte of a point that is written with both coordinates.
const UNCOMPRESSED: u8 = 4;

/// Makes a key pair, which takes a good part of a second for RSA. Its times are for the caller to set.
pub(super) fn generate(algorithm: TokenAlgorithm) -> Result<IssuerKey, IssuerError> {
    let (private_key, public_key) = match algorithm {
        TokenAlgorithm::Rs256 => rsa(),
        TokenAlgorithm::Es256 => ecdsa(),
    }
    .ok_or(IssuerError::KeyNotMade)?;
    let id = thumbprint(&public_key)?;
    Ok(IssuerKey { id, algorithm, public_key, private_key, ..IssuerKey::default() })
}

type Made = Option<(Secret, BTreeMap<String, String>)>;

fn rsa() -> Made {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
    let document: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    let public = pair.public_key().as_ref();
    let mut reader = SliceReader::new(public).ok()?;
    let numbers = reader
        .sequence(|numbers| -> der::Result<_> { Ok((UintRef::decode(numbers)?, UintRef::decode(numbers)?)) });
    let (modulus, exponent) = numbers.map(|(n, e)| (url(n.as_bytes()), url(e.as_bytes()))).ok()?;
    Some((stored(document.as_ref()), members([("kty", "RSA"), ("n", &modulus), ("e", &exponent)])))
}

fn ecdsa() -> Made {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
    let document = pair.to_pkcs8v1().ok()?;
    let (form, point) = pair.public_key().as_ref().split_first()?;
    let (x, y) = point.split_at_checked(point.len() / 2).filter(|_| *form == UNCOMPRESSED)?;
    let public = members([("kty", "EC"), ("crv", "P-256"), ("x", &url(x)), ("y", &url(y))]);
    Some((stored(document.as_ref()), public))
}

fn stored(pkcs8: &[u8]) -> Secret {
    STANDARD.encode(pkcs8).into()
}

pub(super) fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn members<const N: usize>(members: [(&str, &str); N]) -> BTreeMap<String, String> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The thumbprint of a key by RFC 7638: its members in the order of their names.
fn thumbprint(public_key: &BTreeMap<String, String>) -> Result<String, IssuerError> {
    let text = serde_json::to_vec(public_key).map_err(|_| IssuerError::KeyNotMade)?;
    Ok(url(digest(&SHA256, &text).as_ref()))
}

/// The key as a JSON Web Key.
pub(super) fn web_key(key: &IssuerKey) -> Map<String, Value> {
    let mut members: Map<String, Value> =
        key.public_key.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    for (name, value) in [("kid", key.id.as_str()), ("use", "sig"), ("alg", key.algorithm.name())] {
        members.insert(name.to_owned(), json!(value));
    }
    members
}

/// Signs a message as tokens are.
pub(super) fn sign(key: &IssuerKey, message: &[u8]) -> Result<Vec<u8>, IssuerError> {
    let signature = STANDARD.decode(key.private_key.as_str()).ok().map(Zeroizing::new).and_then(|pkcs8| {
        match key.algorithm {
            TokenAlgorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(&pkcs8).ok()?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            TokenAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).ok()?;
                Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
            }
        }
    });
    signature.ok_or(IssuerError::KeyUnusable)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    };

    use super::*;

    fn member(key: &IssuerKey, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&key.public_key[name]).unwrap()
    }

    #[test]
    fn a_signature_is_verified_with_the_published_members() {
        let rsa = generate(TokenAlgorithm::Rs256).unwrap();
        let signature = sign(&rsa, b"message").unwrap();
        let public = RsaPublicKeyComponents { n: member(&rsa, "n"), e: member(&rsa, "e") };
        assert_eq!((public.n.len(), public.e.as_slice()), (256, &[1, 0, 1][..]));
        assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, b"message", &signature).is_ok());
        assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, b"massage", &signature).is_err());

        let ecdsa = generate(TokenAlgorithm::Es256).unwrap();
        let signature = sign(&ecdsa, b"message").unwrap();
        let point = [vec![UNCOMPRESSED], member(&ecdsa, "x"), member(&ecdsa, "y")].concat();
        assert_eq!((point.len(), signature.len()), (65, 64));
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        assert!(public.verify(b"message", &signature).is_ok());
        assert!(public.verify(b"massage", &signature).is_err());
        assert_ne!(rsa.id, ecdsa.id);
    }

    /// The example of RFC 7638.
    #[test]
    fn the_id_is_the_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = members([("kty", "RSA"), ("n", n), ("e", "AQAB")]);
        assert_eq!(thumbprint(&key).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_key_that_is_none_is_said_to_be_unusable() {
        for algorithm in [TokenAlgorithm::Rs256, TokenAlgorithm::Es256] {
            for private_key in ["", "%", "AAAA"] {
                let key = IssuerKey {
                    algorithm,
                    private_key: private_key.to_owned().into(),
                    ..IssuerKey::default()
                };
                assert_eq!(sign(&key, b"m"), Err(IssuerError::KeyUnusable));
            }
        }
    }
}
