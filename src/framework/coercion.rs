//! Conversion of JSON values to field types, with the weak typing API clients rely on: a number
//! where text is wanted, text where a number is wanted, one value where a list is wanted.
//!
//! Error texts say what was wanted, never what was sent: it may be a secret.

use serde_json::{Number, Value};

use super::header_field::{self, too_long};
use super::{Field, FieldKind, FieldValue, HostFlavor};
use crate::go::{GoDuration, Overflow};

impl Field {
    /// Converts a JSON value to the type of the field, with the limits of the field, as the host does.
    ///
    /// `Ok(None)` means "counts as not supplied" (a null duration). The error text says why the value
    /// does not convert; it never quotes the value.
    ///
    /// # Errors
    /// The reason, without the value.
    pub fn convert(&self, value: Value, host: HostFlavor) -> Result<Option<FieldValue>, String> {
        let converted = match self.kind {
            FieldKind::String => FieldValue::Text(limited(self, text(value)?)?),
            FieldKind::Name => FieldValue::Text(limited(self, name(value)?)?),
            FieldKind::Int => FieldValue::Int(int(&value)?),
            FieldKind::Bool => FieldValue::Bool(bool(&value)?),
            FieldKind::DurationSecond => match seconds(&value, host.overflow())? {
                Some(seconds) => FieldValue::Seconds(seconds),
                None => return Ok(None),
            },
            FieldKind::CommaStringSlice => FieldValue::List(list(self, value)?),
            FieldKind::Header => FieldValue::Headers(header_field::convert(self.max_bytes, value)?),
        };
        Ok(Some(converted))
    }
}

fn limited(field: &Field, text: String) -> Result<String, String> {
    if text.len() > field.max_bytes { Err(too_long(field.max_bytes)) } else { Ok(text) }
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(decimal(&number)),
        Value::Bool(true) => Ok("1".to_owned()),
        Value::Bool(false) => Ok("0".to_owned()),
        Value::Array(_) | Value::Object(_) => Err(mismatch("a string", &value)),
    }
}

/// The shortest decimal text, without an exponent.
fn decimal(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

/// `\w(([\w-.]+)?\w)?` in whole.
fn name(value: Value) -> Result<String, String> {
    let text = text(value)?;
    if is_name(&text) { Ok(text) } else { Err("field does not match the formatting rules".to_owned()) }
}

/// Whether a text is a name as paths capture it: `\w(([\w-.]+)?\w)?`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = text.as_bytes();
    bytes.first().is_some_and(is_word)
        && bytes.last().is_some_and(is_word)
        && bytes.iter().all(|byte| is_word(byte) || matches!(byte, b'-' | b'.'))
}

fn int(value: &Value) -> Result<i64, String> {
    match value {
        Value::Null => Ok(0),
        Value::String(text) if text.is_empty() => Ok(0),
        Value::String(text) => go_int(text).ok_or_else(|| "text is not an integer".to_owned()),
        Value::Number(number) => whole(number).ok_or_else(|| not_whole(number)),
        Value::Bool(flag) => Ok(i64::from(*flag)),
        Value::Array(_) | Value::Object(_) => Err(mismatch("an integer", value)),
    }
}

/// A number that is written without fraction and exponent, and fits.
fn whole(number: &Number) -> Option<i64> {
    // A written `-0` is read as a fraction.
    let is_minus_zero = |float: f64| float == 0.0 && float.is_sign_negative();
    number.as_i64().or_else(|| number.as_f64().is_some_and(is_minus_zero).then_some(0))
}

fn not_whole(number: &Number) -> String {
    // 2^63, the first double beyond the integers of 64 bits.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    let is_near = number.is_f64() && number.as_f64().is_some_and(|float| float.abs() < BEYOND);
    if is_near { "number is not an integer" } else { "number is out of range" }.to_owned()
}

/// Integer text as Go reads it: sign, base prefix (`0x`, `0o`, `0b`, or `0` for octal), and single
/// underscores between digits.
fn go_int(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)?),
        Some("0o") => (8, lower.get(2..)?),
        Some("0b") => (2, lower.get(2..)?),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    // A prefix counts as a digit, so one underscore may follow it.
    let digits = if radix == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    if digits.starts_with(['+', '-', '_']) || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let magnitude = u64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

fn bool(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => match number.as_u64() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err("number is neither 1 nor 0".to_owned()),
        },
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            _ => Err("text is neither true nor false".to_owned()),
        },
        Value::Array(_) | Value::Object(_) => Err(mismatch("a boolean", value)),
    }
}

