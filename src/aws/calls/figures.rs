//! What is counted of the calls of one line.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The shortest latency that is told from shorter ones, in microseconds.
const SHORTEST: u64 = 50;
/// The longest latency that is told from longer ones, in microseconds: no attempt takes longer.
const LONGEST: u64 = 20_000_000;
/// Significant decimal digits of latencies: with one, a line takes about a kibibyte.
const DIGITS: u8 = 1;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer to the question.
    Answered,
    /// AWS refused to answer, or could not.
    Refused,
    /// AWS asked for patience.
    Throttled,
    /// There was no answer, or nobody waited for it.
    Unanswered,
}

/// Counts and latencies.
#[derive(Debug)]
pub(super) struct Figures {
    calls: u64,
    throttles: u64,
    errors: u64,
    /// In microseconds; `None` cannot happen with the bounds above, and stands instead of a panic.
    latencies: Option<Histogram<u32>>,
    longest: Duration,
}

impl Default for Figures {
    fn default() -> Self {
        let latencies = Histogram::new_with_bounds(SHORTEST, LONGEST, DIGITS).ok();
        Self { calls: 0, throttles: 0, errors: 0, latencies, longest: Duration::ZERO }
    }
}

/// Latencies of the answers of one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Half of the answers took no longer.
    pub p50: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts {
    /// Attempts that were made.
    pub calls: u64,
    /// Those at which AWS asked for patience.
    pub throttles: u64,
    /// Those that ended without an answer to the question, throttled ones apart.
    pub errors: u64,
    /// How long answers took, refusals included; `None` while there was none.
    pub latency: Option<Latency>,
}

impl Figures {
    pub(super) fn record(&mut self, outcome: Outcome, latency: Duration) {
        self.calls = self.calls.saturating_add(1);
        match outcome {
            Outcome::Answered => {}
            Outcome::Throttled => self.throttles = self.throttles.saturating_add(1),
            Outcome::Refused | Outcome::Unanswered => self.errors = self.errors.saturating_add(1),
        }
        if outcome == Outcome::Unanswered {
            return;
        }
        self.longest = self.longest.max(latency);
        if let Some(latencies) = &mut self.latencies {
            latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let Self { calls, throttles, errors, longest, .. } = *self;
        let latency = self.latencies.as_ref().filter(|latencies| !latencies.is_empty()).map(|latencies| {
            // The histogram answers with the upper end of a step, which may lie above all that was seen.
            let quantile = |part| Duration::from_micros(latencies.value_at_quantile(part)).min(longest);
            Latency { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: longest }
        });
        Counts { calls, throttles, errors, latency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_told_apart() {
        let mut figures = Figures::default();
        let second = Duration::from_secs(1);
        for outcome in [
            Outcome::Answered,
            Outcome::Answered,
            Outcome::Throttled,
            Outcome::Refused,
            Outcome::Unanswered,
            Outcome::Unanswered,
            Outcome::Unanswered,
        ] {
            figures.record(outcome, second);
        }
        let Counts { calls, throttles, errors, .. } = figures.counts();
        assert_eq!((calls, throttles, errors), (7, 1, 4));
        let mut unanswered = Figures::default();
        unanswered.record(Outcome::Unanswered, second);
        assert_eq!(unanswered.counts().latency, None);
    }

    #[test]
    fn latencies_are_near_what_was_measured_and_never_above_it() {
        let mut figures = Figures::default();
        for milliseconds in 1..=1000 {
            figures.record(Outcome::Answered, Duration::from_millis(milliseconds));
        }
        let latency = figures.counts().latency.unwrap();
        for (found, exact) in [(latency.p50, 500.0), (latency.p90, 900.0), (latency.p99, 990.0)] {
            let off = found.as_secs_f64() * 1000.0 / exact;
            assert!((0.99..1.1).contains(&off), "{found:?} is not {exact} ms");
        }
        assert_eq!(latency.max, Duration::from_secs(1));
        assert!(latency.p99 <= latency.max);
        figures.record(Outcome::Answered, Duration::from_secs(3600));
        assert_eq!(figures.counts().latency.unwrap().max, Duration::from_secs(3600));
    }

    #[test]
    fn a_line_is_small() {
        let latencies = Figures::default().latencies.unwrap();
        assert!(latencies.distinct_values() * size_of::<u32>() < 2048, "{}", latencies.distinct_values());
    }
}
