//! `application/x-www-form-urlencoded` text, parsed strictly.

use thiserror::Error;

use crate::budget::{Step, took};
use crate::go::text::quote;

/// Most pairs of one form. A presigned request has ten.
const MAX_PAIRS: usize = 16;

/// Why a text is no form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FormError {
    /// More pairs than any client sends.
    #[error("more than {MAX_PAIRS} parameters")]
    TooManyPairs,
    /// A pair contains a semicolon, which some parsers take for a separator.
    #[error("invalid semicolon separator in query")]
    Semicolon,
    /// A `%` without two hexadecimal digits.
    #[error("invalid URL escape {}", quote(.0))]
    Escape(String),
}

/// Name and value, decoded.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// The pairs of a form, in order. Empty ones are left out.
///
/// # Errors
/// There are too many pairs, which is told before one is looked at; or on the first pair that cannot be decoded
/// in one way only.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Pair>, FormError> {
    let raw = || text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    if raw().nth(MAX_PAIRS).is_some() {
        return Err(FormError::TooManyPairs);
    }
    let mut pairs = Vec::new();
    for pair in raw() {
        took(Step::PairDecoded);
        if pair.contains(&b';') {
            return Err(FormError::Semicolon);
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn decode(text: &[u8]) -> Result<Vec<u8>, FormError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let value = after
                    .get(..2)
                    .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                    .and_then(|digits| std::str::from_utf8(digits).ok())
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(value) = value else {
                    let shown = after.get(..2).unwrap_or(after);
                    return Err(FormError::Escape(format!("%{}", String::from_utf8_lossy(shown))));
                };
                decoded.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            other => decoded.push(*other),
        }
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let pairs = parse(b"Action=%47et+x&&=&Version").unwrap();
        let expected: [(&[u8], &[u8]); 3] = [(b"Action", b"Get x"), (b"", b""), (b"Version", b"")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
    }

    #[test]
    fn too_many_pairs_are_refused_before_one_is_decoded() {
        use crate::budget::step::counted::count;

        let parse = |pairs: usize| count(Step::PairDecoded, || parse("%zz&".repeat(pairs).as_bytes()));
        assert_eq!(parse(17), (Err(FormError::TooManyPairs), 0));
        assert_eq!(parse(4_000), (Err(FormError::TooManyPairs), 0));
        let (parsed, decoded) = count(Step::PairDecoded, || super::parse("&a".repeat(16).as_bytes()));
        assert_eq!((parsed.unwrap().len(), decoded), (16, 16));
        assert_eq!(FormError::TooManyPairs.to_string(), "more than 16 parameters");
    }

    #[test]
    fn ambiguous_text_is_refused() {
        assert_eq!(parse(b"a=b;c=d").unwrap_err().to_string(), "invalid semicolon separator in query");
        assert_eq!(parse(b"%zz").unwrap_err().to_string(), "invalid URL escape \"%zz\"");
        assert_eq!(parse(b"a=%4").unwrap_err().to_string(), "invalid URL escape \"%4\"");
    }
}