fn seconds(value: &Value, overflow: Overflow) -> Result<Option<i64>, String> {
    let duration = match value {
        Value::Null => return Ok(None),
        Value::String(text) => GoDuration::parse_field(text, overflow)?,
        Value::Number(number) => match whole(number) {
            Some(seconds) => GoDuration::of_field(seconds, overflow)?,
            // Go reads what is no integer as text, and text wants a unit.
            None => GoDuration::parse_field(&number.to_string(), overflow)?,
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err("could not parse duration from input".to_owned());
        }
    };
    match duration.as_secs() {
        seconds if seconds < 0 => Err(format!("cannot provide negative value '{seconds}'")),
        seconds => Ok(Some(seconds)),
    }
}

/// Most elements of a list field.
const MAX_LIST_ELEMENTS: usize = 50_000;

fn list(field: &Field, value: Value) -> Result<Vec<String>, String> {
    let count = match &value {
        Value::Array(elements) => elements.len(),
        Value::String(text) => text.split(',').count(),
        _ => 1,
    };
    if count > MAX_LIST_ELEMENTS {
        return Err(format!("list has more than {MAX_LIST_ELEMENTS} elements"));
    }
    let elements = match value {
        Value::Null => Vec::new(),
        Value::Object(members) if members.is_empty() => Vec::new(),
        Value::Object(_) => return Err(mismatch("a list", &value)),
        Value::Array(elements) => elements.into_iter().map(text).collect::<Result<_, _>>()?,
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => text.split(',').map(str::to_owned).collect(),
        Value::Bool(_) | Value::Number(_) => vec![text(value)?],
    };
    let bytes = elements.iter().fold(0_usize, |sum, element: &String| sum.saturating_add(element.len()));
    if bytes > field.max_bytes {
        return Err(too_long(field.max_bytes));
    }
    Ok(elements.into_iter().map(|element| element.trim().to_owned()).collect())
}

