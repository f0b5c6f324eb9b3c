//! The full ARN of a caller, path included, and its tags.
//!
//! STS leaves both out, so patterns and tags are compared with what IAM says, in one answer. IAM is asked by
//! name, and names are reused; so its answer counts only if it speaks of the same unique id.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::accounts::look_up::LookUp;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::{AccountId, Arn, EntityKind};
use crate::aws::iam::IamEntity;
use crate::aws::principal_tags::{PrincipalTags, ReadTags};
use crate::aws::region::Partition;
use crate::concurrency::bounded_cache::{BoundedCache, ReadStart};
use crate::concurrency::cache_status::CacheStatus;

/// How long an answer of IAM counts: users can be renamed and moved under the same id.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long tags count, from when IAM was asked: who may change them decides who may log in.
pub const TAGS_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Principals whose tags are kept per mount: an answer may have 20 KB of them.
const MAX_TAGGED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2047);
/// Principals kept per mount.
const MAX_PRINCIPALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);

#[derive(Clone)]
struct Known {
    arn: Arc<str>,
    until: SystemTime,
}

/// Tags, and when IAM was asked for them.
#[derive(Clone)]
struct KnownTags {
    tags: Arc<PrincipalTags>,
    since: SystemTime,
}

impl KnownTags {
    /// Whether they still count. Those of the future are of a clock that was set back.
    fn count_at(&self, now: SystemTime) -> bool {
        now.duration_since(self.since).is_ok_and(|age| age < TAGS_LIFETIME)
    }
}

/// Whom an answer of IAM is about, and under which configuration it was given: a request that still
/// sees an older one must not leave its answer to those that see the newer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PrincipalKey {
    account: AccountId,
    unique_id: String,
    generation: u64,
}

/// Full ARNs and tags by account and unique id.
pub struct FullArns {
    known: BoundedCache<PrincipalKey, Known>,
    tags: BoundedCache<PrincipalKey, KnownTags>,
    /// Whether anybody has asked for tags. Until then none take room.
    tags_wanted: AtomicBool,
}

impl Default for FullArns {
    fn default() -> Self {
        Self {
            known: BoundedCache::new(MAX_PRINCIPALS),
            tags: BoundedCache::new(MAX_TAGGED),
            tags_wanted: AtomicBool::new(false),
        }
    }
}

impl FullArns {
    /// Forgets everything: who may be where has changed.
    pub fn clear(&self) {
        self.known.clear();
        self.tags.clear();
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
        let key = PrincipalKey::of(look_up, arn, unique_id);
        if let Some(known) = self.get(&key, now) {
            return Ok(known);
        }
        self.ask(look_up, arn, key, now).await.map(|(full, _)| full)
    }

    /// The tags of a principal, at most [`TAGS_LIFETIME`] old.
    ///
    /// # Errors
    /// Why they could not be found, or what is wrong with them.
    pub async fn look_up_tags(
        &self,
        look_up: LookUp<'_>,
        arn: &Arn,
        unique_id: &str,
    ) -> Result<Arc<PrincipalTags>, LookUpError> {
        self.tags_wanted.store(true, Ordering::Relaxed);
        let now = look_up.now();
        let key = PrincipalKey::of(look_up, arn, unique_id);
        if let Some(known) = self.tags.get_if(&key, |known| known.count_at(now)) {
            return Ok(known.tags);
        }
        let (_, tags) = self.ask(look_up, arn, key, now).await?;
        tags.map_err(|cause| LookUpError::Tags { entity: arn.entity_text(), cause })
    }

    /// The full ARN of a principal that is known by its name alone, as IAM has it now. Nothing is kept: names are
    /// reused.
    ///
    /// # Errors
    /// Why it could not be found.
    pub async fn look_up_by_name(&self, look_up: LookUp<'_>, arn: &Arn) -> Result<Arc<str>, LookUpError> {
        let entity = entity(look_up, arn, self.known.start_read()).await?;
        check_is_same(arn, &entity.unique_id, &entity.arn, &entity.unique_id)?;
        Ok(entity.arn.into())
    }

    /// Asks IAM, and keeps what it says.
    async fn ask(
        &self,
        look_up: LookUp<'_>,
        arn: &Arn,
        key: PrincipalKey,
        now: SystemTime,
    ) -> Result<(Arc<str>, ReadTags), LookUpError> {
        let asked_at = self.known.start_read();
        let tags_asked_at = self.tags.start_read();
        let entity = entity(look_up, arn, asked_at).await?;
        check_is_same(arn, &key.unique_id, &entity.arn, &entity.unique_id)?;
        let full: Arc<str> = entity.arn.into();
        if let (true, Ok(tags)) = (self.tags_wanted.load(Ordering::Relaxed), &entity.tags) {
            let known = KnownTags { tags: Arc::clone(tags), since: now };
            self.tags.keep(tags_asked_at, key.clone(), known);
        }
        self.keep(asked_at, key, &full, now);
        Ok((full, entity.tags))
    }
}

/// The user or role of this name, as IAM has it now.
async fn entity(look_up: LookUp<'_>, arn: &Arn, asked_at: ReadStart) -> Result<IamEntity, LookUpError> {
    let partition = Partition::of(arn)?;
    let no_client = |cause: LookUpError| LookUpError::NoIamClient(Box::new(cause));
    let route = look_up.account(arn.account()).await.map_err(no_client)?;
    let client = route.shared_iam(partition).await.map_err(no_client)?;
    let name = arn.name();
    let (kind, answer) = match arn.kind() {
        EntityKind::User => ("user", client.get_user(name, asked_at).await),
        EntityKind::Role | EntityKind::AssumedRole => ("role", client.get_role(name, asked_at).await),
        EntityKind::InstanceProfile => return Err(LookUpError::NotAPrincipal(arn.kind())),
    };
    answer.map_err(|cause| LookUpError::Entity { kind, name: name.to_owned(), cause })
}

impl PrincipalKey {
    fn of(look_up: LookUp<'_>, arn: &Arn, unique_id: &str) -> Self {
        Self {
            account: arn.account().clone(),
            unique_id: unique_id.to_owned(),
            generation: look_up.generation(),
        }
    }
}

/// Checks that IAM speaks of a caller, and not of somebody else of its name.
///
/// # Errors
/// It speaks of another one.
pub fn check_is_same(
    caller: &Arn,
    unique_id: &str,
    found_arn: &str,
    found_id: &str,
) -> Result<(), LookUpError> {
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
    fn tags_end_after_five_minutes_and_are_not_of_the_future() {
        let start = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(3600)).unwrap();
        let known = KnownTags { tags: Arc::default(), since: start };
        let counts = |seconds: i64| {
            let offset = Duration::from_secs(seconds.unsigned_abs());
            let at = if seconds < 0 { start.checked_sub(offset) } else { start.checked_add(offset) };
            known.count_at(at.unwrap())
        };
        assert_eq!([0, 299, 300, 3600, -1].map(counts), [true, true, false, false, false]);
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
