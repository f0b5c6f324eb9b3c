//! Request data as text, and the limits that apply before anything is built from it.
//!
//! A value tree needs many times the memory of its text (`[[],[],…]`: 32 bytes for 3), and a deep
//! one needs stack. So the text is scanned first, without allocating, and refused if its tree could
//! become large. Together the limits keep one request below 32 MiB.

use memchr::memchr2;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::refusal::{Code, Coded};

/// Longest accepted request data, in bytes. Routes may set less.
pub const MAX_DATA_BYTES: usize = 4 * 1024 * 1024;

/// Most structural characters (`{`, `[`, `,`, `:` outside strings) in request data; each stands for
/// at most one value. The start of an object counts as eight.
pub const MAX_JSON_VALUES: usize = 100_000;

/// What the start of an object counts: an object of one member takes over 600 bytes.
const OBJECT_WEIGHT: usize = 8;

/// Most escapes in the texts of request data, for each value that it may hold: an escape takes as long to read as
/// a hundred plain characters.
const ESCAPES_PER_VALUE: usize = 8;

/// Deepest nesting of arrays and objects in request data.
pub const MAX_JSON_DEPTH: usize = 64;

/// Why request data as a whole is not taken; it never quotes the data.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("request data {0}")]
pub struct DataError(String);

impl Coded for DataError {
    fn code(&self) -> Code {
        Code::RequestData
    }
}

/// Reads request data: an object, or nothing (`null` or empty text).
///
/// # Errors
/// What is wrong with it.
pub fn parse_data(text: &str, max_bytes: usize) -> Result<Map<String, Value>, DataError> {
    parse_data_within(text, max_bytes, MAX_JSON_VALUES)
}

/// Reads request data of at most so many values; see [`MAX_JSON_VALUES`] for what counts.
pub(super) fn parse_data_within(
    text: &str,
    max_bytes: usize,
    max_values: usize,
) -> Result<Map<String, Value>, DataError> {
    let limit = max_bytes.min(MAX_DATA_BYTES);
    if text.len() > limit {
        return Err(DataError(format!("is longer than {limit} bytes")));
    }
    check_shape(text, max_values, MAX_JSON_DEPTH).map_err(DataError)?;
    if text.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match parse_value(text).map_err(DataError)? {
        Value::Object(members) => Ok(members),
        Value::Null => Ok(Map::new()),
        _ => Err(DataError("is not a JSON object".to_owned())),
    }
}

/// Reads JSON; the error says where it breaks, without quoting it.
pub(super) fn parse_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("is not valid JSON at line {} column {}", error.line(), error.column()))
}

/// Refuses text whose value tree could hold more values or be deeper than allowed. Text that is not
/// JSON passes or not; it will not parse.
///
/// # Errors
/// Which limit it exceeds.
pub fn check_shape(text: &str, max_values: usize, max_depth: usize) -> Result<(), String> {
    let (mut values, mut depth) = (0_usize, 0_usize);
    let max_escapes = max_values.saturating_mul(ESCAPES_PER_VALUE);
    let mut escapes_left = max_escapes;
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => {
                rest = behind_string(rest, &mut escapes_left)
                    .ok_or_else(|| format!("holds more than {max_escapes} escapes"))?;
            }
            b'{' => {
                depth = depth.saturating_add(1);
                values = values.saturating_add(OBJECT_WEIGHT);
            }
            b'[' => {
                depth = depth.saturating_add(1);
                values = values.saturating_add(1);
            }
            b',' | b':' => values = values.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max_depth {
            return Err(format!("is nested deeper than {max_depth} levels"));
        }
        if values > max_values {
            return Err(format!("holds more than {max_values} values"));
        }
    }
    Ok(())
}

/// What follows the string that the text is inside of; nothing if the string does not end. `None` if it has more
/// escapes than are left.
fn behind_string<'a>(mut text: &'a [u8], escapes_left: &mut usize) -> Option<&'a [u8]> {
    while let Some(at) = memchr2(b'"', b'\\', text) {
        let is_end = text.get(at) == Some(&b'"');
        let behind = at.saturating_add(if is_end { 1 } else { 2 });
        text = text.get(behind..).unwrap_or_default();
        if is_end {
            return Some(text);
        }
        *escapes_left = escapes_left.checked_sub(1)?;
    }
    Some(&[])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<Value, String> {
        parse_data(text, MAX_DATA_BYTES).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn takes_objects_and_nothing() {
        for (text, expected) in [
            ("", json!({})),
            (" \n", json!({})),
            ("null", json!({})),
            ("{}", json!({})),
            (r#"{"a":1,"a":2}"#, json!({"a": 2})),
            (r#"{"a":"\"[{,:"}"#, json!({"a": "\"[{,:"})),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else_with_a_sentence_that_does_not_quote_it() {
        for (text, expected) in [
            ("[]", "request data is not a JSON object"),
            ("5", "request data is not a JSON object"),
            ("\"secret\"", "request data is not a JSON object"),
            ("{\"a\":secret}", "request data is not valid JSON at line 1 column 6"),
            ("{} {}", "request data is not valid JSON at line 1 column 4"),
            ("{\"a\":1e400}", "request data is not valid JSON at line 1 column 10"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn limits_bytes() {
        let text = json!({"a": "x".repeat(100)}).to_string();
        assert!(parse_data(&text, text.len()).is_ok());
        assert_eq!(
            parse_data(&text, text.len() - 1).unwrap_err().to_string(),
            format!("request data is longer than {} bytes", text.len() - 1)
        );
        let long = json!({"a": "x".repeat(MAX_DATA_BYTES)}).to_string();
        assert_eq!(
            parse_data(&long, usize::MAX).unwrap_err().to_string(),
            "request data is longer than 4194304 bytes"
        );
    }

    #[test]
    fn limits_the_number_of_values() {
        // `{` as eight, `:`, `[`, and a comma between two elements.
        let with_tokens = |n: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(n - 10));
        assert!(parse(&with_tokens(MAX_JSON_VALUES)).is_ok());
        assert_eq!(
            parse(&with_tokens(MAX_JSON_VALUES + 1)),
            Err("request data holds more than 100000 values".to_owned())
        );
        // Nine for each object and the comma behind it.
        let with_objects = |n: usize| format!("{{\"a\":[{}0]}}", "{},".repeat(n));
        assert!(parse(&with_objects(11_110)).is_ok());
        assert!(parse(&with_objects(11_111)).is_err());
    }

    #[test]
    fn limits_the_number_of_escapes() {
        let most = 20 * ESCAPES_PER_VALUE;
        let with_escapes = |n: usize| {
            let text = json!({"a": "\n".repeat(n / 2), "b": "\"".repeat(n - n / 2)}).to_string();
            parse_data_within(&text, MAX_DATA_BYTES, 20).map_err(|error| error.to_string())
        };
        assert!(with_escapes(most).is_ok());
        let refused = with_escapes(most + 1).unwrap_err();
        assert_eq!(refused, "request data holds more than 160 escapes");
    }

    #[test]
    fn limits_depth() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
        assert!(parse(&nested(MAX_JSON_DEPTH)).is_ok());
        assert_eq!(
            parse(&nested(MAX_JSON_DEPTH + 1)),
            Err("request data is nested deeper than 64 levels".to_owned())
        );
        assert_eq!(
            parse(&"[".repeat(1_000_000)),
            Err("request data is nested deeper than 64 levels".to_owned())
        );
    }
}
