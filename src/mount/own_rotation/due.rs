//! When the next rotation is due.

use super::schedule::Schedule;
use crate::entry::{ClientConfig, RotationState, StoredTime};
use crate::go::GoDuration;

/// When the key is to be rotated next, as seen now: a time that has passed means at once. `None` if never.
///
/// With a window, a time of the schedule counts only while its window is open; without one it counts until the
/// key is rotated.
pub(super) fn next_rotation(
    config: &ClientConfig,
    state: &RotationState,
    now: StoredTime,
) -> Option<StoredTime> {
    if !config.rotates_in_plugin() {
        return None;
    }
    if config.rotation_schedule.is_empty() {
        return Some(state.counted_from.plus(config.rotation_period));
    }
    let schedule = Schedule::parse(&config.rotation_schedule)?;
    let window = config.rotation_window;
    let opened = now.plus(GoDuration(window.0.saturating_neg()));
    let after = if window.is_positive() { state.counted_from.max(opened) } else { state.counted_from };
    schedule.next_after(after.utc()).map(StoredTime::from)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn time(text: &str) -> StoredTime {
        from_value(json!(text)).unwrap()
    }

    fn config(schedule: &str, window_minutes: i64, period_minutes: i64) -> ClientConfig {
        ClientConfig {
            rotate_in_plugin: true,
            rotation_schedule: schedule.to_owned(),
            rotation_window: GoDuration::from_secs(window_minutes.saturating_mul(60)),
            rotation_period: GoDuration::from_secs(period_minutes.saturating_mul(60)),
            ..ClientConfig::default()
        }
    }

    #[test]
    fn the_window_bounds_how_late_a_scheduled_rotation_begins() {
        // Daily at four, in Coordinated Universal Time.
        let four = "0 4 * * *";
        for (window, counted_from, now, next) in [
            (0, "2026-01-01T00:00:00Z", "2026-01-01T03:59:59Z", "2026-01-01T04:00:00Z"),
            (0, "2026-01-01T00:00:00Z", "2026-01-01T23:00:00Z", "2026-01-01T04:00:00Z"),
            (0, "2026-01-01T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-01T04:00:00Z"),
            (0, "2026-01-01T04:00:10Z", "2026-01-01T04:01:00Z", "2026-01-02T04:00:00Z"),
            (60, "2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z", "2026-01-01T04:00:00Z"),
            (60, "2026-01-01T00:00:00Z", "2026-01-01T04:59:59Z", "2026-01-01T04:00:00Z"),
            // The window has closed: the next one is tomorrow's.
            (60, "2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z", "2026-01-02T04:00:00Z"),
            (60, "2026-01-01T00:00:00Z", "2026-01-09T12:00:00Z", "2026-01-10T04:00:00Z"),
            (60, "2026-01-01T00:00:00Z", "2026-01-09T04:30:00Z", "2026-01-09T04:00:00Z"),
            // What was rotated in its window is not rotated again in it.
            (60, "2026-01-01T04:00:10Z", "2026-01-01T04:30:00Z", "2026-01-02T04:00:00Z"),
            // Counted with another offset.
            (0, "2026-01-01T03:00:00-02:00", "2026-01-01T06:00:00Z", "2026-01-02T04:00:00Z"),
        ] {
            let state = RotationState { counted_from: time(counted_from), ..RotationState::default() };
            let found = next_rotation(&config(four, window, 0), &state, time(now));
            assert_eq!(found, Some(time(next)), "{window} min, {counted_from}, {now}");
        }
    }

    #[test]
    fn a_period_is_counted_from_the_key() {
        let state = RotationState { counted_from: time("2026-01-01T00:00:00Z"), ..RotationState::default() };
        let now = time("2026-01-05T00:00:00Z");
        let day = config("", 0, 24 * 60);
        assert_eq!(next_rotation(&day, &state, now), Some(time("2026-01-02T00:00:00Z")));
        let disabled = ClientConfig { disable_automated_rotation: true, ..day.clone() };
        let by_host = ClientConfig { rotate_in_plugin: false, ..day };
        for config in [disabled, by_host, config("", 0, 0), config("nonsense", 0, 0)] {
            assert_eq!(next_rotation(&config, &state, now), None);
        }
    }
}
