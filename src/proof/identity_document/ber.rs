//! From BER to DER, within bounds.
//!
//! The instance metadata service delivers BER: indefinite lengths and octet strings in pieces. Strict
//! parsers want DER, so a message is rewritten first: every length definite and minimal, every octet
//! string in one piece. Nothing else changes; primitive values are copied as they are. The result is
//! never longer than the input.

use thiserror::Error;

/// The longest message, in bytes. Real ones have one to two thousand.
pub(super) const MAX_LENGTH: usize = 64 * 1024;
/// How deep elements may be nested. A signed message without certificates has ten levels.
pub(super) const MAX_DEPTH: usize = 16;

/// Elements of a message, at the most. Real ones have about a hundred.
const MAX_ELEMENTS: usize = 2_048;

/// The bytes are no BER within the bounds.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum BerError {
    #[error("pkcs7: input data is empty")]
    Empty,
    #[error("longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("elements nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("more than {MAX_ELEMENTS} elements")]
    TooMany,
    #[error("an element is longer than the data")]
    Truncated,
    #[error("a tag of more than one byte")]
    LongTag,
    #[error("an invalid length")]
    InvalidLength,
    #[error("an indefinite length on a primitive element")]
    IndefinitePrimitive,
    #[error("an end of contents where an element should be")]
    UnexpectedEnd,
    #[error("an octet string with pieces that are none")]
    ForeignPiece,
}

const END_OF_CONTENTS: u8 = 0x00;
const OCTET_STRING: u8 = 0x04;
/// Tag of a SET or SET OF.
pub(super) const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;
const TAG_NUMBER: u8 = 0x1f;
const INDEFINITE: u8 = 0x80;
/// Most bytes a length may take after the first one.
const MAX_LENGTH_BYTES: u8 = 4;

/// Rewrites the first element of the input as DER. What follows it is ignored.
pub(super) fn to_der(ber: &[u8]) -> Result<Vec<u8>, BerError> {
    if ber.is_empty() {
        return Err(BerError::Empty);
    }
    if ber.len() > MAX_LENGTH {
        return Err(BerError::TooLong);
    }
    let mut der = Vec::with_capacity(ber.len());
    let mut input = ber;
    let mut left = MAX_ELEMENTS;
    element(&mut input, 0, &mut left, &mut der)?;
    Ok(der)
}

/// Appends an element with this tag and these contents.
pub(super) fn encode(tag: u8, contents: &[u8], der: &mut Vec<u8>) {
    der.push(tag);
    match u8::try_from(contents.len()) {
        Ok(short) if short < INDEFINITE => der.push(short),
        _ => {
            let length = contents.len().to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let bytes = length.get(zeros..).unwrap_or_default();
            // A usize has at most 8 bytes.
            der.push(INDEFINITE | u8::try_from(bytes.len()).unwrap_or(0));
            der.extend_from_slice(bytes);
        }
    }
    der.extend_from_slice(contents);
}

/// Appends an element as DER; so many more may follow.
fn element(input: &mut &[u8], depth: usize, left: &mut usize, der: &mut Vec<u8>) -> Result<(), BerError> {
    let (tag, length) = header(input, left)?;
    if tag == OCTET_STRING | CONSTRUCTED {
        let mut joined = Vec::new();
        children(input, length, depth, |input, depth| octets(input, depth, left, &mut joined))?;
        encode(OCTET_STRING, &joined, der);
    } else if tag & CONSTRUCTED != 0 {
        let mut contents = Vec::new();
        children(input, length, depth, |input, depth| element(input, depth, left, &mut contents))?;
        encode(tag, &contents, der);
    } else {
        encode(tag, primitive(input, length)?, der);
    }
    Ok(())
}

/// Appends what a piece of an octet string holds.
fn octets(input: &mut &[u8], depth: usize, left: &mut usize, joined: &mut Vec<u8>) -> Result<(), BerError> {
    let (tag, length) = header(input, left)?;
    if tag == OCTET_STRING {
        joined.extend_from_slice(primitive(input, length)?);
        Ok(())
    } else if tag == OCTET_STRING | CONSTRUCTED {
        children(input, length, depth, |input, depth| octets(input, depth, left, joined))
    } else {
        Err(BerError::ForeignPiece)
    }
}

/// Length of the contents; `None` is indefinite.
type Length = Option<usize>;

/// Visits the elements within a constructed one.
fn children<'a>(
    input: &mut &'a [u8],
    length: Length,
    depth: usize,
    mut visit: impl FnMut(&mut &'a [u8], usize) -> Result<(), BerError>,
) -> Result<(), BerError> {
    let depth = depth.saturating_add(1);
    if depth >= MAX_DEPTH {
        return Err(BerError::TooDeep);
    }
    if let Some(length) = length {
        let mut contents = take(input, length)?;
        while !contents.is_empty() {
            visit(&mut contents, depth)?;
        }
        return Ok(());
    }
    loop {
        if let Some(rest) = input.strip_prefix(&[END_OF_CONTENTS, 0]) {
            *input = rest;
            return Ok(());
        }
        visit(input, depth)?;
    }
}

fn primitive<'a>(input: &mut &'a [u8], length: Length) -> Result<&'a [u8], BerError> {
    take(input, length.ok_or(BerError::IndefinitePrimitive)?)
}

fn header(input: &mut &[u8], left: &mut usize) -> Result<(u8, Length), BerError> {
    *left = left.checked_sub(1).ok_or(BerError::TooMany)?;
    let tag = byte(input)?;
    if tag & TAG_NUMBER == TAG_NUMBER {
        return Err(BerError::LongTag);
    }
    if tag & !CONSTRUCTED == END_OF_CONTENTS {
        return Err(BerError::UnexpectedEnd);
    }
    let first = byte(input)?;
    if first < INDEFINITE {
        return Ok((tag, Some(usize::from(first))));
    }
    let count = first & !INDEFINITE;
    if count == 0 {
        return Ok((tag, None));
    }
    if count > MAX_LENGTH_BYTES {
        return Err(BerError::InvalidLength);
    }
    let bytes = take(input, usize::from(count))?;
    if bytes.first() == Some(&0) {
        return Err(BerError::InvalidLength);
    }
    // At most four bytes; where a usize has fewer, the element is longer than any data.
    let length = bytes.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    Ok((tag, Some(usize::try_from(length).map_err(|_| BerError::Truncated)?)))
}

fn byte(input: &mut &[u8]) -> Result<u8, BerError> {
    let (first, rest) = input.split_first().ok_or(BerError::Truncated)?;
    *input = rest;
    Ok(*first)
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> Result<&'a [u8], BerError> {
    let (taken, rest) = input.split_at_checked(length).ok_or(BerError::Truncated)?;
    *input = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests;
