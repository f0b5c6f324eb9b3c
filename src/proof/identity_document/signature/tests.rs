use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::proof::identity_document::ber;
use crate::proof::identity_document::certificates::built_in;

fn named(scheme: &str, digest: &str) -> Result<(Scheme, Digest), String> {
    SignatureAlgorithm::named(oid(scheme), oid(digest))
        .map(|algorithm| (algorithm.scheme, algorithm.digest))
        .map_err(|error| error.to_string())
}

const SHA1: &str = "1.3.14.3.2.26";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const SHA384: &str = "2.16.840.1.101.3.4.2.2";

#[test]
fn algorithms_are_named_in_two_parts() {
    assert_eq!(named("1.2.840.113549.1.1.1", SHA384), Ok((Scheme::Rsa, Digest::Sha384)));
    assert_eq!(named("1.2.840.113549.1.1.11", SHA256), Ok((Scheme::Rsa, Digest::Sha256)));
    assert_eq!(named("1.2.840.10040.4.1", SHA1), Ok((Scheme::Dsa, Digest::Sha1)));
    assert_eq!(named("1.2.840.10040.4.3", SHA1), Ok((Scheme::Dsa, Digest::Sha1)));
    assert_eq!(named("1.2.840.10040.4.1", SHA256), Ok((Scheme::Dsa, Digest::Sha256)));
    assert_eq!(named("1.2.840.10045.4.3.2", SHA256), Ok((Scheme::Ecdsa, Digest::Sha256)));
}

#[test]
fn unknown_and_contradicting_algorithms_are_named() {
    // DSA with SHA-256 goes under the name of DSA alone; its own name is not one of the method.
    for (scheme, digest) in [("1.2.3", SHA1), ("2.16.840.1.101.3.4.3.2", SHA256)] {
        let text = format!("pkcs7: unsupported algorithm \"{scheme}\"");
        assert_eq!(named(scheme, digest), Err(text));
    }
    for (scheme, digest) in [
        ("1.2.840.113549.1.1.1", "1.2.840.113549.2.5"),
        ("1.2.840.113549.1.1.5", SHA256),
        ("1.2.840.10040.4.1", SHA384),
    ] {
        let text = format!("pkcs7: unsupported digest \"{digest}\" for encryption algorithm \"{scheme}\"");
        assert_eq!(named(scheme, digest), Err(text));
    }
}

/// Numbers of DSA keys, DER contents without the sign byte.
#[derive(Clone)]
struct Numbers {
    p: Vec<u8>,
    q: Vec<u8>,
    g: Vec<u8>,
    y: Vec<u8>,
}

fn built_in_key() -> &'static VerifyingKey {
    built_in()
        .iter()
        .find_map(|known| match &known.certificate.key {
            PublicKey::Dsa(key) => Some(key.as_ref()),
            _ => None,
        })
        .unwrap()
}

impl Numbers {
    fn real() -> Self {
        let key = built_in_key();
        let bytes = |number: &BoxedUint| number.to_be_bytes_trimmed_vartime().into_vec();
        let components = key.components();
        Self {
            p: bytes(components.p()),
            q: bytes(components.q()),
            g: bytes(components.g()),
            y: bytes(key.y()),
        }
    }

    fn key(&self) -> der::Result<VerifyingKey> {
        let der = |number: &[u8]| UintRef::new(number).unwrap().to_der().unwrap();
        let parameters = [der(&self.p), der(&self.q), der(&self.g)].concat();
        dsa_key(AnyRef::new(der::Tag::Sequence, &parameters)?, &der(&self.y))
    }
}

type Change = fn(&mut Numbers);

