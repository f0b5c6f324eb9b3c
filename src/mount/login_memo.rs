//! A verification that the host asked for just before the login it belongs to.
//!
//! When a role-based quota exists the host asks for the role of a login before the login itself. If
//! the client names no role, only STS can tell; the login that follows with the same bytes may then
//! use that answer once. Nothing else remembers a verified request.

use std::num::NonZeroUsize;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;

use crate::concurrency::bounded_cache::BoundedCache;
use crate::concurrency::cache_status::CacheStatus;
use crate::proof::verified_caller::VerifiedCaller;

/// How long an answer waits for its login.
const LIFETIME: Duration = Duration::from_secs(5);
/// Answers that wait at the same time, per mount.
const MAX_WAITING: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// Which login an answer is for: the same data of the same mount under the same configuration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LoginKey {
    data: Vec<u8>,
    generation: u64,
}

impl LoginKey {
    /// The key of a login's data.
    #[must_use]
    pub fn new(mount: &str, data: &str, generation: u64) -> Self {
        let mut text = Vec::with_capacity(mount.len().saturating_add(data.len()).saturating_add(1));
        text.extend_from_slice(mount.as_bytes());
        text.push(0);
        text.extend_from_slice(data.as_bytes());
        Self { data: digest(&SHA256, &text).as_ref().to_vec(), generation }
    }
}

/// Answers that wait for their login.
pub struct LoginMemo {
    waiting: BoundedCache<LoginKey, (Instant, VerifiedCaller)>,
}

impl Default for LoginMemo {
    fn default() -> Self {
        Self { waiting: BoundedCache::new(MAX_WAITING) }
    }
}

impl LoginMemo {
    /// Keeps an answer for the login that follows.
    pub fn keep(&self, key: LoginKey, caller: VerifiedCaller) {
        self.waiting.put(key, (Instant::now(), caller));
    }

    /// Takes the answer for a login; there is none a second time. The key is asked for only if any
    /// answer waits: most logins name their role, and then none does.
    #[must_use]
    pub fn take(&self, key: impl FnOnce() -> LoginKey) -> Option<VerifiedCaller> {
        if self.waiting.is_empty() {
            return None;
        }
        let in_time = |(since, _): &(Instant, VerifiedCaller)| {
            Instant::now().saturating_duration_since(*since) <= LIFETIME
        };
        self.waiting.take_if(&key(), in_time).map(|(_, caller)| caller)
    }

    /// How full and how useful it is, of the times when any answer waited.
    pub fn status(&self) -> CacheStatus {
        self.waiting.status()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::sts::CallerIdentity;

    fn caller() -> VerifiedCaller {
        let document = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn><UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        VerifiedCaller::from_identity(&CallerIdentity::parse(document).unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_once_soon_and_for_the_same_bytes() {
        let memo = LoginMemo::default();
        let key = || LoginKey::new("mount", "{\"a\":1}", 1);
        memo.keep(key(), caller());
        for other in [
            LoginKey::new("mount", "{\"a\": 1}", 1),
            LoginKey::new("other", "{\"a\":1}", 1),
            LoginKey::new("mount", "{\"a\":1}", 2),
        ] {
            assert_eq!(memo.take(|| other.clone()), None);
        }
        assert_eq!(memo.take(key), Some(caller()));
        assert_eq!(memo.take(key), None);
        memo.keep(key(), caller());
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(memo.take(key), None);
    }
}
