//! What AWS grants an account of one action: a token bucket for each account, region and action.

use std::collections::HashMap;
use std::time::Instant;

use super::calls::Call;

/// The limits that are set.
#[derive(Default)]
pub(super) struct Limits {
    by_action: HashMap<String, Limit>,
    buckets: HashMap<(String, String, String), Bucket>,
}

#[derive(Clone, Copy)]
struct Limit {
    capacity: f64,
    refill_per_second: f64,
}

struct Bucket {
    tokens: f64,
    counted_at: Instant,
}

impl Limits {
    /// Limits an action.
    pub(super) fn set(&mut self, action: &str, capacity: u32, refill_per_second: u32) {
        let limit = Limit { capacity: capacity.into(), refill_per_second: refill_per_second.into() };
        self.by_action.insert(action.to_owned(), limit);
    }

    /// Counts a call; whether it is one too many.
    pub(super) fn is_exceeded_by(&mut self, call: &Call) -> bool {
        let Some(limit) = self.by_action.get(&call.action) else {
            return false;
        };
        let key = (call.account.clone(), call.region.clone(), call.action.clone());
        let now = Instant::now();
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: limit.capacity, counted_at: now });
        let refilled = now.duration_since(bucket.counted_at).as_secs_f64() * limit.refill_per_second;
        bucket.tokens = (bucket.tokens + refilled).min(limit.capacity);
        bucket.counted_at = now;
        let is_exceeded = bucket.tokens < 1.0;
        if !is_exceeded {
            bucket.tokens -= 1.0;
        }
        is_exceeded
    }
}
