//! Where accounts are in Organizations, as the server's own credentials see it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::asked::Asked;
use super::look_up_error::LookUpError;
use super::own::Own;
use super::shared_calls::SharedCalls;
use crate::aws::arn::AccountId;
use crate::aws::calls::Api;
use crate::aws::deadline::Deadline;
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::organizations::{Membership, OrganizationsClient};
use crate::aws::region::Partition;
use crate::concurrency::bounded_cache::BoundedCache;
use crate::concurrency::single_flight::SingleFlight;
use crate::ports::Random;

/// How long an answer about a member counts at most, from when AWS was asked.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long it counts at least. What a fleet asked for at once is not asked for again at once.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(8 * 60);
/// How long it counts that an account is outside or not in use: both may be put right while somebody waits.
const NEGATIVE_LIFETIME: Duration = Duration::from_secs(60);
/// Accounts kept per mount.
const MAX_ACCOUNTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Which account, and under which configuration it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    partition: Partition,
    account: AccountId,
    generation: u64,
}

#[derive(Clone)]
struct Known {
    membership: Membership,
    since: SystemTime,
    lifetime: Duration,
}

impl Known {
    /// Whether it still counts. What is of the future is of a clock that was set back.
    fn counts_at(&self, now: SystemTime) -> bool {
        now.duration_since(self.since).is_ok_and(|age| age < self.lifetime)
    }
}

/// What is known of accounts, and what is being asked. Nothing that went wrong is kept.
pub struct Organizations {
    known: BoundedCache<Key, Known>,
    flights: SingleFlight<Key, Result<Membership, LookUpError>>,
}

impl Default for Organizations {
    fn default() -> Self {
        Self { known: BoundedCache::new(MAX_ACCOUNTS), flights: SingleFlight::default() }
    }
}

impl Organizations {
    /// Forgets everything: AWS may be reached in another way.
    pub(super) fn clear(&self) {
        self.known.clear();
    }

    /// Where an account is, as it was at most ten minutes ago; asked with the server's own credentials.
    pub(super) async fn look_up(
        self: &Arc<Self>,
        own: &Own,
        calls: SharedCalls,
        asked: Asked<'_>,
        account: &AccountId,
    ) -> Result<Membership, LookUpError> {
        let Asked { snapshot, region, deadline } = asked;
        let (partition, generation) = (region.partition(), snapshot.generation);
        let key = Key { partition, account: account.clone(), generation };
        if let Some(known) = self.get(&key, calls.context(deadline).now) {
            return Ok(known);
        }
        let configured = &snapshot.config.organizations_endpoint;
        let endpoint = Endpoint::of(configured, Service::Organizations, region)?;
        let credentials = own.get(&asked).await?;
        let client = OrganizationsClient { endpoint: endpoint.clone(), region: region.clone(), credentials };
        let (organizations, of_flight) = (Arc::clone(self), key.clone());
        let flight = self.flights.run(key, async move { organizations.ask(of_flight, client, calls).await });
        let action = Api::DescribeAccount.action();
        deadline.limit_call(flight).await.unwrap_or(Err(LookUpError::NotInTime { action, endpoint }))
    }

    fn get(&self, key: &Key, now: SystemTime) -> Option<Membership> {
        self.known.get_if(key, |known| known.counts_at(now)).map(|known| known.membership)
    }

    /// Asks AWS and keeps the answer before anybody has it, so that nobody asks again meanwhile.
    async fn ask(
        &self,
        key: Key,
        client: OrganizationsClient,
        calls: SharedCalls,
    ) -> Result<Membership, LookUpError> {
        let context = calls.context(Deadline::start());
        let since = context.now;
        if let Some(known) = self.get(&key, since) {
            return Ok(known);
        }
        let asked_at = self.known.start_read();
        let membership = client.describe_account(&key.account, context).await;
        let membership =
            membership.map_err(|cause| LookUpError::Organization { account: key.account.clone(), cause })?;
        let lifetime = lifetime_of(&membership, context.random);
        self.known.keep(asked_at, key, Known { membership: membership.clone(), since, lifetime });
        Ok(membership)
    }
}

fn lifetime_of(membership: &Membership, random: &dyn Random) -> Duration {
    let Membership::Member { .. } = membership else { return NEGATIVE_LIFETIME };
    let mut byte = [0];
    if !random.fill(&mut byte) {
        return SHORTEST_LIFETIME;
    }
    let [byte] = byte;
    let part = LIFETIME.saturating_sub(SHORTEST_LIFETIME).mul_f64(f64::from(byte) / f64::from(u8::MAX));
    SHORTEST_LIFETIME.saturating_add(part)
}
