//! How far the clock of AWS is from that of this server, as the dates of STS's answers tell it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::HeaderMap;
use http::header::DATE;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::ports::unix_seconds;

/// From how many seconds on it is too far.
const TOO_FAR: u64 = 60;

/// What the last answer with a date said.
#[derive(Default)]
pub struct ClockOffset(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    seconds: i64,
    /// What was told since it became too far.
    told: Option<i64>,
}

impl ClockOffset {
    /// Takes the date of an answer that came at this time.
    pub fn note(&self, headers: &HeaderMap, came_at: SystemTime) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| OffsetDateTime::parse(date.trim(), &Rfc2822).ok()) else {
            return;
        };
        let mut seen = self.seen();
        seen.seconds = date.unix_timestamp().saturating_sub(unix_seconds(came_at));
        if !is_too_far(seen.seconds) {
            seen.told = None;
        }
    }

    /// By how many seconds AWS is ahead, or behind if negative; `None` while that is not too far, or not known.
    #[must_use]
    pub fn too_far(&self) -> Option<i64> {
        Some(self.seen().seconds).filter(|seconds| is_too_far(*seconds))
    }

    /// The same, once for each time that it becomes too far or changes as much again.
    #[must_use]
    pub fn to_be_told(&self) -> Option<i64> {
        let mut seen = self.seen();
        let seconds = Some(seen.seconds).filter(|seconds| is_too_far(*seconds))?;
        if seen.told.is_some_and(|told| !is_too_far(seconds.saturating_sub(told))) {
            return None;
        }
        seen.told = Some(seconds);
        Some(seconds)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_too_far(seconds: i64) -> bool {
    seconds.unsigned_abs() >= TOO_FAR
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;

    use super::*;

    /// `Thu, 01 Jan 2026 00:00:00 GMT`, so many seconds before which an answer came.
    fn noted(offset: &ClockOffset, seconds: u64) {
        let headers =
            HeaderMap::from_iter([(DATE, HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT"))]);
        let came_at = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(1_767_225_600_u64.saturating_sub(seconds)))
            .unwrap();
        offset.note(&headers, came_at);
    }

    #[test]
    fn what_is_too_far_is_told_once() {
        let offset = ClockOffset::default();
        assert_eq!((offset.too_far(), offset.to_be_told()), (None, None));
        for (seconds, too_far, told) in [
            (59, None, None),
            (60, Some(60), Some(60)),
            (61, Some(61), None),
            (119, Some(119), None),
            (120, Some(120), Some(120)),
            (0, None, None),
            (61, Some(61), Some(61)),
        ] {
            noted(&offset, seconds);
            assert_eq!((offset.too_far(), offset.to_be_told()), (too_far, told), "{seconds}");
            assert_eq!(offset.to_be_told(), None);
        }
        // An answer without a date, or with what is none, says nothing.
        for date in [None, Some("yesterday")] {
            let headers = date.map(|date| (DATE, HeaderValue::from_static(date))).into_iter().collect();
            offset.note(&headers, SystemTime::UNIX_EPOCH);
            assert_eq!(offset.too_far(), Some(61));
        }
        let later = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1_767_225_700)).unwrap();
        let headers =
            HeaderMap::from_iter([(DATE, HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT"))]);
        offset.note(&headers, later);
        assert_eq!(offset.to_be_told(), Some(-100));
    }
}
