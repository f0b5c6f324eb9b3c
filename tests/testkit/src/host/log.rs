//! The lines a plugin writes to standard error, read the way a host reads them.

use serde_json::{Map, Value};

/// A line longer than this is cut into pieces by the host and not parsed.
pub(super) const LINE_LIMIT: usize = 64 * 1024;

/// One line of the plugin's standard error.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// The line as it came.
    pub raw: String,
    /// The entry in it, or why a host would treat the line as plain text.
    pub entry: Result<LogEntry, &'static str>,
}

/// A structured log entry.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// One of `trace`, `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// The message.
    pub message: String,
    /// When it was written, with six fractional digits.
    pub timestamp: Option<String>,
    /// Name of the logger.
    pub module: Option<String>,
    /// Every other key.
    pub fields: Map<String, Value>,
}

impl LogLine {
    /// Reads one line.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        Self { raw: raw.to_owned(), entry: parse_entry(raw) }
    }
}

fn parse_entry(raw: &str) -> Result<LogEntry, &'static str> {
    if raw.len() >= LINE_LIMIT {
        return Err("longer than the host's line buffer");
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_str(raw) else {
        return Err("not a JSON object");
    };
    let mut take = |key: &str| match fields.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("a key of the logger is not a string, which ends a Go host"),
    };
    let level = take("@level")?.ok_or("no level")?;
    let message = take("@message")?.ok_or("no message")?;
    let timestamp = take("@timestamp")?;
    let module = take("@module")?;
    if !matches!(level.as_str(), "trace" | "debug" | "info" | "warn" | "error") {
        return Err("unknown level");
    }
    if timestamp.as_deref().is_some_and(|text| !is_timestamp(text)) {
        return Err("timestamp is not of the form 2006-01-02T15:04:05.000000Z07:00");
    }
    Ok(LogEntry { level, message, timestamp, module, fields })
}

/// Whether a text has the one form of time the host accepts: exactly six fractional digits, then `Z`
/// or an offset.
fn is_timestamp(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(zone) = shape.strip_prefix("0000-00-00T00:00:00.000000") else {
        return false;
    };
    matches!(zone, "Z" | "+00:00" | "-00:00")
        && time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(timestamp: &str) -> String {
        format!(r#"{{"@level":"info","@message":"m","@timestamp":"{timestamp}","role":"dev"}}"#)
    }

    #[test]
    fn six_digits_or_plain_text() {
        for good in ["2026-11-21T01:00:18.682472Z", "2026-11-21T01:00:18.682472+02:00"] {
            let entry = LogLine::parse(&line(good)).entry.unwrap();
            assert_eq!(entry.timestamp.as_deref(), Some(good));
            assert_eq!(entry.fields["role"], "dev");
        }
        for bad in ["2026-11-21T01:00:18Z", "2026-11-21T01:00:18.682Z", "2026-13-21T01:00:18.682472Z", "now"]
        {
            assert!(LogLine::parse(&line(bad)).entry.is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_must_be_strings_and_levels_known() {
        assert!(LogLine::parse(r#"{"@level":1,"@message":"m"}"#).entry.is_err());
        assert!(LogLine::parse(r#"{"@level":"off","@message":"m"}"#).entry.is_err());
        assert!(LogLine::parse("thread 'main' panicked").entry.is_err());
    }
}
