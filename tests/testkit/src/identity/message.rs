//! PKCS#7 messages, part by part.

use super::asn1::{self, CONTEXT_0, OCTET_STRING, SEQUENCE, UTC_TIME};
use super::signer::{Digest, Signer};

const DATA: &str = "1.2.840.113549.1.7.1";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// DER.
    Definite,
    /// BER as the metadata service writes it: indefinite lengths, content in two pieces.
    Indefinite,
}

/// A signed message.
#[derive(Clone)]
pub struct Message {
    /// Object identifier of what is signed.
    pub content_type: String,
    /// What is signed; `None` leaves it out.
    pub content: Option<Vec<u8>>,
    /// Certificates that travel with it, DER.
    pub certificates: Vec<Vec<u8>>,
    /// Who has signed.
    pub signers: Vec<SignerInfo>,
}

/// What one signer adds.
#[derive(Clone)]
pub struct SignerInfo {
    /// Name of the certificate's issuer, DER.
    pub issuer: Vec<u8>,
    /// An INTEGER in DER.
    pub serial: Vec<u8>,
    /// Object identifier of the digest.
    pub digest: String,
    /// Object identifier of the signature's algorithm.
    pub algorithm: String,
    /// The signed attributes, each in DER, in the order of the message.
    pub attributes: Vec<Vec<u8>>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// An attribute with one value.
pub fn attribute(kind: &str, value: &[u8]) -> Vec<u8> {
    asn1::sequence(&[&asn1::oid(kind), &asn1::set(&[value])])
}

/// The attribute with the digest of the content.
pub fn message_digest(digest: &[u8]) -> Vec<u8> {
    attribute(MESSAGE_DIGEST, &asn1::element(OCTET_STRING, digest))
}

/// A signing time, as `YYMMDDHHMMSSZ`.
pub fn signing_time(text: &str) -> Vec<u8> {
    attribute(SIGNING_TIME, &asn1::element(UTC_TIME, text.as_bytes()))
}

/// The attribute with the content's type: data.
pub fn content_type() -> Vec<u8> {
    attribute(CONTENT_TYPE, &asn1::oid(DATA))
}

impl SignerInfo {
    /// Signs as AWS does: with the content type, the time and the digest as attributes.
    pub fn with_attributes(signer: &Signer, content: &[u8]) -> Self {
        let digest = signer.digest().of(content);
        let attributes = vec![content_type(), signing_time("260102030405Z"), message_digest(&digest)];
        Self::over_attributes(signer, signer.digest(), attributes)
    }

    /// Signs these attributes, whatever they say.
    pub fn over_attributes(signer: &Signer, digest: Digest, attributes: Vec<Vec<u8>>) -> Self {
        let mut sorted = attributes.clone();
        sorted.sort();
        let signature = signer.sign(digest, &asn1::element(asn1::SET, &sorted.concat()));
        Self { attributes, signature, ..Self::of(signer, digest) }
    }

    /// Signs the content itself.
    pub fn without_attributes(signer: &Signer, digest: Digest, content: &[u8]) -> Self {
        Self { signature: signer.sign(digest, content), ..Self::of(signer, digest) }
    }

    fn of(signer: &Signer, digest: Digest) -> Self {
        Self {
            issuer: signer.issuer.clone(),
            serial: signer.serial.clone(),
            digest: digest.oid().to_owned(),
            algorithm: signer.algorithm().to_owned(),
            attributes: Vec::new(),
            signature: Vec::new(),
        }
    }

    fn der(&self) -> Vec<u8> {
        let attributes = match self.attributes.is_empty() {
            true => Vec::new(),
            false => asn1::element(CONTEXT_0, &self.attributes.concat()),
        };
        asn1::sequence(&[
            &asn1::integer(&[1]),
            &asn1::sequence(&[&self.issuer, &self.serial]),
            &asn1::algorithm(&self.digest),
            &attributes,
            &asn1::algorithm(&self.algorithm),
            &asn1::element(OCTET_STRING, &self.signature),
        ])
    }
}

impl Message {
    /// A content with these signers.
    pub fn new(content: &[u8], signers: Vec<SignerInfo>) -> Self {
        Self {
            content_type: SIGNED_DATA.to_owned(),
            content: Some(content.to_vec()),
            certificates: Vec::new(),
            signers,
        }
    }

    /// A content that one signer signed with attributes.
    pub fn signed_by(signer: &Signer, content: &[u8]) -> Self {
        Self::new(content, vec![SignerInfo::with_attributes(signer, content)])
    }

    /// The message as bytes.
    pub fn bytes(&self, form: Form) -> Vec<u8> {
        let constructed = match form {
            Form::Definite => asn1::element,
            Form::Indefinite => asn1::indefinite,
        };
        let content = self.content.as_ref().map_or_else(Vec::new, |content| {
            let octets = match form {
                Form::Definite => asn1::element(OCTET_STRING, content),
                Form::Indefinite => {
                    let (head, tail) = content.split_at(content.len() / 2);
                    let pieces = [asn1::element(OCTET_STRING, head), asn1::element(OCTET_STRING, tail)];
                    asn1::indefinite(OCTET_STRING | 0x20, &pieces.concat())
                }
            };
            constructed(CONTEXT_0, &octets)
        });
        let certificates = match self.certificates.is_empty() {
            true => Vec::new(),
            false => asn1::element(CONTEXT_0, &self.certificates.concat()),
        };
        let digests: Vec<_> = self.signers.iter().map(|signer| asn1::algorithm(&signer.digest)).collect();
        let signers: Vec<_> = self.signers.iter().map(SignerInfo::der).collect();
        let data = [
            asn1::integer(&[1]),
            asn1::element(asn1::SET, &digests.concat()),
            constructed(SEQUENCE, &[asn1::oid(DATA), content].concat()),
            certificates,
            asn1::element(asn1::SET, &signers.concat()),
        ];
        let explicit = constructed(CONTEXT_0, &constructed(SEQUENCE, &data.concat()));
        constructed(SEQUENCE, &[asn1::oid(&self.content_type), explicit].concat())
    }

    /// The message as a login carries it.
    pub fn base64(&self, form: Form) -> String {
        super::encoding::base64(&self.bytes(form))
    }
}
