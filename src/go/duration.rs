//! Durations as Go keeps them: signed nanoseconds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Nanoseconds, as durations stand in storage and on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GoDuration(pub i64);

impl GoDuration {
    /// No time.
    pub const ZERO: Self = Self(0);
    const SECOND: i64 = 1_000_000_000;

    /// Of whole seconds; more than fits is capped.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(Self::SECOND))
    }

    /// Of a standard duration; more than fits is capped.
    #[must_use]
    pub fn from_std(duration: std::time::Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Whole seconds, truncated.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.wrapping_div(Self::SECOND)
    }

    /// Whether it is longer than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Reads Go's notation (`1h30m`, `-1.5s`, `0`), with the rules of Go's `time.ParseDuration`.
    ///
    /// # Errors
    /// Go's text without the quoted input: `time: invalid duration`,
    /// `time: missing unit in duration`, `time: unknown unit in duration`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            _ => (false, text),
        };
        match unsigned {
            "" => return Err(INVALID.to_owned()),
            "0" => return Ok(Self::ZERO),
            _ => {}
        }
        let (mut rest, mut nanos) = (unsigned, 0_u64);
        while !rest.is_empty() {
            let (term, after) = Term::split(rest)?;
            nanos = nanos.checked_add(term.nanos()?).filter(|&sum| sum <= LARGEST).ok_or(INVALID)?;
            rest = after;
        }
        if negative {
            Ok(Self(0_i64.checked_sub_unsigned(nanos).ok_or(INVALID)?))
        } else {
            Ok(Self(i64::try_from(nanos).map_err(|_| INVALID)?))
        }
    }

    /// Reads what a duration field of the API accepts: nothing (zero), whole seconds (`90`), whole
    /// days (`2d`), or Go's notation.
    ///
    /// ```
    /// use vault_plugin_auth_aws::go::{GoDuration, Overflow};
    ///
    /// let read = |text| GoDuration::parse_field(text, Overflow::Refused);
    /// assert_eq!(read("90")?.as_secs(), 90);
    /// assert_eq!(read("2d")?, read("48h")?);
    /// assert_eq!(read("1h30m")?.as_secs(), 5400);
    /// assert_eq!(read("1w"), Err("time: unknown unit in duration".to_owned()));
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// As [`GoDuration::parse`], and as [`GoDuration::of_field`] for seconds and days.
    pub fn parse_field(text: &str, overflow: Overflow) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::ZERO);
        }
        if let Ok(seconds) = text.parse::<i64>() {
            return Self::of_field(seconds, overflow);
        }
        match text.strip_suffix('d') {
            Some(days) => {
                let days = days.parse::<i64>().map_err(|_| INVALID)?;
                Self::of_field(overflow.product(days, SECONDS_OF_DAY)?, overflow)
            }
            None => Self::parse(text),
        }
    }

    /// Of whole seconds, as a duration field of the API takes them.
    ///
    /// # Errors
    /// The text about overflow, beyond 292 years, where it is refused.
    pub fn of_field(seconds: i64, overflow: Overflow) -> Result<Self, String> {
        Ok(Self(overflow.product(seconds, Self::SECOND)?))
    }
}

/// What becomes of a number of seconds or days beyond 292 years, which no duration can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It is an error.
    Refused,
    /// The nanoseconds wrap around, as Go multiplies: what comes out may be anything.
    Wraps,
}

impl Overflow {
    fn product(self, number: i64, unit: i64) -> Result<i64, &'static str> {
        match self {
            Self::Refused => number.checked_mul(unit).ok_or(OVERFLOW),
            Self::Wraps => Ok(number.wrapping_mul(unit)),
        }
    }
}

const INVALID: &str = "time: invalid duration";
const MISSING_UNIT: &str = "time: missing unit in duration";
const UNKNOWN_UNIT: &str = "time: unknown unit in duration";
const OVERFLOW: &str = "multiplication of durations resulted in overflow, one operand may be too large";
const SECONDS_OF_DAY: i64 = 86_400;
/// The absolute value of the shortest negative duration.
const LARGEST: u64 = 1 << 63;

/// A decimal number with its unit, of which durations are made.
struct Term<'a> {
    whole: &'a str,
    fraction: &'a str,
    unit: u64,
}

