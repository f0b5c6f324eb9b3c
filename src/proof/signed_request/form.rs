//! `application/x-www-form-urlencoded` text, parsed strictly.

use thiserror::Error;

use crate::go::text::quote;

/// Why a text is no form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FormError {
    /// A pair contains a semicolon, which some parsers take for a separator.
    #[error("invalid semicolon separator in query")]
    Semicolon,
    /// A `%` without two hexadecimal digits.
    #[error("invalid URL escape {}", quote(.0))]
    Escape(String),
}

/// Name and value, decoded.
type Pair = (Vec<u8>, Vec<u8>);

/// The pairs of a form, in order. Empty ones are left out.
///
/// # Errors
/// On the first pair that cannot be decoded in one way only.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Pair>, FormError> {
    let mut pairs = Vec::new();
    for pair in text.split(|byte| *byte == b'&') {
        if pair.contains(&b';') {
            return Err(FormError::Semicolon);
        }
        if pair.is_empty() {
            continue;
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
    fn ambiguous_text_is_refused() {
        assert_eq!(parse(b"a=b;c=d").unwrap_err().to_string(), "invalid semicolon separator in query");
        assert_eq!(parse(b"%zz").unwrap_err().to_string(), "invalid URL escape \"%zz\"");
        assert_eq!(parse(b"a=%4").unwrap_err().to_string(), "invalid URL escape \"%4\"");
    }
}