#[test]
fn dsa_keys_must_be_well_formed() {
    let real = Numbers::real();
    assert_eq!(&real.key().unwrap(), built_in_key());
    let changed = |change: Change| {
        let mut numbers = real.clone();
        change(&mut numbers);
        numbers.key()
    };
    let cases: [(_, Change); 11] = [
        ("an even p", |n| *n.p.last_mut().unwrap() &= 0xfe),
        ("a short p", |n| n.p.truncate(127)),
        ("a p without its top bit", |n| n.p[0] &= 0x7f),
        ("a long q", |n| n.q.push(1)),
        ("a q without its top bit", |n| n.q[0] &= 0x7f),
        ("a q of zero", |n| n.q = vec![0]),
        ("g = p", |n| n.g = n.p.clone()),
        ("a long g", |n| n.g.insert(0, 1)),
        ("y = p", |n| n.y = n.p.clone()),
        ("y = 0", |n| n.y = vec![0]),
        ("y = 1", |n| n.y = vec![1]),
    ];
    for (what, change) in cases {
        assert!(changed(change).is_err(), "{what}");
    }
    // Of another group: y to the power of q is not 1.
    assert!(changed(|n| n.y[5] ^= 1).is_err());
    // Short numbers are read to the width of p.
    assert!(changed(|n| n.y = vec![2]).is_err());
    assert!(changed(|n| n.g = vec![2]).is_ok());
}

#[test]
fn parameters_are_needed_and_no_more_than_three() {
    let real = Numbers::real();
    let der = |number: &[u8]| UintRef::new(number).unwrap().to_der().unwrap();
    let y = der(&real.y);
    for parameters in [
        vec![],
        [der(&real.p), der(&real.q)].concat(),
        [der(&real.p), der(&real.q), der(&real.g), der(&real.g)].concat(),
    ] {
        assert!(dsa_key(AnyRef::new(der::Tag::Sequence, &parameters).unwrap(), &y).is_err());
    }
    assert!(dsa_key(AnyRef::NULL, &y).is_err());
}

const DSA_SHA1: SignatureAlgorithm = SignatureAlgorithm { scheme: Scheme::Dsa, digest: Digest::Sha1 };

fn dsa_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut signature = Vec::new();
    let number = |bytes: &[u8]| UintRef::new(bytes).unwrap().to_der().unwrap();
    ber::encode(0x30, &[number(r), number(s)].concat(), &mut signature);
    signature
}

#[test]
fn dsa_signatures_out_of_range_are_refused() {
    let key = PublicKey::Dsa(Box::new(built_in_key().clone()));
    let q = Numbers::real().q;
    let mut larger = q.clone();
    larger.push(0);
    for (r, s) in
        [(&[0][..], &[1][..]), (&[1], &[0]), (&q, &[1]), (&[1], &q), (&larger, &[1]), (&[1], &larger)]
    {
        assert_eq!(
            key.verify(DSA_SHA1, b"x", &dsa_signature(r, s)),
            Err(SignatureError::Wrong),
            "{r:?} {s:?}"
        );
    }
    let mut trailing = dsa_signature(&[1], &[1]);
    trailing.push(0);
    for signature in [trailing, dsa_signature(&[1; 40], &[1; 40]), vec![1; 60_000], vec![]] {
        assert_eq!(key.verify(DSA_SHA1, b"x", &signature), Err(SignatureError::Wrong));
    }
}

#[test]
fn a_key_of_another_kind_verifies_nothing() {
    let dsa = PublicKey::Dsa(Box::new(built_in_key().clone()));
    assert_eq!(dsa.verify(SignatureAlgorithm::RSA_SHA256, b"x", b"y"), Err(SignatureError::OtherKey));
    assert_eq!(PublicKey::Other.verify(DSA_SHA1, b"x", b"y"), Err(SignatureError::OtherKey));
    assert_eq!(
        PublicKey::Rsa(Box::default()).verify(SignatureAlgorithm::RSA_SHA256, b"x", b"y"),
        Err(SignatureError::Wrong)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_made_up_dsa_signature_holds(r in vec(any::<u8>(), 1..33), s in vec(any::<u8>(), 1..33), bytes in vec(any::<u8>(), 0..80)) {
        let key = PublicKey::Dsa(Box::new(built_in_key().clone()));
        prop_assert!(key.verify(DSA_SHA1, b"content", &dsa_signature(&r, &s)).is_err());
        prop_assert!(key.verify(DSA_SHA1, b"content", &bytes).is_err());
    }
}
