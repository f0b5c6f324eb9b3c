//! Principals of roles whose write has not succeeded yet.
//!
//! What is remembered lets the next try of a write that failed go on where the last one ended. It is of
//! no use to anybody else: a principal that was deleted and recreated meanwhile would be bound by the id
//! that it no longer has, and be refused. So it counts for the same role alone, for a short time, and is
//! forgotten as soon as the role is written.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::concurrency::bounded_cache::BoundedCache;

/// How long an answer counts for further tries, in minutes.
pub(crate) const REMEMBERED_MINUTES: u64 = 10;
/// Principals remembered per mount.
const MAX_PRINCIPALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);

/// A principal as AWS knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Its unique id.
    pub(crate) unique_id: String,
    /// Its ARN with path; `None` for instance profiles.
    pub(crate) arn: Option<Arc<str>>,
}

/// A principal as a role names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PrincipalKey {
    /// Storage key of the role.
    pub(super) role: Arc<str>,
    /// ARN.
    pub(super) arn: String,
    /// Of the configuration under which AWS is asked.
    pub(super) generation: u64,
}

/// Principals of roles whose write has not succeeded yet.
pub(super) struct UnwrittenPrincipals {
    known: BoundedCache<PrincipalKey, (Principal, Instant)>,
}

impl Default for UnwrittenPrincipals {
    fn default() -> Self {
        Self { known: BoundedCache::new(MAX_PRINCIPALS) }
    }
}

impl UnwrittenPrincipals {
    /// A principal that AWS told about a short time ago.
    pub(super) fn get(&self, key: &PrincipalKey) -> Option<Principal> {
        let (now, lifetime) = (Instant::now(), Duration::from_secs(REMEMBERED_MINUTES.saturating_mul(60)));
        let is_young = |since: &Instant| now.saturating_duration_since(*since) < lifetime;
        self.known.get_if(key, |(_, since)| is_young(since)).map(|(principal, _)| principal)
    }

    /// AWS told about a principal now.
    pub(super) fn put(&self, key: PrincipalKey, principal: Principal) {
        self.known.put(key, (principal, Instant::now()));
    }

    /// Forgets those of a role.
    pub(super) fn forget(&self, role: &str) {
        if !self.known.is_empty() {
            self.known.forget_where(|key| *key.role == *role);
        }
    }
}
