//! Writing ASN.1 by hand, so that wrong structures can be written as well.

use der::Encode;
use der::asn1::ObjectIdentifier;

/// Tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// Tag of BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// Tag of OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of UTF8String.
pub const UTF8_STRING: u8 = 0x0c;
/// Tag of UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// Tag of SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// Tag of SET.
pub const SET: u8 = 0x31;
/// Tag of the first context-specific element, constructed.
pub const CONTEXT_0: u8 = 0xa0;
/// NULL, the whole element.
pub const NULL: &[u8] = &[0x05, 0x00];

/// An element in DER.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match contents.len() {
        short @ 0..=0x7f => bytes.push(u8::try_from(short).expect("below 128")),
        long => {
            let length = long.to_be_bytes();
            let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
            bytes.push(0x80 | u8::try_from(length.len()).expect("at most 8"));
            bytes.extend(length);
        }
    }
    bytes.extend(contents);
    bytes
}

/// An element with an indefinite length.
pub fn indefinite(tag: u8, contents: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], contents, &[0, 0]].concat()
}

/// A SEQUENCE of elements.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// A SET of elements, in this order.
pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    element(SET, &parts.concat())
}

/// A number that is not negative, from its big-endian bytes.
pub fn integer(bytes: &[u8]) -> Vec<u8> {
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    let sign: &[u8] = if digits.first().is_none_or(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    element(INTEGER, &[sign, digits].concat())
}

/// An OBJECT IDENTIFIER from its dotted text.
pub fn oid(text: &str) -> Vec<u8> {
    let oid: ObjectIdentifier = text.parse().expect("an object identifier");
    oid.to_der().expect("its DER")
}

/// An algorithm with NULL as its parameters.
pub fn algorithm(text: &str) -> Vec<u8> {
    sequence(&[&oid(text), NULL])
}
