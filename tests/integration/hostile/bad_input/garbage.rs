//! Text and values that nobody should send.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// Names of the fields of a login.
pub(super) const LOGIN_FIELDS: [&str; 9] = [
    "role",
    "iam_http_request_method",
    "iam_request_url",
    "iam_request_body",
    "iam_request_headers",
    "pkcs7",
    "identity",
    "signature",
    "nonce",
];

/// JSON values as text, because not all of them fit into a parsed value.
pub(super) const AWKWARD_VALUES: [&str; 34] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.5",
    "1e308",
    "1e400",
    "-1e400",
    "1e-400",
    "18446744073709551616",
    "123456789012345678901234567890123456789012345678901234567890",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\r\\n\"",
    "\"AAAA\"",
    "\"////\"",
    "\"====\"",
    "\"e30=\"",
    "\"bnVsbA==\"",
    "\"W10=\"",
    "[]",
    "[null]",
    "[[]]",
    "[{}]",
    "{}",
    "{\"\":\"\"}",
    "{\"a\":{\"a\":{}}}",
    "{\"a\":[null,{},[1e400]]}",
];

/// Text that is no JSON object, or no JSON.
pub(super) const NO_DATA: [&str; 18] = [
    "",
    " ",
    "null",
    "[]",
    "5",
    "\"x\"",
    "true",
    "{",
    "}",
    "{}{}",
    "{\"a\"}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1,}",
    "{\"a\":}",
    "{\"a\":1e400}",
    "\u{feff}{}",
    "{\"a\":\"\u{1}\"}",
];

/// Lists in lists.
pub(super) fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Objects in objects.
pub(super) fn nested_objects(depth: usize) -> String {
    format!("{}0{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

/// JSON text of any value: of any kind, any size, any depth.
pub(super) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(AWKWARD_VALUES.as_slice()).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter("no JSON", |number| number.is_finite()).prop_map(|number| number.to_string()),
        1 => "[0-9]{1,400}".prop_map(|digits| format!("1{digits}")),
        3 => any::<String>().prop_map(|text| quoted(&text)),
        3 => prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| quoted(&STANDARD.encode(bytes))),
        2 => any::<String>().prop_map(|text| quoted(&STANDARD.encode(text))),
        1 => (1_usize..20_000).prop_map(|length| quoted(&"x".repeat(length))),
        1 => (1_usize..20_000).prop_map(|length| quoted(&STANDARD.encode("x".repeat(length)))),
        1 => (1_usize..200).prop_map(nested),
        1 => (1_usize..200).prop_map(nested_objects),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let members = prop::collection::vec((any::<String>(), inner.clone()), 0..8);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|all| format!("[{}]", all.join(","))),
            members.prop_map(|members| object(&members)),
            inner.prop_map(|json| quoted(&json)),
            // Headers are JSON in base64.
            prop::collection::vec(("[A-Za-z-]{1,12}", any::<String>()), 0..8).prop_map(|headers| {
                let members: Vec<_> =
                    headers.iter().map(|(name, value)| (name.clone(), quoted(value))).collect();
                quoted(&STANDARD.encode(object(&members)))
            }),
        ]
    })
}

/// A JSON object of members whose values are JSON text.
pub(super) fn object<Name: AsRef<str>, Json: AsRef<str>>(members: &[(Name, Json)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, json)| format!("{}:{}", quoted(name.as_ref()), json.as_ref())).collect();
    format!("{{{}}}", members.join(","))
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
