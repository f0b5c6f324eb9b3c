//! Text as the API's error messages show it, and as its fields carry bytes.

use std::fmt::Write;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr2;

/// Quotes a text the way the API's messages do: in double quotes, with control characters,
/// backslashes and inner quotes escaped.
///
/// ```
/// use vault_plugin_auth_aws::go::text::quote;
///
/// assert_eq!(quote("a \"role\"\n"), r#""a \"role\"\n""#);
/// ```
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if c.is_ascii_control() => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Quotes each text of a list: `["a" "b"]`.
#[must_use]
pub fn quote_list<T: AsRef<str>>(texts: &[T]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text.as_ref())).collect();
    format!("[{}]", quoted.join(" "))
}

/// One text for several errors, in the form that clients know.
#[must_use]
pub fn multi_error(errors: &[String]) -> String {
    let count = match errors.len() {
        1 => "1 error".to_owned(),
        several => format!("{several} errors"),
    };
    let points: Vec<String> = errors.iter().map(|error| format!("* {error}")).collect();
    format!("{count} occurred:\n\t{}\n\n", points.join("\n\t"))
}

/// Decodes standard base64 with padding; line breaks are ignored. `None` if it is something else.
#[must_use]
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
            .with_decode_allow_trailing_bits(true),
    );
    if memchr2(b'\r', b'\n', text.as_bytes()).is_none() {
        return ENGINE.decode(text).ok();
    }
    let joined: String = text.chars().filter(|c| *c != '\r' && *c != '\n').collect();
    ENGINE.decode(joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_escapes_what_would_break_a_line() {
        assert_eq!(quote("plain"), "\"plain\"");
        assert_eq!(quote("a\"b\\c\nd\u{1}\u{85}é"), "\"a\\\"b\\\\c\\nd\\x01\\u0085é\"");
        assert_eq!(quote_list(&["a", "b c"]), "[\"a\" \"b c\"]");
    }

    #[test]
    fn several_errors_become_points() {
        let text = |errors: &[&str]| {
            multi_error(&errors.iter().map(|error| (*error).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(text(&["a"]), "1 error occurred:\n\t* a\n\n");
        assert_eq!(text(&["a", "b"]), "2 errors occurred:\n\t* a\n\t* b\n\n");
    }

    #[test]
    fn base64_may_stand_in_lines() {
        assert_eq!(decode_base64("AQ\r\nID\n").as_deref(), Some([1, 2, 3].as_slice()));
        assert_eq!(decode_base64("AR==").as_deref(), Some([1].as_slice()), "trailing bits are ignored");
        assert_eq!(decode_base64("").as_deref(), Some([].as_slice()));
        for text in ["AQ", "A===", "A Q==", "A-==", "AQ==AQ=="] {
            assert_eq!(decode_base64(text), None, "{text}");
        }
    }
}
