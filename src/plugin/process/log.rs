//! Log lines as the host reads them: one JSON object per line on standard error. The host filters by
//! level, so everything of this program is written, and warnings of the libraries.

use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use super::log_queue::{LastLines, LogQueue};

/// The crate name of library and binary alike.
const OWN_TARGET: &str = env!("CARGO_CRATE_NAME");
/// What stands for it in `@module`.
const OWN_MODULE: &str = "aws";
/// The host takes a time with any other number of fraction digits for plain text.
const TIME: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
/// Longest text of one field, in bytes. The host does not parse lines beyond 64 KiB.
const MAX_TEXT: usize = 8 * 1024;
/// What the thread that writes the lines needs of stack, in bytes, and more.
const WRITER_STACK: usize = 128 * 1024;

/// Makes the log of this process, to be kept to the end of it; a second call changes nothing. Lines are
/// written by a thread of their own.
pub(crate) fn install() -> Option<LastLines> {
    let levels = Targets::new().with_default(LevelFilter::WARN).with_target(OWN_TARGET, LevelFilter::TRACE);
    let queue = Arc::new(LogQueue::default());
    let writer = std::thread::Builder::new().name("log".to_owned()).stack_size(WRITER_STACK).spawn({
        let queue = Arc::clone(&queue);
        move || queue.write_to(std::io::stderr(), left_out)
    });
    let log = Registry::default().with(levels);
    if let Err(error) = writer {
        let write = |line: &[u8]| {
            let _ = std::io::stderr().lock().write_all(line);
        };
        let _ = tracing::subscriber::set_global_default(log.with(HclogLayer { write }));
        tracing::warn!(%error, "cannot start the thread that writes the log");
        return None;
    }
    let last = LastLines(Arc::clone(&queue));
    let write = move |line: &[u8]| queue.add(line);
    let _ = tracing::subscriber::set_global_default(log.with(HclogLayer { write }));
    Some(last)
}

/// The line that tells of lines that were left out.
#[expect(clippy::disallowed_methods, reason = "a line says when it was written")]
fn left_out(count: u64) -> Vec<u8> {
    let mut members = Map::new();
    members.insert("left_out".to_owned(), Value::from(count));
    let message = "log lines were left out: they came faster than they were read";
    entry(members, Level::WARN, message, module(module_path!()), SystemTime::now())
}

struct HclogLayer<W> {
    write: W,
}

impl<S: Subscriber, W: Fn(&[u8]) + 'static> Layer<S> for HclogLayer<W> {
    #[expect(clippy::disallowed_methods, reason = "a line says when it was written")]
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        (self.write)(&line(event, SystemTime::now()));
    }
}

fn line(event: &Event<'_>, now: SystemTime) -> Vec<u8> {
    let metadata = event.metadata();
    let mut fields = Fields::default();
    event.record(&mut fields);
    entry(fields.members, *metadata.level(), &fields.message, module(metadata.target()), now)
}