pub(super) fn mismatch(wanted: &str, value: &Value) -> String {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!("expected {wanted}, got {got}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn convert_as(kind: FieldKind, value: Value) -> Result<Option<FieldValue>, String> {
        Field::new("f", kind, "").max_bytes(40).convert(value, HostFlavor::OpenBao)
    }

    fn check(kind: FieldKind, cases: Vec<(Value, Result<FieldValue, &str>)>) {
        for (value, expected) in cases {
            let shown = value.to_string();
            assert_eq!(
                convert_as(kind, value),
                expected.map(Some).map_err(str::to_owned),
                "{kind:?} of {shown}"
            );
        }
    }

    fn parsed(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn string() {
        let ok = |text: &str| Ok(FieldValue::Text(text.to_owned()));
        check(
            FieldKind::String,
            vec![
                (json!(null), ok("")),
                (json!(""), ok("")),
                (json!(" a,b "), ok(" a,b ")),
                (json!(5), ok("5")),
                (json!(-5), ok("-5")),
                (json!(1.5), ok("1.5")),
                (json!(1.0), ok("1")),
                (json!(1e21), ok("1000000000000000000000")),
                (json!(9_007_199_254_740_993_i64), ok("9007199254740993")),
                (json!(u64::MAX), ok("18446744073709551615")),
                (json!(0.000_000_1), ok("0.0000001")),
                (json!(true), ok("1")),
                (json!(false), ok("0")),
                (json!([]), Err("expected a string, got a list")),
                (json!({"secret": 1}), Err("expected a string, got an object")),
                (json!("x".repeat(40)), ok(&"x".repeat(40))),
                (json!("x".repeat(41)), Err("value is longer than 40 bytes")),
                (json!("é".repeat(21)), Err("value is longer than 40 bytes")),
                (json!(1e50), Err("value is longer than 40 bytes")),
            ],
        );
    }

    #[test]
    fn name() {
        let ok = |text: &str| Ok(FieldValue::Text(text.to_owned()));
        let bad = || Err("field does not match the formatting rules");
        check(
            FieldKind::Name,
            vec![
                (json!("a"), ok("a")),
                (json!("dev-role.EU_1"), ok("dev-role.EU_1")),
                (json!("a.-b"), ok("a.-b")),
                (json!(5), ok("5")),
                (json!(null), bad()),
                (json!(""), bad()),
                (json!("-a"), bad()),
                (json!("a."), bad()),
                (json!("a/b"), bad()),
                (json!("a\n"), bad()),
                (json!("é"), bad()),
                (json!("aéa"), bad()),
                (json!([]), Err("expected a string, got a list")),
            ],
        );
    }

    #[test]
    fn int() {
        let ok = |n: i64| Ok(FieldValue::Int(n));
        let bad = || Err("text is not an integer");
        let no_integer = || Err("number is not an integer");
        let beyond = || Err("number is out of range");
        check(
            FieldKind::Int,
            vec![
                (json!(null), ok(0)),
                (json!(""), ok(0)),
                (json!(7), ok(7)),
                (json!(-1), ok(-1)),
                (json!(1.9), no_integer()),
                (json!(-1.9), no_integer()),
                (json!(1.0), no_integer()),
                (json!(1e3), no_integer()),
                (parsed("-0"), ok(0)),
                (json!(i64::MAX), ok(i64::MAX)),
                (json!(i64::MIN), ok(i64::MIN)),
                (json!(u64::MAX), beyond()),
                (json!(1e300), beyond()),
                (json!(-1e300), beyond()),
                (json!(9_223_372_036_854_775_808_f64), beyond()),
                (json!(-9_223_372_036_854_775_808_f64), beyond()),
                (parsed("123456789012345678901234567890"), beyond()),
                (json!(true), ok(1)),
                (json!(false), ok(0)),
                (json!("12"), ok(12)),
                (json!("-12"), ok(-12)),
                (json!("+12"), ok(12)),
                (json!("0"), ok(0)),
                (json!("010"), ok(8)),
                (json!("0x1f"), ok(31)),
                (json!("0X1F"), ok(31)),
                (json!("-0b11"), ok(-3)),
                (json!("0o17"), ok(15)),
                (json!("1_000"), ok(1000)),
                (json!("0x_1f"), ok(31)),
                (json!("0_7"), ok(7)),
                (json!("9223372036854775807"), ok(i64::MAX)),
                (json!("-9223372036854775808"), ok(i64::MIN)),
                (json!("9223372036854775808"), bad()),
                (json!("_1"), bad()),
                (json!("1_"), bad()),
                (json!("1__0"), bad()),
                (json!("0x"), bad()),
                (json!("0x__1"), bad()),
                (json!("0x+1"), bad()),
                (json!("09"), bad()),
                (json!("1.5"), bad()),
                (json!(" 1"), bad()),
                (json!("-"), bad()),
                (json!("--1"), bad()),
                (json!("é"), bad()),
                (json!("secret"), bad()),
                (json!([1]), Err("expected an integer, got a list")),
                (json!({}), Err("expected an integer, got an object")),
            ],
        );
    }

    #[test]
    fn bool() {
        let ok = |flag: bool| Ok(FieldValue::Bool(flag));
        let neither = || Err("number is neither 1 nor 0");
        let mut cases = vec![
            (json!(null), ok(false)),
            (json!(true), ok(true)),
            (json!(false), ok(false)),
            (json!(0), ok(false)),
            (json!(1), ok(true)),
            (json!(0.0), neither()),
            (json!(-0.0), neither()),
            (json!(1.0), neither()),
            (json!(2), neither()),
            (json!(-1), neither()),
            (json!(-0.5), neither()),
            (json!(1e20), neither()),
            (json!("yes"), Err("text is neither true nor false")),
            (json!("tRUE"), Err("text is neither true nor false")),
            (json!(" true"), Err("text is neither true nor false")),
            (json!([]), Err("expected a boolean, got a list")),
            (json!({}), Err("expected a boolean, got an object")),
        ];
        cases.extend(["1", "t", "T", "TRUE", "true", "True"].map(|text| (json!(text), ok(true))));
        cases.extend(["", "0", "f", "F", "FALSE", "false", "False"].map(|text| (json!(text), ok(false))));
        check(FieldKind::Bool, cases);
    }

    #[test]
    fn duration() {
        const OVERFLOW: &str =
            "multiplication of durations resulted in overflow, one operand may be too large";
        const MISSING_UNIT: &str = "time: missing unit in duration";
        let ok = |seconds: i64| Ok(FieldValue::Seconds(seconds));
        assert_eq!(convert_as(FieldKind::DurationSecond, json!(null)), Ok(None));
        check(
            FieldKind::DurationSecond,
            vec![
                (json!(""), ok(0)),
                (json!(90), ok(90)),
                (json!(1.9), Err(MISSING_UNIT)),
                (json!(-0.9), Err(MISSING_UNIT)),
                (json!(0.0), Err(MISSING_UNIT)),
                (json!(1e3), Err(MISSING_UNIT)),
                (parsed("-0"), ok(0)),
                (json!("90"), ok(90)),
                (json!("2d"), ok(172_800)),
                (json!("1h30m"), ok(5400)),
                (json!("500ms"), ok(0)),
                (json!("-500ms"), ok(0)),
                (json!(-5), Err("cannot provide negative value '-5'")),
                (json!("-5"), Err("cannot provide negative value '-5'")),
                (json!("-5s"), Err("cannot provide negative value '-5'")),
                (json!("-1d"), Err("cannot provide negative value '-86400'")),
                (json!(99_999_999_999_i64), Err(OVERFLOW)),
                (json!(1e10), Err(MISSING_UNIT)),
                (json!(1e20), Err("time: unknown unit in duration")),
                (json!(1e300), Err("time: unknown unit in duration")),
                (json!(u64::MAX), Err(MISSING_UNIT)),
                (json!("99999999999"), Err(OVERFLOW)),
                (json!("secret"), Err("time: invalid duration")),
                (json!("1d12h"), Err("time: unknown unit in duration")),
                (json!(true), Err("could not parse duration from input")),
                (json!([]), Err("could not parse duration from input")),
                (json!({}), Err("could not parse duration from input")),
            ],
        );
    }

    #[test]
    fn whole_numbers_too_long_for_a_duration_wrap_where_the_host_lets_them() {
        let convert =
            |value| Field::new("f", FieldKind::DurationSecond, "").convert(value, HostFlavor::Vault);
        for value in [json!(99_999_999_999_i64), json!("99999999999")] {
            assert_eq!(convert(value), Ok(Some(FieldValue::Seconds(7_766_279_630))));
        }
        for value in [json!(i64::MAX), json!("9223372036854775807")] {
            assert_eq!(convert(value), Err("cannot provide negative value '-1'".to_owned()));
        }
        for value in [json!(1e11), json!(1e300), json!(u64::MAX)] {
            assert!(convert(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn comma_string_slice() {
        let ok = |elements: &[&str]| Ok(FieldValue::List(elements.iter().map(|&e| e.to_owned()).collect()));
        check(
            FieldKind::CommaStringSlice,
            vec![
                (json!(null), ok(&[])),
                (json!(""), ok(&[])),
                (json!([]), ok(&[])),
                (json!({}), ok(&[])),
                (json!("a"), ok(&["a"])),
                (json!(" a , b,,c"), ok(&["a", "b", "", "c"])),
                (json!(","), ok(&["", ""])),
                (json!([" a ", "b,c", ""]), ok(&["a", "b,c", ""])),
                (json!([1, 1.5, true, false, null]), ok(&["1", "1.5", "1", "0", ""])),
                (json!(123_456_789_012_i64), ok(&["123456789012"])),
                (json!(true), ok(&["1"])),
                (json!([["a"]]), Err("expected a string, got a list")),
                (json!([{}]), Err("expected a string, got an object")),
                (json!({"a": "b"}), Err("expected a list, got an object")),
                (json!(["x".repeat(20), "y".repeat(20)]), ok(&[&"x".repeat(20), &"y".repeat(20)])),
                (json!(["x".repeat(20), "y".repeat(21)]), Err("value is longer than 40 bytes")),
                (json!("x".repeat(41)), Err("value is longer than 40 bytes")),
                (json!(",".repeat(50_000)), Err("list has more than 50000 elements")),
                (json!(vec![""; 50_001]), Err("list has more than 50000 elements")),
            ],
        );
    }

    const KINDS: [FieldKind; 7] = [
        FieldKind::String,
        FieldKind::Int,
        FieldKind::Bool,
        FieldKind::DurationSecond,
        FieldKind::CommaStringSlice,
        FieldKind::Header,
        FieldKind::Name,
    ];

    proptest::proptest! {
        #[test]
        fn refusals_do_not_quote_the_value(secret in "[a-z]*SECRET[a-zA-Z0-9:,={}\"]*", shape in 0..5) {
            let value = match shape {
                0 => json!(secret),
                1 => json!([secret]),
                2 => json!({secret.as_str(): true}),
                3 => json!({"A": [null, secret]}),
                _ => json!([[secret]]),
            };
            for kind in KINDS {
                if let Err(text) = convert_as(kind, value.clone()) {
                    proptest::prop_assert!(!text.contains("SECRET"), "{kind:?}: {text}");
                }
            }
        }

        #[test]
        fn every_number_converts_or_is_refused(number: f64, whole: i64, natural: u64) {
            for value in [json!(number), json!(whole), json!(natural)] {
                for kind in KINDS {
                    let _ = convert_as(kind, value.clone());
                }
            }
        }
    }
}
