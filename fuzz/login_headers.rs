//! The headers of a signed request as a login field: an object, JSON text, or base64 of it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use vault_plugin_auth_aws::framework::{Field, FieldKind, FieldValue, HostFlavor};
use vault_plugin_auth_aws::go::text::decode_base64;

use crate::target::{JSON, Target, Verdict};

const TARGET: Target<1> = Target {
    accepted: &[
        [
            r#"{"Authorization":["AWS4-HMAC-SHA256 Credential=x"],"Content-Length":[43],"X-Amz-Date":"20260101T000000Z"}"#,
        ],
        [r#"{"a":[],"A":["1","2"],"a":"3","\u0061b":1.5e3}"#],
        [r#"["b:1","a: x:y","b:2","c:"]"#],
        ["{}"],
    ],
    refused: &[
        // Base64 of no text.
        ["null"],
        [
            r#"{"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
        ],
        [r#"{"a":{"SECRET":1}}"#],
        [r#"{"a":[["SECRET"]]}"#],
        [r#"{"a":[null],"b":true}"#],
        ["bm90IGpzb24="],
        ["bm90IGpzb25="],
    ],
    tokens: &[
        JSON,
        &[
            "\"a\":",
            "\"A\":[\"x\"],",
            "\"a:b\",",
            "true",
            "1e999",
            "-0",
            "12345678901234567890",
            "\\u0000",
            "\\u00e9",
            "\\ud800",
            "\\n",
            "\\\"",
            "SECRET",
            "\"SECRET\":[{}],",
            "\n",
            " ",
            "e30=",
            "\u{feff}",
            "é",
            "\0",
        ],
    ],
    check,
};

/// What the field takes.
const MAX_BYTES: usize = 240;
const MAX_VALUES: usize = 64;

type Headers = Vec<(String, Vec<String>)>;

#[test]
fn login_headers() {
    TARGET.run();
}

fn check([input]: [&[u8]; 1]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    let as_text = convert(json!(text));
    let as_base64 = convert(json!(STANDARD.encode(text.as_bytes())));
    // Some JSON is base64 of something else; then it is read as that.
    let is_base64 = decode_base64(&text).is_some();
    if !is_base64 && text.len().div_ceil(3) * 4 <= MAX_BYTES {
        assert_eq!(as_text, as_base64);
    }
    let parsed = serde_json::from_str::<Value>(&text).ok().filter(|_| !is_base64);
    if let Some(value) = &parsed {
        let as_value = convert(value.clone());
        match (&as_value, &as_text) {
            (Ok(one), Ok(other)) => assert_eq!(one, other),
            // Lists are taken as they are only; text has limits of its own.
            (Ok(_), Err(reason)) => assert!(value.is_array() || reason.contains("than"), "{reason}"),
            (Err(_), Ok(_)) => panic!("text is taken where its value is not"),
            (Err(_), Err(_)) => {}
        }
        if let Ok(headers) = &as_value {
            check_headers(headers, value);
        }
    }
    match parsed.map(convert).unwrap_or(as_text) {
        Ok(headers) if headers.is_empty() => Verdict::accepted("none"),
        Ok(_) => Verdict::accepted("some"),
        Err(reason) => Verdict::refused(&reason),
    }
}

fn convert(value: Value) -> Result<Headers, String> {
    match Field::new("iam_request_headers", FieldKind::Header, "")
        .max_bytes(MAX_BYTES)
        .convert(value, HostFlavor::Vault)
    {
        Ok(Some(FieldValue::Headers(headers))) => Ok(headers),
        Ok(other) => panic!("headers became {other:?}"),
        Err(reason) => {
            assert!(!reason.contains("SECRET"), "{reason}");
            Err(reason)
        }
    }
}

fn check_headers(headers: &Headers, value: &Value) {
    let names: BTreeSet<&String> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), headers.len(), "a name stands twice: {headers:?}");
    let values: Vec<&String> = headers.iter().flat_map(|(_, values)| values).collect();
    assert!(values.len() <= MAX_VALUES);
    assert!(headers.iter().all(|(_, values)| !values.is_empty()));
    let bytes: usize =
        headers.iter().map(|(name, values)| values.iter().map(|v| name.len() + v.len()).sum::<usize>()).sum();
    assert!(bytes <= MAX_BYTES);
    let said = texts(value);
    for text in values {
        assert!(
            said.iter().any(|said| said == text || said.ends_with(&format!(":{text}"))),
            "{text:?} was not sent"
        );
    }
    // Written as an object it says the same.
    let object: Map<String, Value> =
        headers.iter().map(|(name, values)| (name.clone(), json!(values))).collect();
    let mut sorted = headers.clone();
    sorted.sort();
    assert_eq!(convert(Value::Object(object)), Ok(sorted));
}

/// All texts and numbers in a value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}
