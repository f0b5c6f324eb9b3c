//! JSON values as YAML, with keys in order.

use serde_json::Value;

/// The text, which ends with a line end.
pub(crate) fn to_text(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(_) | Value::Array(_) => write_block(value, 0, &mut text),
        scalar => {
            text.push_str(&scalar_text(scalar));
            text.push('\n');
        }
    }
    text
}

fn write_block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                text.push_str(&indent);
                text.push_str(&string_text(key));
                text.push(':');
                write_member(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&indent);
                text.push('-');
                write_member(item, depth, text);
            }
        }
        _ => {}
    }
}

/// What stands behind `key:` or `-`.
fn write_member(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            write_block(value, depth.saturating_add(1), text);
        }
        // Lists stand below their key without indentation.
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write_block(value, depth, text);
        }
        scalar => {
            text.push(' ');
            text.push_str(&scalar_text(scalar));
            text.push('\n');
        }
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => string_text(text),
        // Of these YAML has the notation of JSON; empty objects and lists included.
        other => other.to_string(),
    }
}

/// A string, quoted unless every reader takes it for a string.
fn string_text(text: &str) -> String {
    let plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@+=-".contains(&byte);
    let is_plain = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && text.bytes().all(plain_byte)
        && !text.ends_with(':')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        );
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_reads_as_the_tools_of_the_hosts_write_it() {
        let value = json!({
            "auth": {
                "metadata": {"arn": "arn:aws:iam::1:user/x", "account_id": "123456789012", "odd": "a: b"},
                "policies": ["default", "no"],
                "renewable": true,
                "entity_id": "",
                "identity_policies": null,
                "lease_duration": 900,
                "none": {},
            },
            "warnings": [],
        });
        assert_eq!(
            to_text(&value),
            "auth:\n  entity_id: \"\"\n  identity_policies: null\n  lease_duration: 900\n  metadata:\n    account_id: \"123456789012\"\n    arn: arn:aws:iam::1:user/x\n    odd: \"a: b\"\n  none: {}\n  policies:\n  - default\n  - \"no\"\n  renewable: true\nwarnings: []\n"
        );
        assert_eq!(to_text(&json!("s.x")), "s.x\n");
        assert_eq!(to_text(&json!(["a", {"b": 1}])), "- a\n-\n  b: 1\n");
    }
}
