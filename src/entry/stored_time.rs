//! Points in time as entries hold them.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{OffsetDateTime, UtcOffset};

use crate::go::GoDuration;

/// A point in time as Go stores it: RFC 3339 with up to nine fraction digits, trailing zeros left
/// out. It is read with any offset and written with the one it was read with; new ones are in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredTime(OffsetDateTime);

impl StoredTime {
    /// Year 1, which Go takes for "not set".
    pub const UNSET: Self = Self(datetime!(0001-01-01 00:00:00 UTC));
    /// The end of what RFC 3339 can write.
    const LAST: Self = Self(datetime!(9999-12-31 23:59:59.999_999_999 UTC));

    /// This much later, or the last point in time there is.
    #[must_use]
    pub fn plus(self, duration: GoDuration) -> Self {
        self.0.checked_add(time::Duration::nanoseconds(duration.0)).map_or(Self::LAST, Self)
    }

    /// The point in time with the calendar of UTC.
    #[must_use]
    pub fn utc(self) -> OffsetDateTime {
        self.0.checked_to_offset(UtcOffset::UTC).unwrap_or(self.0)
    }
}

impl Default for StoredTime {
    fn default() -> Self {
        Self::UNSET
    }
}

impl From<OffsetDateTime> for StoredTime {
    fn from(time: OffsetDateTime) -> Self {
        Self(time)
    }
}

impl From<SystemTime> for StoredTime {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        time::Duration::try_from(since_epoch)
            .ok()
            .and_then(|duration| OffsetDateTime::UNIX_EPOCH.checked_add(duration))
            .map_or(Self::LAST, Self)
    }
}

impl fmt::Display for StoredTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Years 0 to 9999 with offsets in whole minutes are all there is, and they can be written.
        f.write_str(&self.0.format(&Rfc3339).unwrap_or_default())
    }
}

impl Serialize for StoredTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoredTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &Rfc3339).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    fn read(text: &str) -> StoredTime {
        from_value(json!(text)).unwrap()
    }

    #[test]
    fn times_are_written_as_they_were_read() {
        for text in [
            "0001-01-01T00:00:00Z",
            "2026-11-21T07:50:00Z",
            "2026-11-21T07:50:00.5Z",
            "2026-11-21T07:50:00.123456789Z",
            "2026-11-21T08:50:00.12+01:00",
            "2026-11-20T20:20:00-11:30",
        ] {
            assert_eq!(to_value(read(text)).unwrap(), json!(text));
            assert_eq!(read(text).to_string(), text);
        }
        assert_eq!(read("2026-11-21T07:50:00.120Z").to_string(), "2026-11-21T07:50:00.12Z");
    }

    #[test]
    fn offsets_do_not_change_the_point_in_time() {
        assert_eq!(read("2026-11-21T08:50:00+01:00"), read("2026-11-21T07:50:00Z"));
        assert!(read("2026-11-21T08:50:00+01:00") < read("2026-11-21T07:50:01Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for value in [json!(""), json!("yesterday"), json!("2026-11-21"), json!(1)] {
            assert!(from_value::<StoredTime>(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn clocks_and_sums_stay_within_what_can_be_written() {
        let at = |seconds| StoredTime::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(1_763_711_400).to_string(), "2025-11-21T07:50:00Z");
        assert_eq!(at(0).plus(GoDuration::from_secs(90)).to_string(), "1970-01-01T00:01:30Z");
        assert_eq!(at(1 << 40), StoredTime::LAST);
        assert_eq!(StoredTime::LAST.plus(GoDuration::from_secs(1)), StoredTime::LAST);
        let before_epoch = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(StoredTime::from(before_epoch), at(0));
    }
}
