use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};
use serde_json::{Value, json};

use super::*;
use crate::entry::JwtIssuer;
use crate::refusal::{Code, Coded as _};

const ACCOUNT: &str = "123456789012";

/// An issuer with a key of each kind.
struct Issuer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl Issuer {
    fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(),
        }
    }

    fn key_set(&self) -> Value {
        let [n, e] = numbers(&self.rsa);
        let (x, y) = self.ec.public_key().as_ref()[1..].split_at(48);
        json!({"keys": [
            {"kty": "RSA", "kid": "RSA_1", "alg": "RS256", "use": "sig", "n": url(&n), "e": url(&e)},
            {"kty": "EC", "kid": "EC_1", "alg": "ES384", "use": "sig", "crv": "P-384", "x": url(x), "y": url(y)},
        ]})
    }

    fn keys(&self) -> KeySet {
        KeySet::parse(self.key_set().to_string().as_bytes()).unwrap()
    }

    fn rs256(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    fn es384(&self, message: &[u8]) -> Vec<u8> {
        self.ec.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }
}

/// Modulus and exponent of a public key.
fn numbers(key: &RsaKeyPair) -> [Vec<u8>; 2] {
    let mut reader = SliceReader::new(key.public_key().as_ref()).unwrap();
    let numbers = reader.sequence(|numbers| -> der::Result<_> {
        Ok([(); 2].map(|()| UintRef::decode(numbers).map(|number| number.as_bytes().to_vec())))
    });
    numbers.unwrap().map(|number| number.unwrap())
}

fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims() -> Value {
    json!({
        "iss": "https://i.example", "aud": "vault", "sub": format!("arn:aws:iam::{ACCOUNT}:role/App"),
        "iat": 1_000, "exp": 1_300, "jti": "one",
        "https://sts.amazonaws.com/": {"aws_account": ACCOUNT, "source_region": "eu-west-1"},
    })
}

fn configured() -> IssuerOfAccount {
    let issuer = JwtIssuer {
        issuer: "https://i.example".to_owned(),
        audience: vec!["vault".to_owned()],
        taken_since: 999,
        ..JwtIssuer::default()
    };
    IssuerOfAccount { account: AccountId::new(ACCOUNT), issuer }
}

fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", url(header.to_string().as_bytes()), url(claims.to_string().as_bytes()));
    format!("{signed}.{}", url(&sign(signed.as_bytes())))
}

fn check(token: &str, configured: &IssuerOfAccount, keys: &KeySet) -> Result<VerifiedToken, TokenError> {
    ClaimedToken::parse(token)?.verify(configured, keys)?.check(1_100)
}

#[test]
fn a_token_of_either_algorithm_is_verified() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let rsa = token(&json!({"alg": "RS256", "kid": "RSA_1", "typ": "JWT"}), &claims(), |m| issuer.rs256(m));
    let ec = token(&json!({"alg": "ES384", "kid": "EC_1"}), &claims(), |m| issuer.es384(m));
    for token in [&rsa, &ec] {
        let verified = check(token, &configured(), &keys).unwrap();
        assert_eq!(verified.arn().canonical(), format!("arn:aws:iam::{ACCOUNT}:role/App"));
        assert_eq!((verified.id(), verified.issued(), verified.expires()), ("one", 1_000, 1_300));
        assert_eq!((verified.region(), verified.issuer()), ("eu-west-1", "https://i.example"));
    }
    let mut es384_only = configured();
    es384_only.issuer.allowed_algorithms = vec![JwtAlgorithm::Es384];
    assert_eq!(check(&rsa, &es384_only, &keys), Err(TokenError::Algorithm("RS256".to_owned())));
    assert!(check(&ec, &es384_only, &keys).is_ok());
}