fn entry(
    mut members: Map<String, Value>,
    level: Level,
    message: &str,
    module: String,
    now: SystemTime,
) -> Vec<u8> {
    let mut set = |name: &str, text: &str| members.insert(name.to_owned(), Value::String(text.to_owned()));
    set("@level", level_name(level));
    set("@message", message);
    set("@module", &module);
    if let Ok(time) = OffsetDateTime::from(now).format(TIME) {
        set("@timestamp", &time);
    }
    let mut line = Value::Object(members).to_string().into_bytes();
    line.push(b'\n');
    line
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

fn module(target: &str) -> String {
    match target.strip_prefix(OWN_TARGET) {
        Some(rest) => format!("{OWN_MODULE}{rest}"),
        None => target.to_owned(),
    }
    .replace("::", ".")
}

/// The fields of an event. The host takes every member that does not begin with `@` for a pair of
/// its own; those that do must be text, and are only set by the layer.
#[derive(Default)]
struct Fields {
    message: String,
    members: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        if !field.name().starts_with('@') {
            self.members.insert(field.name().to_owned(), value);
        }
    }

    fn add_text(&mut self, field: &Field, text: String) {
        let text = shortened(text);
        match field.name() {
            "message" => self.message = text,
            _ => self.add(field, Value::String(text)),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add_text(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Bounded(String::new());
        // A value that is too long ends the formatting early; what is there is enough.
        let _ = write!(text, "{value:?}");
        self.add_text(field, text.0);
    }
}

/// Text that grows a little beyond [`MAX_TEXT`] at most, so that it is seen to be shortened.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() > MAX_TEXT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    fn logged(log: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let write = move |line: &[u8]| {
            let text = std::str::from_utf8(line).unwrap();
            sink.lock().unwrap().push(text.strip_suffix('\n').unwrap().to_owned());
        };
        tracing::subscriber::with_default(Registry::default().with(HclogLayer { write }), log);
        Arc::try_unwrap(lines).unwrap().into_inner().unwrap()
    }

    fn parsed(line: &str) -> Map<String, Value> {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn a_line_carries_level_message_module_and_fields() {
        let lines = logged(|| {
            tracing::info!(role = "dev", count = 3_u64, change = -1_i64, flag = true, shown = %"x", "role\nupdated");
        });
        let mut line = parsed(&lines[0]);
        let time = line.remove("@timestamp").unwrap();
        assert_eq!(
            Value::Object(line),
            json!({
                "@level": "info", "@message": "role\nupdated", "@module": "aws.plugin.process.log.tests",
                "role": "dev", "count": 3, "change": -1, "flag": true, "shown": "x",
            })
        );
        let time = time.as_str().unwrap();
        let (seconds, fraction) = time.split_once('.').unwrap();
        assert_eq!(seconds.len(), "2026-11-21T01:00:18".len(), "{time}");
        assert_eq!(fraction.len(), "682472Z".len(), "{time}");
        assert!(!lines[0].contains('\n'), "one line per entry");
    }

    #[test]
    fn the_fraction_always_has_six_digits() {
        let at = |micros| {
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(micros);
            OffsetDateTime::from(time).format(TIME).unwrap()
        };
        assert_eq!(at(1_763_686_818_000_000), "2025-11-21T01:00:18.000000Z");
        assert_eq!(at(1_763_686_818_682_470), "2025-11-21T01:00:18.682470Z");
    }

    #[test]
    fn all_levels_have_the_names_of_the_host() {
        let lines = logged(|| {
            tracing::trace!("");
            tracing::debug!("");
            tracing::info!("");
            tracing::warn!("");
            tracing::error!("");
        });
        let levels: Vec<_> = lines.iter().map(|line| parsed(line)["@level"].clone()).collect();
        assert_eq!(levels, ["trace", "debug", "info", "warn", "error"]);
    }

    #[test]
    fn reserved_members_cannot_be_overwritten() {
        let lines = logged(|| tracing::warn!({ "@level" = 7, "@timestamp" = false }, "m"));
        let line = parsed(&lines[0]);
        assert_eq!(line["@level"], "warn");
        assert!(line["@timestamp"].is_string());
    }

    #[test]
    fn long_texts_are_shortened() {
        let long = "ä".repeat(MAX_TEXT);
        let lines = logged(|| tracing::info!(text = long, list = ?vec![1; 100_000], "{long}"));
        assert!(lines[0].len() < 4 * MAX_TEXT, "{}", lines[0].len());
        assert!(parsed(&lines[0])["@message"].as_str().unwrap().ends_with("ä…"));
    }

    #[test]
    fn modules_of_this_program_are_shown_short() {
        assert_eq!(module(&format!("{OWN_TARGET}::path::login")), "aws.path.login");
        assert_eq!(module(OWN_TARGET), "aws");
        assert_eq!(module("h2::codec"), "h2.codec");
    }
}
