//! The principals of a role that is being written: looked up in AWS side by side, and remembered until
//! the role is written.
//!
//! What is remembered lets the second try of a write that failed go on where the first one ended. It is
//! of no use to anybody else: a principal that was deleted and recreated meanwhile would be bound by the id
//! that it no longer has, and be refused. So it counts for the same role alone, for a short time, and
//! is forgotten as soon as the role is written.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::Instant;

use super::Mount;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::calls::Purpose;
use crate::aws::deadline::Deadline;
use crate::concurrency::bounded_cache::BoundedCache;
use crate::store::ConfigSnapshot;

/// Look-ups of one write that are under way at the same time.
const AT_ONCE: usize = 16;
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

/// A principal that AWS did not tell about.
#[derive(Debug)]
pub(crate) struct Unresolved {
    /// As the role names it.
    pub(crate) arn: String,
    /// Why.
    pub(crate) cause: LookUpError,
    /// How many are remembered for the next try.
    pub(crate) remembered: usize,
    /// How many there are.
    pub(crate) all: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PrincipalKey {
    /// Storage key of the role.
    role: Arc<str>,
    arn: String,
    /// Of the configuration under which AWS was asked.
    generation: u64,
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
    /// Forgets those of a role.
    pub(super) fn forget(&self, role: &str) {
        self.known.forget_where(|key| *key.role == *role);
    }

    fn get(&self, key: &PrincipalKey) -> Option<Principal> {
        let lifetime = Duration::from_secs(REMEMBERED_MINUTES.saturating_mul(60));
        self.known.get_if(key, |(_, since)| since.elapsed() < lifetime).map(|(principal, _)| principal)
    }
}

impl Mount {
    /// The principals of a role that is being written, in the order of these ARNs; each is asked for once.
    ///
    /// # Errors
    /// The first one in this order that AWS did not tell about.
    pub(crate) async fn role_principals(
        &self,
        role: &str,
        snapshot: &ConfigSnapshot,
        deadline: Deadline,
        arns: &[String],
    ) -> Result<Vec<Principal>, Unresolved> {
        let role: Arc<str> = role.into();
        let mut seen = HashSet::new();
        let keys: Vec<PrincipalKey> = arns
            .iter()
            .filter(|arn| seen.insert(arn.as_str()))
            .map(|arn| PrincipalKey {
                role: Arc::clone(&role),
                arn: arn.clone(),
                generation: snapshot.generation,
            })
            .collect();
        let look_ups: Vec<_> =
            keys.iter().map(|key| self.remembered_principal(snapshot, deadline, key).boxed()).collect();
        let found: Result<HashMap<&str, Principal>, _> =
            stream::iter(look_ups).buffered(AT_ONCE).try_collect().await;
        match found {
            Ok(found) => Ok(arns.iter().filter_map(|arn| found.get(arn.as_str()).cloned()).collect()),
            Err((key, cause)) => Err(Unresolved {
                arn: key.arn.clone(),
                cause,
                remembered: keys.iter().filter(|key| self.unwritten_principals.get(key).is_some()).count(),
                all: keys.len(),
            }),
        }
    }

    async fn remembered_principal<'k>(
        &self,
        snapshot: &ConfigSnapshot,
        deadline: Deadline,
        key: &'k PrincipalKey,
    ) -> Result<(&'k str, Principal), (&'k PrincipalKey, LookUpError)> {
        let unwritten = &self.unwritten_principals;
        if let Some(known) = unwritten.get(key) {
            return Ok((&key.arn, known));
        }
        let asked = self.principal(snapshot, deadline.of_look_up(), Purpose::RoleWrite, &key.arn).await;
        let principal = asked.map_err(|cause| (key, cause))?;
        unwritten.known.put(key.clone(), (principal.clone(), Instant::now()));
        Ok((&key.arn, principal))
    }

    /// To be called when a role is written or deleted, here or elsewhere: what was looked up for its next
    /// try counts no longer.
    pub(crate) fn forget_role_principals(&self, role: &str) {
        self.unwritten_principals.forget(role);
    }
}
