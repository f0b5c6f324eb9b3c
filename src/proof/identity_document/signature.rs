//! Signature algorithms of PKCS#7 signers, and the keys that check them.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Reader};
use dsa::signature::hazmat::PrehashVerifier;
use dsa::{BoxedUint, Components, VerifyingKey};
use thiserror::Error;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::budget::{Step, took};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const DSA: ObjectIdentifier = oid("1.2.840.10040.4.1");
const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = oid("1.3.132.0.34");
const P521: ObjectIdentifier = oid("1.3.132.0.35");

const DIGESTS: [(ObjectIdentifier, Digest); 4] = [
    (oid("1.3.14.3.2.26"), Digest::Sha1),
    (oid("2.16.840.1.101.3.4.2.1"), Digest::Sha256),
    (oid("2.16.840.1.101.3.4.2.2"), Digest::Sha384),
    (oid("2.16.840.1.101.3.4.2.3"), Digest::Sha512),
];

/// What a signer may name as its algorithm: the scheme and, where the identifier says so, the digest.
const SCHEMES: [(ObjectIdentifier, Scheme, Option<Digest>); 11] = [
    (RSA, Scheme::Rsa, None),
    (oid("1.2.840.113549.1.1.5"), Scheme::Rsa, Some(Digest::Sha1)),
    (oid("1.2.840.113549.1.1.11"), Scheme::Rsa, Some(Digest::Sha256)),
    (oid("1.2.840.113549.1.1.12"), Scheme::Rsa, Some(Digest::Sha384)),
    (oid("1.2.840.113549.1.1.13"), Scheme::Rsa, Some(Digest::Sha512)),
    (DSA, Scheme::Dsa, None),
    (oid("1.2.840.10040.4.3"), Scheme::Dsa, Some(Digest::Sha1)),
    (oid("1.2.840.10045.4.1"), Scheme::Ecdsa, Some(Digest::Sha1)),
    (oid("1.2.840.10045.4.3.2"), Scheme::Ecdsa, Some(Digest::Sha256)),
    (oid("1.2.840.10045.4.3.3"), Scheme::Ecdsa, Some(Digest::Sha384)),
    (oid("1.2.840.10045.4.3.4"), Scheme::Ecdsa, Some(Digest::Sha512)),
];

/// Longest DER of a DSA signature: two numbers of 256 bits. A longer one is not worth a calculation.
const MAX_DSA_SIGNATURE: usize = 72;
/// Sizes of p and q in bytes that FIPS 186 knows.
const DSA_SIZES: [(usize, usize); 6] = [(128, 20), (128, 28), (128, 32), (256, 28), (256, 32), (384, 32)];

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    /// The digest of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

/// A kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Rsa,
    Dsa,
    Ecdsa,
}

/// How a signer signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignatureAlgorithm {
    scheme: Scheme,
    /// What the signature and the messageDigest attribute are made of.
    pub(super) digest: Digest,
}

/// A signature does not count.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum SignatureError {
    #[error("pkcs7: unsupported algorithm \"{0}\"")]
    UnsupportedAlgorithm(ObjectIdentifier),
    #[error("pkcs7: unsupported digest \"{digest}\" for encryption algorithm \"{scheme}\"")]
    UnsupportedDigest { digest: ObjectIdentifier, scheme: ObjectIdentifier },
    #[error("pkcs7: the key of the signer's certificate is of another kind than the signature")]
    OtherKey,
    #[error("pkcs7: the signature does not fit the content")]
    Wrong,
}

impl SignatureAlgorithm {
    /// PKCS#1 v1.5 over SHA-256, the form of detached signatures.
    pub(super) const RSA_SHA256: Self = Self { scheme: Scheme::Rsa, digest: Digest::Sha256 };

    /// The algorithm that a signer names in two parts. An identifier with a digest of its own must
    /// agree with the other one.
    pub(super) fn named(
        scheme_oid: ObjectIdentifier,
        digest_oid: ObjectIdentifier,
    ) -> Result<Self, SignatureError> {
        let (_, scheme, own_digest) = SCHEMES
            .into_iter()
            .find(|(known, ..)| *known == scheme_oid)
            .ok_or(SignatureError::UnsupportedAlgorithm(scheme_oid))?;
        DIGESTS
            .into_iter()
            .find(|(known, _)| *known == digest_oid)
            .map(|(_, digest)| digest)
            .filter(|digest| own_digest.is_none_or(|own| own == *digest))
            .filter(|digest| scheme != Scheme::Dsa || matches!(digest, Digest::Sha1 | Digest::Sha256))
            .map(|digest| Self { scheme, digest })
            .ok_or(SignatureError::UnsupportedDigest { digest: digest_oid, scheme: scheme_oid })
    }
}

/// Curves of EC keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// The key of a certificate. RSA and EC keys are SubjectPublicKeyInfo in DER.
#[derive(Clone, Debug)]
pub(super) enum PublicKey {
    Rsa(Box<[u8]>),
    Ec(Curve, Box<[u8]>),
    Dsa(Box<VerifyingKey>),
    /// A kind that no signature is checked with.
    Other,
}

