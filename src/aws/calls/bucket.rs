//! How many calls may be made now: a token bucket that gives way when AWS throttles.

use std::time::Duration;

use tokio::time::Instant;

use super::api::Allowance;

/// The slowest refill, as a part of the one allowed: something must still be tried, or nobody would
/// find out that AWS has room again.
const SLOWEST: f64 = 1.0 / 16.0;
/// How much of the allowed refill comes back with each call that AWS does not throttle.
const RECOVERY: f64 = 1.0 / 20.0;
/// The shortest wait for a token: what is missing may be less than a timer can tell.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// The budget of one action in one account and region. Others use the account as well, so a bucket
/// here says only what the server allows itself; when AWS throttles all the same, the bucket is emptied
/// and refills half as fast, and with each call that AWS takes a step faster again.
#[derive(Debug)]
pub(super) struct Bucket {
    allowance: Allowance,
    tokens: f64,
    refill_per_second: f64,
    counted_at: Instant,
    slowed_at: Option<Instant>,
}

impl Bucket {
    pub(super) fn full(allowance: Allowance) -> Self {
        Self {
            allowance,
            tokens: allowance.capacity.into(),
            refill_per_second: allowance.refill_per_second.into(),
            counted_at: Instant::now(),
            slowed_at: None,
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// After how long there will be one.
    pub(super) fn take(&mut self) -> Result<(), Duration> {
        self.count();
        if self.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - self.tokens) / self.refill_per_second);
            return Err(wait.max(SHORTEST_WAIT));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// AWS did not throttle a call.
    pub(super) fn speed_up(&mut self) {
        self.count();
        let allowed = f64::from(self.allowance.refill_per_second);
        self.refill_per_second = (self.refill_per_second + allowed * RECOVERY).min(allowed);
    }

    /// AWS throttled a call that was sent at this moment. Those that were under way when it began
    /// count as one: they are the same crowd.
    pub(super) fn slow_down(&mut self, sent_at: Instant) {
        self.count();
        self.tokens = 0.0;
        if self.slowed_at.is_some_and(|slowed_at| sent_at < slowed_at) {
            return;
        }
        let slowest = f64::from(self.allowance.refill_per_second) * SLOWEST;
        self.refill_per_second = (self.refill_per_second / 2.0).max(slowest);
        self.slowed_at = Some(Instant::now());
    }

    /// Whole tokens that are there now.
    pub(super) fn remaining(&mut self) -> u32 {
        self.count();
        self.tokens as u32
    }

    pub(super) fn refill_per_second(&self) -> f64 {
        self.refill_per_second
    }

    pub(super) fn allowance(&self) -> Allowance {
        self.allowance
    }

    fn count(&mut self) {
        let now = Instant::now();
        let grown = now.saturating_duration_since(self.counted_at).as_secs_f64() * self.refill_per_second;
        self.tokens = (self.tokens + grown).min(self.allowance.capacity.into());
        self.counted_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance { capacity: 3, refill_per_second: 16 };

    async fn pass(milliseconds: u64) {
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_come_back_with_time_up_to_the_capacity() {
        let mut bucket = Bucket::full(ALLOWANCE);
        pass(10_000).await;
        assert_eq!([bucket.take(), bucket.take(), bucket.take()], [Ok(()); 3]);
        let wait = bucket.take().unwrap_err();
        assert_eq!(wait.as_micros(), 62_500);
        pass(63).await;
        assert_eq!(bucket.take(), Ok(()));
        assert!(bucket.take().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_empties_it_and_halves_the_refill_down_to_a_floor() {
        let mut bucket = Bucket::full(ALLOWANCE);
        let mut rates = Vec::new();
        for _ in 0..6 {
            pass(1000).await;
            bucket.slow_down(Instant::now());
            assert!(bucket.take().is_err());
            rates.push(bucket.refill_per_second());
        }
        assert_eq!(rates, [8.0, 4.0, 2.0, 1.0, 1.0, 1.0]);
        let mut successes = 0;
        while bucket.refill_per_second() < 16.0 {
            bucket.speed_up();
            successes += 1;
        }
        assert_eq!(successes, 19);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_were_under_way_together_slow_it_down_once() {
        let mut bucket = Bucket::full(ALLOWANCE);
        let sent_at = Instant::now();
        pass(10).await;
        for _ in 0..3 {
            bucket.slow_down(sent_at);
            pass(1).await;
        }
        assert_eq!(bucket.refill_per_second(), 8.0);
        bucket.slow_down(Instant::now());
        assert_eq!(bucket.refill_per_second(), 4.0);
    }
}
