//! PKCS#7 SignedData: what was signed, and by whom.
//!
//! Certificates within a message are skipped unread. A signer is looked up among the trusted
//! certificates by issuer and serial number, and only that certificate's key counts.

use std::time::Duration;

use der::asn1::{AnyRef, IntRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_cert::spki::AlgorithmIdentifierRef;
use x509_cert::time::Time;

use super::ber;
use super::certificates::Pool;
use super::signature::{SignatureAlgorithm, SignatureError};

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::identity_document::pkcs7");

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");

const CONTEXT_0: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
const CONTEXT_1: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(1) };

/// Most signed attributes of one signer. AWS sends three.
const MAX_ATTRIBUTES: usize = 16;

/// The outermost structure is not that of a PKCS#7 message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum MessageError {
    #[error("pkcs7: cannot parse data: {0}")]
    Malformed(#[from] der::Error),
    #[error("pkcs7: cannot parse data: unimplemented content type")]
    ContentType,
}

/// The signers of a message do not vouch for it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum SignerError {
    #[error("pkcs7: Message has no signers")]
    NoSigners,
    #[error("pkcs7: Message has more than one signer")]
    TooManySigners,
    #[error("pkcs7: No certificate for signer")]
    NoCertificate,
    #[error("pkcs7: attribute type not in attributes")]
    NoMessageDigest,
    #[error("pkcs7: Message digest mismatch\n\tExpected: {expected}\n\tActual  : {actual}")]
    DigestMismatch { expected: String, actual: String },
    #[error("pkcs7: signing time {signed:?} is outside of certificate validity {begin:?} to {end:?}")]
    SigningTime { signed: String, begin: String, end: String },
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// A message that was parsed and not yet verified.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    content: Option<&'a [u8]>,
    signers: Vec<Signer<'a>>,
}

#[derive(Debug)]
struct Signer<'a> {
    /// Name of the issuer, DER.
    issuer: &'a [u8],
    /// Contents of the serial number.
    serial: &'a [u8],
    digest: ObjectIdentifier,
    algorithm: ObjectIdentifier,
    attributes: Option<SignedAttributes<'a>>,
    signature: &'a [u8],
}

#[derive(Debug)]
struct SignedAttributes<'a> {
    /// DER of the SET OF attributes: what the signature covers.
    encoded: Vec<u8>,
    message_digest: Option<&'a [u8]>,
    signing_time: Option<Duration>,
}

impl<'a> Message<'a> {
    /// Reads the DER of a message. Encrypted messages, and signed ones with malformed contents, are
    /// messages without signers.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, MessageError> {
        let mut outermost = SliceReader::new(der)?;
        let mut info = open(&mut outermost, Tag::Sequence)?;
        let content_type = ObjectIdentifier::decode(&mut info)?;
        if ![SIGNED_DATA, ENVELOPED_DATA, ENCRYPTED_DATA].contains(&content_type) {
            return Err(MessageError::ContentType);
        }
        let mut content = open(&mut info, CONTEXT_0)?;
        info.finish()?;
        if content_type != SIGNED_DATA {
            return Ok(Self::default());
        }
        Ok(Self::signed_data(&mut content).unwrap_or_else(|error| {
            tracing::debug!(target: LOG, %error, "the SignedData of an identity document is malformed");
            Self::default()
        }))
    }

    fn signed_data(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        let mut data = open(reader, Tag::Sequence)?;
        IntRef::decode(&mut data)?;
        open(&mut data, Tag::Set)?;
        let mut encapsulated = open(&mut data, Tag::Sequence)?;
        contents(&mut encapsulated, Tag::ObjectIdentifier)?;
        let content = match optional(&mut encapsulated, CONTEXT_0)? {
            None => None,
            Some(explicit) => {
                let mut explicit = SliceReader::new(explicit)?;
                let content = contents(&mut explicit, Tag::OctetString)?;
                explicit.finish()?;
                Some(content)
            }
        };
        encapsulated.finish()?;
        // Certificates and revocation lists.
        optional(&mut data, CONTEXT_0)?;
        optional(&mut data, CONTEXT_1)?;
        let mut infos = open(&mut data, Tag::Set)?;
        data.finish()?;
        let mut signers = Vec::new();
        // One more than there may be is read, so that it is noticed.
        while !infos.is_finished() && signers.len() < 2 {
            signers.push(Signer::decode(&mut infos)?);
        }
        Ok(Self { content, signers })
    }

    /// The content, whoever signed it; `None` where a message has a signer but no content.
    pub(super) fn content(&self) -> Result<Option<&'a [u8]>, SignerError> {
        self.signer().map(|_| self.content.filter(|content| !content.is_empty()))
    }

    /// The content, if the signer is in the pool and signed it; `None` where a message has a signer but no
    /// content.
    pub(super) fn verify(&self, pool: &Pool<'_>) -> Result<Option<&'a [u8]>, SignerError> {
        let signer = self.signer()?;
        let Some(content) = self.content()? else { return Ok(None) };
        signer.verify(content, pool)?;
        Ok(Some(content))
    }

    /// Whether the digest in the signed attributes, if there are any, is that of the content. It costs no key.
    pub(super) fn check_digest(&self) -> Result<(), SignerError> {
        match self.content()? {
            Some(content) => self.signer()?.check_digest(content),
            None => Ok(()),
        }
    }

    fn signer(&self) -> Result<&Signer<'a>, SignerError> {
        match self.signers.as_slice() {
            [] => Err(SignerError::NoSigners),
            [signer] => Ok(signer),
            _ => Err(SignerError::TooManySigners),
        }
    }
}