impl PublicKey {
    /// The key in a certificate. A kind that is not known is no error, a malformed key is.
    pub(super) fn of(info: &SubjectPublicKeyInfoOwned) -> der::Result<Self> {
        let bits = info.subject_public_key.as_bytes().unwrap_or_default();
        let parameters = info.algorithm.parameters.as_ref();
        if info.algorithm.oid == RSA {
            let mut reader = der::SliceReader::new(bits)?;
            reader.sequence(|numbers| {
                UintRef::decode(numbers)?;
                UintRef::decode(numbers)
            })?;
            reader.finish()?;
            Ok(Self::Rsa(info.to_der()?.into()))
        } else if info.algorithm.oid == DSA {
            let parameters = parameters.ok_or(der::Tag::Sequence.value_error())?;
            Ok(Self::Dsa(Box::new(dsa_key(parameters.into(), bits)?)))
        } else if info.algorithm.oid == EC {
            let curve = match parameters.map(|named| named.decode_as::<ObjectIdentifier>()).transpose()? {
                Some(P256) => Curve::P256,
                Some(P384) => Curve::P384,
                Some(P521) => Curve::P521,
                _ => return Ok(Self::Other),
            };
            Ok(Self::Ec(curve, info.to_der()?.into()))
        } else {
            Ok(Self::Other)
        }
    }

    /// Checks that this key signed the message.
    pub(super) fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_digest(algorithm, &algorithm.digest.of(message), signature)
    }

    /// Checks that this key signed the message with this digest, which is that of the algorithm. Whoever tries several
    /// keys makes it once.
    pub(super) fn verify_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &digest::Digest,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        took(Step::SignatureChecked);
        let (key, verification) = match (self, algorithm.scheme) {
            (Self::Rsa(key), Scheme::Rsa) => (key, rsa_verification(algorithm.digest)),
            (Self::Ec(curve, key), Scheme::Ecdsa) => (key, ecdsa_verification(*curve, algorithm.digest)?),
            (Self::Dsa(key), Scheme::Dsa) => {
                return verify_dsa(key, digest.as_ref(), signature);
            }
            _ => return Err(SignatureError::OtherKey),
        };
        UnparsedPublicKey::new(verification, key)
            .verify_digest(digest, signature)
            .map_err(|_| SignatureError::Wrong)
    }
}

/// Keys of 1024 bits are accepted where the library can: AWS still signs with such.
fn rsa_verification(digest: Digest) -> &'static dyn VerificationAlgorithm {
    match digest {
        Digest::Sha1 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        Digest::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Digest::Sha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    }
}

fn ecdsa_verification(
    curve: Curve,
    digest: Digest,
) -> Result<&'static dyn VerificationAlgorithm, SignatureError> {
    Ok(match (curve, digest) {
        (Curve::P256, Digest::Sha1) => &signature::ECDSA_P256_SHA1_ASN1,
        (Curve::P256, Digest::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Digest::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Digest::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Digest::Sha1) => return Err(SignatureError::OtherKey),
        (Curve::P384, Digest::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Digest::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Digest::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Digest::Sha1) => &signature::ECDSA_P521_SHA1_ASN1,
        (Curve::P521, Digest::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Digest::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Digest::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
    })
}

fn verify_dsa(key: &VerifyingKey, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() > MAX_DSA_SIGNATURE {
        return Err(SignatureError::Wrong);
    }
    let signature = dsa::Signature::from_der(signature).map_err(|_| SignatureError::Wrong)?;
    key.verify_prehash(digest, &signature).map_err(|_| SignatureError::Wrong)
}

/// A DSA key from the parameters and the subject public key of a certificate.
///
/// Numbers are read to fixed widths and compared first, because the arithmetic of `dsa` relies on
/// operands of one width and numbers below the modulus.
fn dsa_key(parameters: AnyRef<'_>, bits: &[u8]) -> der::Result<VerifyingKey> {
    let malformed = || der::Error::from(der::Tag::Integer.value_error());
    let (p, q, g) = parameters.sequence(|numbers| {
        Ok::<_, der::Error>((
            UintRef::decode(numbers)?.as_bytes(),
            UintRef::decode(numbers)?.as_bytes(),
            UintRef::decode(numbers)?.as_bytes(),
        ))
    })?;
    let y = UintRef::from_der(bits)?.as_bytes();
    let has_top_bit = |number: &[u8]| number.first().is_some_and(|byte| byte & 0x80 != 0);
    if !DSA_SIZES.contains(&(p.len(), q.len())) || !has_top_bit(p) || !has_top_bit(q) {
        return Err(malformed());
    }
    let bits_of = |number: &[u8]| u32::try_from(number.len().saturating_mul(8)).map_err(|_| malformed());
    let number = |bytes: &[u8], width: u32| BoxedUint::from_be_slice(bytes, width).map_err(|_| malformed());
    let width = bits_of(p)?;
    let (q, g, y) = (number(q, bits_of(q)?)?, number(g, width)?, number(y, width)?);
    let p = number(p, width)?;
    if y >= p {
        return Err(malformed());
    }
    // The sizes are those compared above; the ones of the standard alone would leave out keys that
    // OpenSSL makes by default.
    let components = Components::from_components_unchecked(p, q, g).map_err(|_| malformed())?;
    VerifyingKey::from_components(components, y).map_err(|_| malformed())
}

#[cfg(test)]
mod tests;