#[test]
fn no_algorithm_stands_for_another() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let set = issuer.key_set();
    let der = issuer.rsa.public_key().as_der().unwrap();
    let secrets: [&[u8]; 3] =
        [der.as_ref(), set["keys"][0]["n"].as_str().unwrap().as_bytes(), issuer.ec.public_key().as_ref()];
    for secret in secrets {
        let mac = |message: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
        };
        for (alg, kid) in [("HS256", "RSA_1"), ("RS256", "RSA_1"), ("ES384", "EC_1")] {
            let refused =
                check(&token(&json!({"alg": alg, "kid": kid}), &claims(), mac), &configured(), &keys);
            let expected = match alg {
                "HS256" => TokenError::Algorithm("HS256".to_owned()),
                _ => TokenError::Signature,
            };
            assert_eq!(refused, Err(expected), "{alg}");
        }
    }
    for alg in ["none", "NONE", "None"] {
        for signature in [Vec::new(), b"x".to_vec()] {
            let unsigned = token(&json!({"alg": alg, "kid": "RSA_1"}), &claims(), |_| signature);
            assert_eq!(check(&unsigned, &configured(), &keys), Err(TokenError::Algorithm(alg.to_owned())));
        }
    }
    for (header, error) in [
        (json!({"alg": "RS256", "kid": "EC_1"}), TokenError::Key),
        (json!({"alg": "ES384", "kid": "RSA_1"}), TokenError::Key),
        (json!({"alg": "ES384", "kid": "EC_1"}), TokenError::Signature),
    ] {
        let crossed = token(&header, &claims(), |m| issuer.rs256(m));
        assert_eq!(check(&crossed, &configured(), &keys), Err(error), "{header}");
    }
}

#[test]
fn a_changed_token_or_one_of_another_issuer_is_refused() {
    let (issuer, other) = (Issuer::new(), Issuer::new());
    let keys = issuer.keys();
    let header = json!({"alg": "ES384", "kid": "EC_1"});
    let good = token(&header, &claims(), |m| issuer.es384(m));
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let mut changed = claims();
    changed["sub"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/Admin"));
    let changed = url(changed.to_string().as_bytes());
    for (forged, error) in [
        (format!("{head}.{changed}.{signature}"), TokenError::Signature),
        (token(&header, &claims(), |m| other.es384(m)), TokenError::Signature),
        (token(&header, &claims(), |_| Vec::new()), TokenError::Signature),
        (token(&header, &claims(), |_| vec![0; 96]), TokenError::Signature),
    ] {
        assert_eq!(check(&forged, &configured(), &keys), Err(error));
    }
    for text in [
        String::new(),
        "a.b".to_owned(),
        format!("{good}."),
        format!("{good}="),
        format!("{head}.{body}.{signature} "),
        format!("{good}\n"),
        format!("{head}.{body}.{}", "A".repeat(MAX_TOKEN_BYTES)),
    ] {
        assert!(matches!(ClaimedToken::parse(&text), Err(TokenError::Form(_))), "{text}");
    }
    let mut foreign = configured();
    foreign.issuer.issuer = "https://i.example/".to_owned();
    assert_eq!(check(&good, &foreign, &keys), Err(TokenError::Issuer));
}

#[test]
fn what_it_says_must_fit_the_configuration() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let signed = |claims: &Value| token(&json!({"alg": "ES384", "kid": "EC_1"}), claims, |m| issuer.es384(m));
    let refused = |name: &str, value: Value| {
        let mut claims = claims();
        *claims.pointer_mut(name).unwrap() = value;
        check(&signed(&claims), &configured(), &keys).unwrap_err().code()
    };
    for (name, value, code) in [
        ("/aud", json!("vault2"), Code::JwtAudience),
        ("/aud", json!(["Vault", "vault "]), Code::JwtAudience),
        ("/sub", json!("arn:aws:iam::210987654321:role/App"), Code::JwtAccount),
        ("/https:~1~1sts.amazonaws.com~1/aws_account", json!("210987654321"), Code::JwtAccount),
        ("/sub", json!("arn:aws:sts::123456789012:assumed-role/App/s"), Code::JwtClaim),
        ("/iat", json!(999), Code::JwtBefore),
        ("/iat", json!(1_161), Code::JwtFuture),
        ("/exp", json!(1_040), Code::JwtExpired),
    ] {
        assert_eq!(refused(name, value.clone()), code, "{name} {value}");
    }
    let mut several = claims();
    several["aud"] = json!(["other", "vault"]);
    assert_eq!(check(&signed(&several), &configured(), &keys).unwrap().audiences(), ["other", "vault"]);
}
