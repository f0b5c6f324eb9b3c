//! What an agent says of itself: one line on standard error for each event. Secrets are not events.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::format_description;
use vault_plugin_auth_aws::ports::{Clock, SystemClock};

use crate::command::output::say;

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// A JSON object each.
    Json,
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Text => "text",
            Self::Json => "json",
        }))
    }
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Writes lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    format: LogFormat,
}

impl Log {
    /// Of this form.
    pub(super) fn new(format: LogFormat) -> Self {
        Self { format }
    }

    /// Something went as it should.
    pub(super) fn info(self, message: &str, fields: &[(&str, String)]) {
        self.write(Level::Info, message, fields);
    }

    /// Something did not, and is tried again.
    pub(super) fn warn(self, message: &str, fields: &[(&str, String)]) {
        self.write(Level::Warn, message, fields);
    }

    /// Something did not, and somebody has to act.
    pub(super) fn error(self, message: &str, fields: &[(&str, String)]) {
        self.write(Level::Error, message, fields);
    }

    fn write(self, level: Level, message: &str, fields: &[(&str, String)]) {
        say(&self.line(&SystemClock, level, message, fields));
    }

    fn line(self, clock: &dyn Clock, level: Level, message: &str, fields: &[(&str, String)]) -> String {
        let time = OffsetDateTime::from(clock.now())
            .format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
            ))
            .unwrap_or_default();
        let fields = fields.iter().map(|(name, value)| (*name, one_line(value)));
        match self.format {
            LogFormat::Text => {
                let fields: String =
                    fields.map(|(name, value)| format!(" {name}={}", quoted(value))).collect();
                format!("{time} {:5} {message}{fields}", level.name().to_uppercase())
            }
            LogFormat::Json => {
                let head =
                    [("time", time), ("level", level.name().to_owned()), ("message", message.to_owned())];
                let members = head.into_iter().chain(fields);
                let object: Map<String, Value> =
                    members.map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
                Value::Object(object).to_string()
            }
        }
    }
}

/// The texts of servers have several.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quoted(text: String) -> String {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '=')) {
        text
    } else {
        Value::String(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    struct Standing;

    impl Clock for Standing {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH.checked_add(Duration::from_millis(1_700_000_000_250)).unwrap()
        }
    }

    fn line(format: LogFormat) -> String {
        let fields = [("lease", "900s".to_owned()), ("error", "no:\n\n  * \"x\" is\n    not".to_owned())];
        Log::new(format).line(&Standing, Level::Warn, "not renewed", &fields)
    }

    #[test]
    fn an_event_is_one_line() {
        assert_eq!(
            line(LogFormat::Text),
            r#"2023-11-14T22:13:20.250Z WARN  not renewed lease=900s error="no: * \"x\" is not""#
        );
        let object: Value = serde_json::from_str(&line(LogFormat::Json)).unwrap();
        assert_eq!(
            object,
            serde_json::json!({
                "time": "2023-11-14T22:13:20.250Z", "level": "warn", "message": "not renewed",
                "lease": "900s", "error": "no: * \"x\" is not",
            })
        );
    }
}
