//! `rotation/state`: how far the rotations are that the plugin does by itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ClientConfig, Entry, StoredTime};
use crate::go::GoDuration;

/// Longest time from a failed attempt to the next, in minutes.
const LONGEST_PAUSE: i64 = 60;
/// How much of an error is kept, in characters.
const MAX_ERROR: usize = 500;

/// The stored entry `rotation/state`. There is none before the plugin is told to rotate by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RotationState {
    /// The id of the access key that the time is counted for.
    pub access_key: String,
    /// The schedule that it is counted by; empty for a period.
    pub schedule: String,
    /// From when it is counted: when the key, or its schedule, was first seen here.
    pub counted_from: StoredTime,
    /// When a new key was last put into `config/client`.
    pub last_rotation: StoredTime,
    /// When a rotation, or what was left of one, was last tried.
    pub last_attempt: StoredTime,
    /// Failed attempts since the last success.
    pub failures: u32,
    /// Why the last one failed; empty if it did not.
    pub last_error: String,
    /// The code of that.
    pub last_error_code: String,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for RotationState {}

impl RotationState {
    /// Storage key.
    pub const KEY: &'static str = "rotation/state";

    /// The state by which the next rotation of this configuration is counted: from now on where the key or its
    /// schedule is another one, or the clock has been put back.
    #[must_use]
    pub fn counted(self, config: &ClientConfig, now: StoredTime) -> Self {
        let is_same = self.access_key == config.access_key && self.schedule == config.rotation_schedule;
        if is_same && self.counted_from <= now {
            return self;
        }
        Self {
            access_key: config.access_key.clone(),
            schedule: config.rotation_schedule.clone(),
            counted_from: now,
            ..self
        }
    }

    /// The state after a new key was put into the configuration.
    #[must_use]
    pub fn rotated(self, config: &ClientConfig, now: StoredTime) -> Self {
        let counted = Self { unknown: self.unknown, ..Self::default() }.counted(config, now);
        Self { last_rotation: now, last_attempt: now, ..counted }
    }

    /// The state while an attempt runs. It counts as failed until it has come to its end.
    #[must_use]
    pub fn attempted(self, now: StoredTime) -> Self {
        Self { last_attempt: now, failures: self.failures.saturating_add(1), ..self }
    }

    /// The state with why an attempt failed.
    #[must_use]
    pub fn with_error(self, text: &str, code: &str) -> Self {
        Self { last_error: text.chars().take(MAX_ERROR).collect(), last_error_code: code.to_owned(), ..self }
    }

    /// When the next attempt may begin after those that failed: 1, 2, 4 and so on minutes after the last one.
    /// `None` if it may begin now.
    #[must_use]
    pub fn pause_ends(&self, now: StoredTime) -> Option<StoredTime> {
        let doublings = self.failures.checked_sub(1)?;
        let minutes = 1_i64.checked_shl(doublings).filter(|minutes| (1..LONGEST_PAUSE).contains(minutes));
        let pause = GoDuration::from_secs(minutes.unwrap_or(LONGEST_PAUSE).saturating_mul(60));
        let end = self.last_attempt.plus(pause);
        // An attempt in the future means that the clock has been put back.
        (self.last_attempt <= now && now < end).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn at(minutes: u64) -> StoredTime {
        StoredTime::from(
            SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_secs(
                    60_u64.saturating_mul(minutes).saturating_add(1_767_225_600),
                ))
                .unwrap(),
        )
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pause = |failures, now| {
            RotationState { failures, last_attempt: at(10), ..RotationState::default() }.pause_ends(now)
        };
        assert_eq!(pause(0, at(10)), None);
        for (failures, minutes) in
            [(1, 1), (2, 2), (3, 4), (4, 8), (6, 32), (7, 60), (8, 60), (64, 60), (65, 60), (u32::MAX, 60)]
        {
            let end = at(10 + minutes);
            assert_eq!(pause(failures, at(10)), Some(end), "{failures}");
            assert_eq!(pause(failures, end), None, "{failures}");
        }
        assert_eq!(pause(9, at(9)), None, "the clock was put back");
    }

    #[test]
    fn time_is_counted_anew_for_another_key_or_schedule() {
        let config = |key: &str, schedule: &str| ClientConfig {
            access_key: key.to_owned(),
            rotation_schedule: schedule.to_owned(),
            ..ClientConfig::default()
        };
        let state = RotationState::default().counted(&config("A", ""), at(1));
        assert_eq!(state.counted_from, at(1));
        assert_eq!(state.clone().counted(&config("A", ""), at(5)), state);
        assert_eq!(state.clone().counted(&config("B", ""), at(5)).counted_from, at(5));
        assert_eq!(state.clone().counted(&config("A", "0 0 * * *"), at(5)).counted_from, at(5));
        assert_eq!(state.counted(&config("A", ""), at(0)).counted_from, at(0), "the clock was put back");
    }
}