impl<'a> Term<'a> {
    /// The first term of a text, and what follows it.
    fn split(text: &'a str) -> Result<(Self, &'a str), &'static str> {
        let (whole, rest) = split_digits(text);
        let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(INVALID);
        }
        let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let unit = match name {
            "" => return Err(MISSING_UNIT),
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(UNKNOWN_UNIT),
        };
        Ok((Self { whole, fraction, unit }, after))
    }

    fn nanos(&self) -> Result<u64, &'static str> {
        let whole = match self.whole {
            "" => 0,
            digits => digits.parse::<u64>().ok().and_then(|n| n.checked_mul(self.unit)).ok_or(INVALID)?,
        };
        // Digits below a nanosecond are dropped, as in Go: 18 places of the longest unit fit.
        let (mut digits, mut scale) = (0_u128, 1_u128);
        for digit in self.fraction.bytes().take(18) {
            digits = digits.wrapping_mul(10).wrapping_add(u128::from(digit.wrapping_sub(b'0')));
            scale = scale.wrapping_mul(10);
        }
        let fraction = digits.wrapping_mul(u128::from(self.unit)).checked_div(scale).unwrap_or(0);
        u64::try_from(fraction).ok().and_then(|fraction| whole.checked_add(fraction)).ok_or(INVALID)
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Go's notation: `1h30m0s`, `1.5s`, `10ms`, `0s`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let with_unit = |f: &mut fmt::Formatter<'_>, unit: u64, digits: usize, name: &str| {
            let whole = nanos.checked_div(unit).unwrap_or(0);
            let rest = nanos.checked_rem(unit).unwrap_or(0);
            let fraction = format!("{rest:0digits$}");
            match fraction.trim_end_matches('0') {
                "" => write!(f, "{whole}{name}"),
                fraction => write!(f, "{whole}.{fraction}{name}"),
            }
        };
        match nanos {
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => with_unit(f, 1_000, 3, "µs"),
            1_000_000..1_000_000_000 => with_unit(f, 1_000_000, 6, "ms"),
            _ => {
                let seconds = nanos.wrapping_div(1_000_000_000);
                let (hours, minutes, second) = (
                    seconds.wrapping_div(3600),
                    seconds.wrapping_div(60).wrapping_rem(60),
                    seconds.wrapping_rem(60),
                );
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{second}")?;
                let fraction = format!("{:09}", nanos.wrapping_rem(1_000_000_000));
                match fraction.trim_end_matches('0') {
                    "" => f.write_str("s"),
                    fraction => write!(f, ".{fraction}s"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_go_writes_it() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_000_000, "2ms"),
            (1_500_000_000, "1.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_400_000_000_000, "1h30m0s"),
            (60_000_000_000, "1m0s"),
            (-5_000_000_000, "-5s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(GoDuration(nanos).to_string(), text);
            assert_eq!(GoDuration::parse(text), Ok(GoDuration(nanos)));
        }
    }

    #[test]
    fn is_read_as_go_reads_it() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("+5s", Ok(5_000_000_000)),
            ("1.s", Ok(1_000_000_000)),
            (".5s", Ok(500_000_000)),
            ("1h1.5m", Ok(3_690_000_000_000)),
            ("1s1h", Ok(3_601_000_000_000)),
            ("1us", Ok(1_000)),
            ("1\u{b5}s", Ok(1_000)),
            ("1\u{3bc}s", Ok(1_000)),
            ("0.3333333333333333333h", Ok(1_199_999_999_999)),
            ("9223372036854775807ns", Ok(i64::MAX)),
            ("-9223372036854775808ns", Ok(i64::MIN)),
            ("9223372036854775808ns", Err(INVALID)),
            ("9999999h", Err(INVALID)),
            ("99999999999999999999s", Err(INVALID)),
            ("", Err(INVALID)),
            ("-", Err(INVALID)),
            (".", Err(INVALID)),
            (".s", Err(INVALID)),
            ("x", Err(INVALID)),
            (" 1s", Err(INVALID)),
            ("--1s", Err(INVALID)),
            ("5", Err(MISSING_UNIT)),
            ("1.5", Err(MISSING_UNIT)),
            ("5x", Err(UNKNOWN_UNIT)),
            ("5S", Err(UNKNOWN_UNIT)),
            ("1s ", Err(UNKNOWN_UNIT)),
            ("1d", Err(UNKNOWN_UNIT)),
        ] {
            assert_eq!(GoDuration::parse(text), expected.map(GoDuration).map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn fields_take_seconds_and_days_too() {
        const SECOND: i64 = 1_000_000_000;
        for (text, expected) in [
            ("", Ok(0)),
            ("90", Ok(90 * SECOND)),
            ("-90", Ok(-90 * SECOND)),
            ("+90", Ok(90 * SECOND)),
            ("010", Ok(10 * SECOND)),
            ("2d", Ok(172_800 * SECOND)),
            ("1h30m", Ok(5_400 * SECOND)),
            ("500ms", Ok(SECOND / 2)),
            ("1d12h", Err(UNKNOWN_UNIT)),
            ("1.5d", Err(INVALID)),
            ("d", Err(INVALID)),
            ("1.5", Err(MISSING_UNIT)),
            ("xyz", Err(INVALID)),
            ("9223372036", Ok(9_223_372_036 * SECOND)),
            ("9223372037", Err(OVERFLOW)),
            ("106752d", Err(OVERFLOW)),
            ("9223372036854775807d", Err(OVERFLOW)),
        ] {
            assert_eq!(
                GoDuration::parse_field(text, Overflow::Refused),
                expected.map(GoDuration).map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn where_nothing_is_refused_seconds_and_days_wrap_around() {
        for (text, seconds) in [
            ("9223372036", 9_223_372_036),
            ("9223372037", -9_223_372_036),
            ("9999999999", -8_446_744_074),
            ("18446744073", 0),
            ("18446744074", 0),
            ("27670116110", 9_223_372_036),
            ("99999999999", 7_766_279_630),
            ("9223372036854775807", -1),
            ("106751d", 9_223_286_400),
            ("106752d", -9_223_371_273),
            ("200000d", -1_166_744_073),
            ("999999d", -5_833_806_768),
            ("999999999999999999d", 6_994_087_229),
        ] {
            let duration = GoDuration::parse_field(text, Overflow::Wraps).map(GoDuration::as_secs);
            assert_eq!(duration, Ok(seconds), "{text}");
        }
        // Go's own notation has a bound of its own.
        assert_eq!(GoDuration::parse_field("2562048h", Overflow::Wraps), Err(INVALID.to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos: i64) {
            let duration = GoDuration(nanos);
            proptest::prop_assert_eq!(GoDuration::parse(&duration.to_string()), Ok(duration));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.a-zµ]{0,24}") {
            let _ = GoDuration::parse(&text);
            for overflow in [Overflow::Refused, Overflow::Wraps] {
                let _ = GoDuration::parse_field(&text, overflow);
            }
        }
    }
}
