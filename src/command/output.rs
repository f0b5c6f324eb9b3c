//! What a login prints: the forms of the hosts' own command lines.

use std::io::{self, Write as _};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::exit::Failure;
use super::yaml;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Table, Self::Json, Self::Yaml]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Yaml => "yaml",
        }))
    }
}

/// An answer of the server as its tools show it: these members, in this order.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Answer {
    request_id: String,
    lease_id: String,
    lease_duration: i64,
    renewable: bool,
    data: Value,
    /// What the server has to say besides.
    pub(crate) warnings: Option<Vec<String>>,
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth: Option<Auth>,
    /// The token for the wrapped answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrap_info: Option<WrapInfo>,
}

/// A token and what belongs to it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Auth {
    /// The token.
    pub(crate) client_token: String,
    /// What it is called where it must not be shown.
    pub(crate) accessor: String,
    policies: Option<Vec<String>>,
    token_policies: Option<Vec<String>>,
    identity_policies: Option<Vec<String>>,
    metadata: Option<Map<String, Value>>,
    orphan: bool,
    entity_id: String,
    /// In seconds.
    pub(crate) lease_duration: i64,
    /// Whether the token can be renewed.
    pub(crate) renewable: bool,
    /// Set while a second factor is missing.
    pub(crate) mfa_requirement: Option<Value>,
}

/// A token for a wrapped answer.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct WrapInfo {
    /// The token that unwraps.
    pub(crate) token: String,
    accessor: String,
    ttl: i64,
    creation_time: String,
    creation_path: String,
    wrapped_accessor: String,
}

impl Answer {
    /// Reads an answer of the server.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn parse(value: Value) -> Result<Self, Failure> {
        serde_json::from_value(value)
            .map_err(|error| Failure::Refused(format!("the answer of the server cannot be read: {error}")))
    }

    /// The token to use: of the login, or the one that unwraps it.
    pub(crate) fn token(&self) -> Option<&str> {
        let auth = self.auth.as_ref().map(|auth| auth.client_token.as_str());
        let wrapping = self.wrap_info.as_ref().map(|wrap| wrap.token.as_str());
        auth.or(wrapping).filter(|token| !token.is_empty())
    }

    /// Names and values, as tables and `-field` show them.
    fn fields(&self) -> Vec<(String, Value)> {
        let named = |(name, value): (&str, Value)| (name.to_owned(), value);
        if let Some(wrap) = &self.wrap_info {
            let fields = [
                ("wrapping_token", json!(wrap.token)),
                ("wrapping_accessor", json!(wrap.accessor)),
                ("wrapping_token_ttl", json!(wrap.ttl)),
                ("wrapping_token_creation_time", json!(wrap.creation_time)),
                ("wrapping_token_creation_path", json!(wrap.creation_path)),
                ("wrapped_accessor", json!(wrap.wrapped_accessor)),
            ];
            return fields.map(named).to_vec();
        }
        let Some(auth) = &self.auth else { return Vec::new() };
        let list = |list: &Option<Vec<String>>| json!(list.as_deref().unwrap_or_default());
        let fields = [
            ("token", json!(auth.client_token)),
            ("token_accessor", json!(auth.accessor)),
            ("token_duration", json!(auth.lease_duration)),
            ("token_renewable", json!(auth.renewable)),
            ("token_policies", list(&auth.token_policies)),
            ("identity_policies", list(&auth.identity_policies)),
            ("policies", list(&auth.policies)),
        ];
        let metadata = auth.metadata.iter().flatten();
        let metadata = metadata.map(|(key, value)| (format!("token_meta_{key}"), value.clone()));
        fields.map(named).into_iter().chain(metadata).collect()
    }

    /// The text of one field. It has no line end, except as YAML.
    ///
    /// # Errors
    /// There is no such field.
    pub(crate) fn field_text(&self, name: &str, format: Format) -> Result<String, Failure> {
        let fields = self.fields();
        // The token by its plain name, whether it is wrapped or not.
        let wanted = if name == "token" && self.wrap_info.is_some() { "wrapping_token" } else { name };
        let Some((_, value)) = fields.iter().find(|(name, _)| name == wanted) else {
            let known: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Failure::Usage(format!(
                "the answer has no field {name:?}; it has {}",
                known.join(", ")
            )));
        };
        Ok(match format {
            Format::Json => value.to_string(),
            Format::Yaml => yaml::to_text(value),
            Format::Table => match value {
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                    format!("[{}]", items.join(" "))
                }
                other => other.to_string(),
            },
        })
    }

    /// The whole answer.
    ///
    /// # Errors
    /// Cannot happen; stands instead of a panic.
    pub(crate) fn text(&self, format: Format) -> Result<String, Failure> {
        let unwritable = |error: serde_json::Error| Failure::Refused(error.to_string());
        match format {
            Format::Json => Ok(serde_json::to_string_pretty(self).map_err(unwritable)? + "\n"),
            Format::Yaml => Ok(yaml::to_text(&serde_json::to_value(self).map_err(unwritable)?)),
            Format::Table => Ok(self.table()),
        }
    }

    fn table(&self) -> String {
        let mut rows = vec![("Key".to_owned(), "Value".to_owned()), ("---".to_owned(), "-----".to_owned())];
        for (name, value) in self.fields() {
            let text = match (name.as_str(), value) {
                ("token_duration" | "wrapping_token_ttl", Value::Number(seconds)) => {
                    duration_text(seconds.as_u64().unwrap_or_default())
                }
                (_, Value::String(text)) => text,
                (_, Value::Array(items)) => {
                    let items: Vec<String> = items.iter().map(Value::to_string).collect();
                    format!("[{}]", items.join(" "))
                }
                (_, other) => other.to_string(),
            };
            rows.push((name, text));
        }
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default().saturating_add(4);
        rows.into_iter().map(|(name, text)| format!("{name:width$}{text}\n")).collect()
    }
}