impl<'a> Signer<'a> {
    fn decode(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        let mut info = open(reader, Tag::Sequence)?;
        IntRef::decode(&mut info)?;
        let mut identifier = open(&mut info, Tag::Sequence)?;
        let issuer = identifier.tlv_bytes()?;
        let serial = IntRef::decode(&mut identifier)?.as_bytes();
        identifier.finish()?;
        let digest = AlgorithmIdentifierRef::decode(&mut info)?.oid;
        let attributes = optional(&mut info, CONTEXT_0)?.map(SignedAttributes::parse).transpose()?;
        let algorithm = AlgorithmIdentifierRef::decode(&mut info)?.oid;
        let signature = contents(&mut info, Tag::OctetString)?;
        // Attributes that nobody signed.
        optional(&mut info, CONTEXT_1)?;
        info.finish()?;
        Ok(Self { issuer, serial, digest, algorithm, attributes, signature })
    }

    fn verify(&self, content: &[u8], pool: &Pool<'_>) -> Result<(), SignerError> {
        let certificate = pool
            .iter()
            .find(|certificate| *certificate.serial == *self.serial && *certificate.issuer == *self.issuer)
            .ok_or(SignerError::NoCertificate)?;
        self.check_digest(content)?;
        let algorithm = SignatureAlgorithm::named(self.algorithm, self.digest)?;
        let signed = match &self.attributes {
            None => content,
            Some(attributes) => {
                attributes.check_time(certificate.validity)?;
                &attributes.encoded
            }
        };
        Ok(certificate.key.verify(algorithm, signed, self.signature)?)
    }

    fn check_digest(&self, content: &[u8]) -> Result<(), SignerError> {
        let algorithm = SignatureAlgorithm::named(self.algorithm, self.digest)?;
        match &self.attributes {
            Some(attributes) => attributes.check_digest(algorithm.digest.of(content).as_ref()),
            None => Ok(()),
        }
    }
}

impl<'a> SignedAttributes<'a> {
    /// Reads the attributes out of the contents of their implicit tag.
    fn parse(concatenated: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(concatenated)?;
        let mut elements = Vec::new();
        let (mut message_digest, mut signing_time) = (None, None);
        while !reader.is_finished() {
            let element = reader.tlv_bytes()?;
            elements.push(element);
            if elements.len() > MAX_ATTRIBUTES {
                return Err(CONTEXT_0.length_error().into());
            }
            let mut attribute = open(&mut SliceReader::new(element)?, Tag::Sequence)?;
            let kind = ObjectIdentifier::decode(&mut attribute)?;
            let mut values = open(&mut attribute, Tag::Set)?;
            attribute.finish()?;
            let repeated = match kind {
                MESSAGE_DIGEST => {
                    let value = contents(&mut values, Tag::OctetString)?;
                    values.finish()?;
                    message_digest.replace(value).is_some()
                }
                SIGNING_TIME => {
                    let value = Time::decode(&mut values)?;
                    values.finish()?;
                    signing_time.replace(value.to_unix_duration()).is_some()
                }
                _ => false,
            };
            if repeated {
                return Err(Tag::Set.value_error().into());
            }
        }
        if elements.is_empty() {
            return Err(CONTEXT_0.length_error().into());
        }
        // The order of a SET OF in DER: the message may have been BER.
        elements.sort_unstable();
        let mut encoded = Vec::with_capacity(concatenated.len().saturating_add(8));
        ber::encode(ber::SET, &elements.concat(), &mut encoded);
        Ok(Self { encoded, message_digest, signing_time })
    }

    fn check_digest(&self, digest: &[u8]) -> Result<(), SignerError> {
        let named = self.message_digest.ok_or(SignerError::NoMessageDigest)?;
        if named != digest {
            return Err(SignerError::DigestMismatch { expected: hex(named), actual: hex(digest) });
        }
        Ok(())
    }

    fn check_time(&self, validity: (Duration, Duration)) -> Result<(), SignerError> {
        let (begin, end) = validity;
        match self.signing_time {
            Some(signed) if signed < begin || signed > end => Err(SignerError::SigningTime {
                signed: rfc3339(signed),
                begin: rfc3339(begin),
                end: rfc3339(end),
            }),
            _ => Ok(()),
        }
    }
}

/// Reads an element with this tag.
fn contents<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<&'a [u8]> {
    let element = AnyRef::decode(reader)?;
    element.tag().assert_eq(tag)?;
    Ok(element.value())
}

/// Reads an element with this tag, to read on within it.
fn open<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<SliceReader<'a>> {
    SliceReader::new(contents(reader, tag)?)
}

/// Reads an element if it has this tag.
fn optional<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<Option<&'a [u8]>> {
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(None);
    }
    contents(reader, tag).map(Some)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn rfc3339(since_epoch: Duration) -> String {
    i64::try_from(since_epoch.as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
