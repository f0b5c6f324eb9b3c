//! The principals of a role that is being written, looked up in AWS side by side.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Mount;
use super::unwritten_principals::{Principal, PrincipalKey};
use crate::accounts::look_up_error::LookUpError;
use crate::aws::calls::Purpose;
use crate::aws::deadline::Deadline;
use crate::store::ConfigSnapshot;

/// Look-ups of one write that are under way at the same time.
const AT_ONCE: usize = 16;

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
        unwritten.put(key.clone(), principal.clone());
        Ok((&key.arn, principal))
    }

    /// To be called when a role is written or deleted, here or elsewhere: what was looked up for its next
    /// try counts no longer.
    pub(crate) fn forget_role_principals(&self, role: &str) {
        self.unwritten_principals.forget(role);
    }
}