/// Seconds as the hosts' tools show a duration: the largest units that are not zero.
fn duration_text(seconds: u64) -> String {
    if seconds == 0 {
        return "∞".to_owned();
    }
    let minutes = seconds.wrapping_div(60);
    let parts =
        [(minutes.wrapping_div(60), 'h'), (minutes.wrapping_rem(60), 'm'), (seconds.wrapping_rem(60), 's')];
    let mut text = String::new();
    for (position, (amount, unit)) in parts.into_iter().enumerate() {
        let later: u64 = parts.iter().skip(position).map(|(amount, _)| *amount).sum();
        // Units in the middle are written out, those at the end are not.
        if later > 0 && (amount > 0 || !text.is_empty()) {
            text.push_str(&format!("{amount}{unit}"));
        }
    }
    text
}

/// Writes to standard output.
///
/// # Errors
/// Nobody reads it.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::Usage(format!("standard output cannot be written: {error}")))
}

/// Says something on standard error.
pub(crate) fn say(text: &str) {
    // There is nobody to tell if this fails.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer::parse(json!({
            "request_id": "r1", "lease_id": "", "lease_duration": 0, "renewable": false, "data": null,
            "wrap_info": null, "warnings": null, "mount_type": "aws",
            "auth": {
                "client_token": "s.abc", "accessor": "acc", "policies": ["default", "dev"],
                "token_policies": ["default", "dev"], "metadata": {"account_id": "1", "role": "dev"},
                "lease_duration": 3725, "renewable": true, "entity_id": "e1", "token_type": "service",
                "orphan": true, "mfa_requirement": null, "num_uses": 0,
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_table_shows_what_the_tools_of_the_hosts_show() {
        assert_eq!(
            answer().text(Format::Table).unwrap(),
            "Key                      Value\n\
             ---                      -----\n\
             token                    s.abc\n\
             token_accessor           acc\n\
             token_duration           1h2m5s\n\
             token_renewable          true\n\
             token_policies           [\"default\" \"dev\"]\n\
             identity_policies        []\n\
             policies                 [\"default\" \"dev\"]\n\
             token_meta_account_id    1\n\
             token_meta_role          dev\n"
        );
    }

    #[test]
    fn json_has_the_members_of_the_tools_in_their_order() {
        let text = answer().text(Format::Json).unwrap();
        assert!(text.starts_with("{\n  \"request_id\": \"r1\",\n  \"lease_id\": \"\",\n"), "{text}");
        assert!(
            !text.contains("mount_type") && !text.contains("wrap_info") && !text.contains("num_uses"),
            "{text}"
        );
        assert!(text.contains("\"identity_policies\": null,\n    \"metadata\": {"), "{text}");
    }

    #[test]
    fn one_field_alone_has_no_line_end() {
        let field = |name, format| answer().field_text(name, format).unwrap();
        assert_eq!(field("token", Format::Table), "s.abc");
        assert_eq!(field("token", Format::Json), "\"s.abc\"");
        assert_eq!(field("policies", Format::Table), "[default dev]");
        assert_eq!(field("policies", Format::Yaml), "- default\n- dev\n");
        assert_eq!(field("token_duration", Format::Table), "3725");
        assert!(answer().field_text("nope", Format::Table).is_err());
    }

    #[test]
    fn durations_have_their_largest_units() {
        for (seconds, text) in [
            (0, "∞"),
            (59, "59s"),
            (60, "1m"),
            (900, "15m"),
            (3_600, "1h"),
            (3_605, "1h0m5s"),
            (2_764_800, "768h"),
        ] {
            assert_eq!(duration_text(seconds), text);
        }
    }
}
