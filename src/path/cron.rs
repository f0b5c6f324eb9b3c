//! Cron expressions of five fields. The server's rotation manager parses them again.

use thiserror::Error;

use crate::go::text::quote;

/// The fields, with the lowest and highest number of each.
const FIELDS: [(&str, u32, u32); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 6)];

/// Why a text is no cron expression.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum CronError {
    /// Another number of fields.
    #[error("expected exactly 5 fields, found {0}")]
    Fields(usize),
    /// A field that is none of its name.
    #[error("the {name} is none: {}", quote(.text))]
    Field { name: &'static str, text: String },
}

/// Checks that a text is a cron expression.
pub(super) fn check_cron(schedule: &str) -> Result<(), CronError> {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(CronError::Fields(fields.len()));
    }
    for (field, (name, low, high)) in fields.iter().zip(FIELDS) {
        if !field.split(',').all(|part| is_cron_part(part, low, high)) {
            return Err(CronError::Field { name, text: (*field).to_owned() });
        }
    }
    Ok(())
}

fn is_cron_part(part: &str, low: u32, high: u32) -> bool {
    const NAMES: [&str; 19] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "sun", "mon",
        "tue", "wed", "thu", "fri", "sat",
    ];
    let (range, step) = part.split_once('/').unwrap_or((part, "1"));
    if step.parse::<u32>().map_or(true, |step| step == 0) {
        return false;
    }
    let in_range = |text: &str| {
        text.parse::<u32>().map_or_else(
            |_| NAMES.contains(&text.to_ascii_lowercase().as_str()),
            |number| (low..=high).contains(&number),
        )
    };
    match range {
        "*" | "?" => true,
        _ => match range.split_once('-') {
            Some((from, to)) => in_range(from) && in_range(to),
            None => in_range(range),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_expressions_have_five_fields() {
        for good in ["0 0 * * *", "*/5 1-3,7 1 jan-mar mon", "0 0 ? * 0"] {
            assert_eq!(check_cron(good), Ok(()), "{good}");
        }
        for bad in
            ["", "@daily", "0 0 * *", "60 0 * * *", "0 0 0 * *", "*/0 * * * *", "0 0 * * 7", "a * * * *"]
        {
            assert!(check_cron(bad).is_err(), "{bad}");
        }
        for (bad, text) in
            [("0 0 * *", "expected exactly 5 fields, found 4"), ("0 24 * * *", "the hour is none: \"24\"")]
        {
            assert_eq!(check_cron(bad).unwrap_err().to_string(), text);
        }
    }
}
