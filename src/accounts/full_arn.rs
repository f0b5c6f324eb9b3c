//! The full ARN of a caller, path included.
//!
//! STS leaves the path out, so patterns are compared with what IAM says. IAM is asked by name, and
//! names are reused; so its answer counts only if it speaks of the same unique id.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::accounts::look_up::LookUp;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::{AccountId, Arn, EntityKind};
use crate::aws::region::Partition;
use crate::concurrency::bounded_cache::{BoundedCache, ReadStart};
use crate::concurrency::cache_status::CacheStatus;

/// How long an answer of IAM counts: users can be renamed and moved under the same id.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Principals kept per mount.
const MAX_PRINCIPALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);

#[derive(Clone)]
struct Known {
    arn: Arc<str>,
    until: SystemTime,
}

/// Whom an answer of IAM is about, and under which configuration it was given: a request that still
/// sees an older one must not leave its answer to those that see the newer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PrincipalKey {
    account: AccountId,
    unique_id: String,
    generation: u64,
}

/// Full ARNs by account and unique id.
pub struct FullArns {
    known: BoundedCache<PrincipalKey, Known>,
}

impl Default for FullArns {
    fn default() -> Self {
        Self { known: BoundedCache::new(MAX_PRINCIPALS) }
    }
}

impl FullArns {
    /// Forgets everything: who may be where has changed.
    pub fn clear(&self) {
        self.known.clear();
    }

    /// How full and how useful it is.
    pub fn status(&self) -> CacheStatus {
        self.known.status()
    }

    fn get(&self, key: &PrincipalKey, now: SystemTime) -> Option<Arc<str>> {
        self.known.get_if(key, |known| known.until > now).map(|known| known.arn)
    }

    fn keep(&self, asked_at: ReadStart, key: PrincipalKey, arn: &Arc<str>, now: SystemTime) {
        if let Some(until) = now.checked_add(LIFETIME) {
            self.known.keep(asked_at, key, Known { arn: Arc::clone(arn), until });
        }
    }

    /// The full ARN of a principal.
    ///
    /// # Errors
    /// Why it could not be found.
    pub async fn look_up(
        &self,
        look_up: LookUp<'_>,
        arn: &Arn,
        unique_id: &str,
    ) -> Result<Arc<str>, LookUpError> {
        let now = look_up.now();
        let account = arn.account();
        let key = PrincipalKey {
            account: account.clone(),
            unique_id: unique_id.to_owned(),
            generation: look_up.generation(),
        };
        if let Some(known) = self.get(&key, now) {
            return Ok(known);
        }
        let asked_at = self.known.start_read();
        let partition = Partition::of(arn)?;
        let no_client = |cause: LookUpError| LookUpError::NoIamClient(Box::new(cause));
        let route = look_up.account(account).await.map_err(no_client)?;
        let client = route.shared_iam(partition).await.map_err(no_client)?;
        let name = arn.name();
        let (kind, answer) = match arn.kind() {
            EntityKind::User => ("user", client.get_user(name, asked_at).await),
            EntityKind::Role | EntityKind::AssumedRole => ("role", client.get_role(name, asked_at).await),
            EntityKind::InstanceProfile => return Err(LookUpError::NotAPrincipal(arn.kind())),
        };
        let entity = answer.map_err(|cause| LookUpError::Entity { kind, name: name.to_owned(), cause })?;
        check_is_same(arn, unique_id, &entity.arn, &entity.unique_id)?;
        let full: Arc<str> = entity.arn.into();
        self.keep(asked_at, key, &full, now);
        Ok(full)
    }
}

fn check_is_same(caller: &Arn, unique_id: &str, found_arn: &str, found_id: &str) -> Result<(), LookUpError> {
    let found = Arn::parse(found_arn)?;
    let same_place = found.partition() == caller.partition()
        && found.account() == caller.account()
        && found.name() == caller.name();
    if !same_place || found_id != unique_id {
        return Err(LookUpError::Recreated {
            arn: found_arn.to_owned(),
            unique_id: found_id.to_owned(),
            wanted: unique_id.to_owned(),
            same_place,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_somebody_else_does_not_count() {
        let caller = Arn::parse("arn:aws:sts::1:assumed-role/App/s").unwrap();
        assert_eq!(check_is_same(&caller, "AROA", "arn:aws:iam::1:role/x/App", "AROA"), Ok(()));
        for (arn, id) in [
            ("arn:aws:iam::1:role/x/App", "AROB"),
            ("arn:aws:iam::2:role/x/App", "AROA"),
            ("arn:aws-cn:iam::1:role/x/App", "AROA"),
            ("arn:aws:iam::1:role/App/x", "AROA"),
            ("nonsense", "AROA"),
        ] {
            assert!(check_is_same(&caller, "AROA", arn, id).is_err(), "{arn} {id}");
        }
    }

    fn key(account: &str, generation: u64) -> PrincipalKey {
        PrincipalKey { account: AccountId::new(account), unique_id: "AROA".to_owned(), generation }
    }

    #[test]
    fn what_is_known_ends_after_a_day_however_often_it_is_used() {
        let arns = FullArns::default();
        let start = SystemTime::UNIX_EPOCH;
        arns.keep(arns.known.start_read(), key("1", 1), &"arn".into(), start);
        let after = |hours: u64| start.checked_add(Duration::from_secs(hours * 3600)).unwrap();
        assert!(arns.get(&key("1", 1), after(23)).is_some());
        assert!(arns.get(&key("2", 1), after(1)).is_none());
        assert!(arns.get(&key("1", 1), after(24)).is_none());
    }

    #[test]
    fn an_answer_from_before_a_change_is_not_kept() {
        let arns = FullArns::default();
        let now = SystemTime::UNIX_EPOCH;
        let asked_at = arns.known.start_read();
        arns.clear();
        arns.keep(asked_at, key("1", 1), &"arn".into(), now);
        assert!(arns.get(&key("1", 1), now).is_none());
    }

    #[test]
    fn an_answer_under_an_older_configuration_is_not_used_under_a_newer() {
        let arns = FullArns::default();
        let now = SystemTime::UNIX_EPOCH;
        arns.keep(arns.known.start_read(), key("1", 1), &"arn".into(), now);
        assert!(arns.get(&key("1", 1), now).is_some());
        assert!(arns.get(&key("1", 2), now).is_none());
    }
}
