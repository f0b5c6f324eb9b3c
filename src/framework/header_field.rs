//! Conversion of JSON values to HTTP headers ([`FieldKind::Header`](super::FieldKind::Header)).
//!
//! Clients of signed logins send them in three forms: an object, text that is a JSON object with or
//! without base64 around it, or a list of `name:value`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::data;
use crate::budget::Name;
use crate::go::text::decode_base64;

/// Most header values of one field, over all names. Signed requests have about ten.
const MAX_HEADER_VALUES: usize = 64;

/// Most structural characters in the JSON text of headers.
const MAX_HEADER_JSON_VALUES: usize = 1_000;

/// Deepest nesting in the JSON text of headers: an object of lists.
const MAX_HEADER_JSON_DEPTH: usize = 2;

type Headers = Vec<(String, Vec<String>)>;

/// Headers from a JSON value; `null`, `{}` and `[]` are no headers. The limit counts the bytes of
/// text as sent, and of names and values.
///
/// # Errors
/// What is wrong with it.
pub fn convert(max_bytes: usize, value: Value) -> Result<Headers, String> {
    let mut collector =
        Collector { headers: Vec::new(), places: BTreeMap::new(), values: 0, bytes: 0, max_bytes };
    match value {
        Value::Null => {}
        Value::Object(members) => collector.add_object(members)?,
        Value::String(text) if text.len() > max_bytes => return Err(too_long(max_bytes)),
        Value::String(text) => match parse_text(text)? {
            Value::Object(members) => collector.add_object(members)?,
            Value::Null => {}
            _ => return Err("text is not a JSON object".to_owned()),
        },
        Value::Array(pairs) => {
            for pair in pairs {
                let Value::String(pair) = pair else {
                    return Err("invalid key pair".to_owned());
                };
                match pair.split_once(':') {
                    Some((name, value)) if !name.is_empty() => collector.add(name, value.to_owned())?,
                    _ => return Err("invalid key pair".to_owned()),
                }
            }
        }
        // A lone value counts as a list of one, which is no text.
        Value::Bool(_) | Value::Number(_) => return Err("invalid key pair".to_owned()),
    }
    Ok(collector.headers)
}

/// JSON from standard base64, or from the text itself if it is not base64.
fn parse_text(text: String) -> Result<Value, String> {
    let json = match decode_base64(&text) {
        Some(bytes) => String::from_utf8(bytes).map_err(|_| "base64 does not hold UTF-8 text".to_owned())?,
        None => text,
    };
    if json.is_empty() {
        return Err("'data' being decoded is nil".to_owned());
    }
    data::check_shape(&json, MAX_HEADER_JSON_VALUES, MAX_HEADER_JSON_DEPTH)
        .and_then(|()| data::parse_value(&json))
        .map_err(|why| format!("text {why}"))
}

struct Collector {
    headers: Headers,
    /// Where each name stands.
    places: BTreeMap<Name, usize>,
    values: usize,
    bytes: usize,
    max_bytes: usize,
}

