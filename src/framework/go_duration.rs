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
        }
    }
}
