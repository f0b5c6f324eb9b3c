//! Durations in Go's notation, and as duration fields take them.

use vault_plugin_auth_aws::go::{GoDuration, Overflow};

use crate::target::{Target, Verdict};

/// Two texts, which are also read as one.
const TARGET: Target<2> = Target {
    accepted: &[
        ["1h30m", "15s"],
        ["-1.5s", ""],
        ["0", ""],
        ["+5s", "1.s"],
        [".5s", "1ms"],
        ["1us", "1\u{b5}s"],
        ["9223372036854775807ns", "1ns"],
        ["-9223372036854775808ns", ""],
        ["0.3333333333333333333h", "0.000000001ns"],
    ],
    refused: &[["90", "2d"], ["9223372036", "106751d"], ["9223372036854775808ns", ""], ["1s-1s", "1s"]],
    tokens: &[&[
        "ns",
        "us",
        "\u{b5}s",
        "\u{3bc}s",
        "ms",
        "s",
        "m",
        "h",
        "d",
        ".",
        "-",
        "+",
        "0",
        "1",
        "9",
        "00000000000000000000",
        "99999999999999999999",
        "9223372036854775808",
        "e9",
        "_",
        " ",
    ]],
    check,
};

#[test]
fn go_duration() {
    TARGET.run();
}

fn check([first, second]: [&[u8]; 2]) -> Verdict {
    let [first, second] = [first, second].map(String::from_utf8_lossy);
    check_sum(&first, &second);
    check_field(&first);
    match GoDuration::parse(&first) {
        Ok(duration) => {
            check_parsed(&first, duration);
            Verdict::accepted(if duration.0 < 0 { "negative" } else { "not negative" })
        }
        Err(reason) => {
            assert!(!first.is_empty() || reason == "time: invalid duration");
            Verdict::refused(reason.trim_start_matches("time: "))
        }
    }
}

fn check_parsed(text: &str, duration: GoDuration) {
    assert_eq!(GoDuration::parse(&duration.to_string()), Ok(duration), "{duration}");
    let stored = serde_json::to_string(&duration).unwrap();
    assert_eq!(stored, duration.0.to_string());
    assert_eq!(serde_json::from_str::<GoDuration>(&stored).unwrap(), duration);
    if !text.starts_with(['-', '+']) {
        assert!(duration >= GoDuration::ZERO);
        assert_eq!(GoDuration::parse(&format!("+{text}")), Ok(duration));
        assert_eq!(GoDuration::parse(&format!("-{text}")), Ok(GoDuration(-duration.0)));
    }
    // A field reads the same, but for whole numbers, which are seconds there.
    if text.parse::<i64>().is_err() {
        assert_eq!(GoDuration::parse_field(text, Overflow::Refused), Ok(duration));
    }
}

/// Terms that stand one after the other add up. A lone zero is no term.
fn check_sum(first: &str, second: &str) {
    let is_sum = |text: &str| !text.starts_with(['-', '+']) && text != "0";
    let (Ok(one), Ok(other)) = (GoDuration::parse(first), GoDuration::parse(second)) else { return };
    if is_sum(first) && is_sum(second) {
        let sum = GoDuration::parse(&format!("{first}{second}"));
        assert_eq!(sum.ok(), one.0.checked_add(other.0).map(GoDuration));
    }
}

fn check_field(text: &str) {
    let Ok(duration) = GoDuration::parse_field(text, Overflow::Refused) else { return };
    if let Ok(seconds) = text.parse::<i64>() {
        assert_eq!(duration.as_secs(), seconds);
    } else if let Some(days) = text.strip_suffix('d') {
        assert_eq!(
            Some(duration.as_secs()),
            days.parse::<i64>().ok().and_then(|days| days.checked_mul(86_400))
        );
    }
    assert_eq!(GoDuration::parse(&duration.to_string()), Ok(duration));
}