impl Collector {
    fn add_object(&mut self, members: Map<String, Value>) -> Result<(), String> {
        for (name, value) in members {
            match value {
                Value::Array(values) => {
                    for value in values {
                        let value = single(value).ok_or("received non-string value for a header key")?;
                        self.add(&name, value)?;
                    }
                }
                value => {
                    let value = single(value).ok_or("unrecognized type for a header value")?;
                    self.add(&name, value)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), String> {
        self.values = self.values.saturating_add(1);
        self.bytes = self.bytes.saturating_add(name.len()).saturating_add(value.len());
        if self.values > MAX_HEADER_VALUES {
            return Err(format!("more than {MAX_HEADER_VALUES} header values"));
        }
        if self.bytes > self.max_bytes {
            return Err(too_long(self.max_bytes));
        }
        let place = *self.places.entry(Name(name.to_owned())).or_insert(self.headers.len());
        match self.headers.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => self.headers.push((name.to_owned(), vec![value])),
        }
        Ok(())
    }
}

/// A header value: text, or a number in its decimal form.
fn single(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The refusal of a value beyond [`Field::max_bytes`](super::Field::max_bytes).
pub(super) fn too_long(max_bytes: usize) -> String {
    format!("value is longer than {max_bytes} bytes")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn encoded(json: &Value) -> Value {
        json!(STANDARD.encode(json.to_string()))
    }

    #[test]
    fn names_cost_little_in_every_form() {
        use crate::budget::Step;
        use crate::budget::step::counted::count;

        let name = |number: usize| format!("{}{number:02}", "x".repeat(1_000));
        let object: Value = (0..64).map(|number| (name(number), json!("v"))).collect::<Map<_, _>>().into();
        let list: Vec<String> = (0..64).map(|number| format!("{}:v", name(number))).collect();
        for form in [object.clone(), json!(object.to_string()), encoded(&object), json!(list)] {
            let (converted, steps) = count(Step::NamesCompared, || convert(128 * 1024, form));
            assert_eq!(converted.unwrap().len(), 64);
            assert!(steps <= 64 * 16, "{steps}");
        }
    }

    #[test]
    fn takes_objects_json_text_base64_and_lists() {
        let object = json!({
            "Content-Length": 43,
            "X-Amz-Date": ["20260101T000000Z"],
            "authorization": "AWS4-HMAC-SHA256 …",
            "empty": [],
            "two": ["a", 1],
        });
        let expected = vec![
            ("Content-Length".to_owned(), vec!["43".to_owned()]),
            ("X-Amz-Date".to_owned(), vec!["20260101T000000Z".to_owned()]),
            ("authorization".to_owned(), vec!["AWS4-HMAC-SHA256 …".to_owned()]),
            ("two".to_owned(), vec!["a".to_owned(), "1".to_owned()]),
        ];
        let base64 = STANDARD.encode(object.to_string());
        let (head, tail) = base64.split_at(10);
        for value in [
            object.clone(),
            json!(object.to_string()),
            json!(serde_json::to_string_pretty(&object).unwrap()),
            encoded(&object),
            json!(format!("{head}\r\n{tail}\n")),
        ] {
            assert_eq!(convert(1000, value.clone()), Ok(expected.clone()), "{value}");
        }
        assert_eq!(
            convert(1000, json!(["b:1", "a: x:y", "b:2", "c:"])),
            Ok(vec![
                ("b".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
                ("a".to_owned(), vec![" x:y".to_owned()]),
                ("c".to_owned(), vec![String::new()]),
            ])
        );
    }

    #[test]
    fn nothing_is_an_empty_list_of_headers() {
        for value in
            [json!(null), json!({}), json!([]), json!("{}"), encoded(&json!(null)), encoded(&json!({}))]
        {
            assert_eq!(convert(1000, value.clone()), Ok(Vec::new()), "{value}");
        }
    }

    #[test]
    fn names_that_differ_in_case_stand_apart() {
        assert_eq!(
            convert(1000, json!({"A": "1", "a": "2"})),
            Ok(vec![("A".to_owned(), vec!["1".to_owned()]), ("a".to_owned(), vec!["2".to_owned()])])
        );
    }

    #[test]
    fn refuses_other_forms_without_quoting_them() {
        for (value, expected) in [
            (json!(""), "'data' being decoded is nil"),
            (json!("\n"), "'data' being decoded is nil"),
            (json!({"secret": true}), "unrecognized type for a header value"),
            (json!({"secret": null}), "unrecognized type for a header value"),
            (json!({"secret": {}}), "unrecognized type for a header value"),
            (json!({"secret": [["x"]]}), "received non-string value for a header key"),
            (json!({"secret": [null]}), "received non-string value for a header key"),
            (encoded(&json!({"secret": null})), "unrecognized type for a header value"),
            (encoded(&json!([1])), "text is not a JSON object"),
            (json!("[]"), "text is not a JSON object"),
            (json!("secret"), "text is not valid JSON at line 1 column 1"),
            (json!("c2VjcmV0"), "text is not valid JSON at line 1 column 1"),
            (json!("{}{}"), "text is not valid JSON at line 1 column 3"),
            (json!("/w=="), "base64 does not hold UTF-8 text"),
            (json!("[[[]]]"), "text is nested deeper than 2 levels"),
            (json!(["secret"]), "invalid key pair"),
            (json!([":secret"]), "invalid key pair"),
            (json!([5]), "invalid key pair"),
            (json!([{"a": "b"}]), "invalid key pair"),
            (json!(5), "invalid key pair"),
            (json!(true), "invalid key pair"),
        ] {
            assert_eq!(convert(1000, value.clone()), Err(expected.to_owned()), "{value}");
        }
    }

    #[test]
    fn is_limited_in_count_and_bytes() {
        let count = |n: usize| json!({"a": vec!["x"; n / 2], "b": vec!["x"; n - n / 2]});
        assert!(convert(1000, count(64)).is_ok());
        for value in [count(65), encoded(&count(65)), json!(vec!["a:b"; 65])] {
            assert_eq!(convert(1000, value), Err("more than 64 header values".to_owned()));
        }
        let many = json!(format!("[{}]", "0,".repeat(1000)));
        assert_eq!(convert(10_000, many), Err("text holds more than 1000 values".to_owned()));
        for (value, fits) in
            [(json!({"abc": "1234567"}), 10), (json!(["abc:1234567"]), 10), (json!(r#"{"a":"b"}"#), 9)]
        {
            assert!(convert(fits, value.clone()).is_ok(), "{value}");
            let short = fits - 1;
            assert_eq!(convert(short, value), Err(format!("value is longer than {short} bytes")));
        }
    }
}
