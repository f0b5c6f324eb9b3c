//! Keys with certificates.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512};
use dsa::signature::SignatureEncoding;
use dsa::signature::hazmat::PrehashSigner;
use dsa::{BoxedUint, Components, SigningKey, VerifyingKey};

use super::asn1;

/// Digests of signers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// Its object identifier.
    pub fn oid(self) -> &'static str {
        match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        }
    }

    /// The digest of some bytes.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

#[derive(Clone, Copy)]
enum Key {
    Rsa(&'static KeyPair),
    Dsa(&'static SigningKey),
}

/// Somebody who signs documents.
pub struct Signer {
    key: Key,
    /// SubjectPublicKeyInfo, DER.
    info: Vec<u8>,
    /// Name of the issuer, DER.
    pub issuer: Vec<u8>,
    /// The serial number, an INTEGER in DER.
    pub serial: Vec<u8>,
    /// The certificate, DER. It is not signed: nobody looks at that.
    pub certificate: Vec<u8>,
}

/// First and last moment of every certificate, `YYMMDDHHMMSSZ`.
pub const VALID: (&str, &str) = ("200101000000Z", "400101000000Z");

const DSA: &str = "1.2.840.10040.4.1";
const RSA: &str = "1.2.840.113549.1.1.1";

impl Signer {
    /// A signer with an RSA key of 2048 bits. There are two keys: one for names
    /// that begin with `other`, one for the rest.
    pub fn rsa(common_name: &str) -> Self {
        static KEYS: LazyLock<[KeyPair; 2]> =
            LazyLock::new(|| [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).expect("a key")));
        let key = &KEYS[usize::from(common_name.starts_with("other"))];
        let info = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).expect("the key in DER");
        Self::new(common_name, Key::Rsa(key), info.as_ref())
    }

    /// A signer with a DSA key of 1024 and 160 bits, as those of AWS.
    pub fn dsa(common_name: &str) -> Self {
        static KEY: LazyLock<SigningKey> = LazyLock::new(dsa_key);
        let key = KEY.verifying_key();
        let (p, q, g) = (key.components().p(), key.components().q(), key.components().g());
        let number = |number: &BoxedUint| asn1::integer(&number.to_be_bytes());
        let parameters = asn1::sequence(&[&number(p), &number(q), &number(g)]);
        let bits = [&[0], number(key.y()).as_slice()].concat();
        let info = asn1::sequence(&[
            &asn1::sequence(&[&asn1::oid(DSA), &parameters]),
            &asn1::element(asn1::BIT_STRING, &bits),
        ]);
        Self::new(common_name, Key::Dsa(&KEY), &info)
    }

    fn new(common_name: &str, key: Key, info: &[u8]) -> Self {
        Self::named(name(common_name), asn1::integer(&Digest::Sha1.of(common_name.as_bytes())), key, info)
    }

    fn named(issuer: Vec<u8>, serial: Vec<u8>, key: Key, info: &[u8]) -> Self {
        let time = |text: &str| asn1::element(asn1::UTC_TIME, text.as_bytes());
        let algorithm = asn1::algorithm(RSA);
        let signed = asn1::sequence(&[
            &serial,
            &algorithm,
            &issuer,
            &asn1::sequence(&[&time(VALID.0), &time(VALID.1)]),
            &issuer,
            info,
        ]);
        let certificate =
            asn1::sequence(&[&signed, &algorithm, &asn1::element(asn1::BIT_STRING, &[0, 1, 2, 3])]);
        Self { key, info: info.to_vec(), issuer, serial, certificate }
    }

    /// This signer's key under the name and number of somebody else.
    #[must_use]
    pub fn posing_as(&self, victim: &Self) -> Self {
        Self::named(victim.issuer.clone(), victim.serial.clone(), self.key, &self.info)
    }

    /// The certificate as an operator stores it.
    pub fn pem(&self) -> String {
        let base64 = super::encoding::base64(&self.certificate);
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    }

    /// Name of the signature algorithm in a signer info.
    pub fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => RSA,
            Key::Dsa(_) => DSA,
        }
    }

    /// The digest that AWS uses with such a key.
    pub fn digest(&self) -> Digest {
        match self.key {
            Key::Rsa(_) => Digest::Sha256,
            Key::Dsa(_) => Digest::Sha1,
        }
    }

    /// Signs some bytes.
    pub fn sign(&self, digest: Digest, bytes: &[u8]) -> Vec<u8> {
        match &self.key {
            Key::Rsa(key) => {
                let encoding = match digest {
                    Digest::Sha256 => &RSA_PKCS1_SHA256,
                    Digest::Sha384 => &RSA_PKCS1_SHA384,
                    Digest::Sha512 => &RSA_PKCS1_SHA512,
                    Digest::Sha1 => panic!("RSA keys of tests do not sign SHA-1"),
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &SystemRandom::new(), bytes, &mut signature).expect("a signature");
                signature
            }
            Key::Dsa(key) => key.sign_prehash(&digest.of(bytes)).expect("a signature").to_vec(),
        }
    }
}

fn name(common_name: &str) -> Vec<u8> {
    let value = asn1::element(asn1::UTF8_STRING, common_name.as_bytes());
    asn1::sequence(&[&asn1::set(&[&asn1::sequence(&[&asn1::oid("2.5.4.3"), &value])])])
}

/// The key of RFC 6979, A.2.1.
fn dsa_key() -> SigningKey {
    let number = |hex: &str, bits| {
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
            .collect();
        BoxedUint::from_be_slice(&bytes, bits).expect("a number of this size")
    };
    let p = number(
        "86F5CA03DCFEB225063FF830A0C769B9DD9D6153AD91D7CE27F787C43278B447E6533B86B18BED6E8A48B784A14C252C\
         5BE0DBF60B86D6385BD2F12FB763ED8873ABFD3F5BA2E0A8C0A59082EAC056935E529DAF7C610467899C77ADEDFC846C\
         881870B7B19B2B58F9BE0521A17002E3BDD6B86685EE90B3D9A1B02B782B1779",
        1024,
    );
    let q = number("996F967F6C8E388D9E28D01E205FBA957A5698B1", 160);
    let g = number(
        "07B0F92546150B62514BB771E2A0C0CE387F03BDA6C56B505209FF25FD3C133D89BBCD97E904E09114D9A7DEFDEADFC9\
         078EA544D2E401AEECC40BB9FBBF78FD87995A10A1C27CB7789B594BA7EFB5C4326A9FE59A070E136DB77175464ADCA4\
         17BE5DCE2F40D10A46A3A3943F26AB7FD9C0398FF8C76EE0A56826A8A88F1DBD",
        1024,
    );
    let y = number(
        "5DF5E01DED31D0297E274E1691C192FE5868FEF9E19A84776454B100CF16F65392195A38B90523E2542EE61871C0440C\
         B87C322FC4B4D2EC5E1E7EC766E1BE8D4CE935437DC11C3C8FD426338933EBFE739CB3465F4D3668C5E473508253B1E6\
         82F65CBDC4FAE93C2EA212390E54905A86E2223170B44EAA7DA5DD9FFCFB7F3B",
        1024,
    );
    let x = number("411602CB19A6CCC34494D79D98EF1E7ED5AF25F7", 160);
    let components = Components::from_components(p, q, g).expect("the group");
    let public = VerifyingKey::from_components(components, y).expect("the public key");
    SigningKey::from_components(public, x).expect("the private key")
}
