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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use async_trait::async_trait;
    use aws_credential_types::Credentials;
    use bytes::Bytes;
    use futures_util::future::join_all;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::aws::calls::Calls;
    use crate::ports::testing::{Exhausted, Same};
    use crate::ports::{Clock, HttpRequest, HttpResponse, Transport, TransportError, World};

    const MEMBER: &str =
        r#"{"Account":{"Id":"1","Arn":"arn:aws:organizations::9:account/o-abcdefghij/1","State":"ACTIVE"}}"#;
    const OUTSIDE: &str = r#"{"__type":"AccountNotFoundException","Message":"no"}"#;
    const DENIED: &str = r#"{"__type":"AccessDeniedException","Message":"no"}"#;

    /// Time in seconds that goes on when a test says so.
    #[derive(Default)]
    struct Seconds(AtomicU64);

    impl Clock for Seconds {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.0.load(Ordering::SeqCst))).unwrap()
        }
    }

    struct Aws {
        answer: Mutex<(u16, &'static str)>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Transport for Aws {
        async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            assert_eq!(request.headers["x-amz-target"], "AWSOrganizationsV20161128.DescribeAccount");
            assert_eq!(request.body, r#"{"AccountId":"1"}"#);
            tokio::time::sleep(Duration::from_millis(50)).await;
            let (status, body) = *self.answer.lock().unwrap();
            let status = StatusCode::from_u16(status).unwrap();
            Ok(HttpResponse { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) })
        }
    }

    struct Scene {
        aws: Arc<Aws>,
        clock: Arc<Seconds>,
        calls: SharedCalls,
        organizations: Arc<Organizations>,
    }

    impl Scene {
        fn new(status: u16, body: &'static str) -> Self {
            let aws = Arc::new(Aws { answer: Mutex::new((status, body)), asked: AtomicUsize::new(0) });
            let clock = Arc::new(Seconds(AtomicU64::new(10_000)));
            let world = World {
                transport: Arc::<Aws>::clone(&aws),
                clock: Arc::<Seconds>::clone(&clock),
                random: Arc::new(Same(255)),
            };
            let calls = SharedCalls::new(Arc::new(world), Arc::<Calls>::default(), 1);
            Self { aws, clock, calls, organizations: Arc::default() }
        }

        async fn membership(&self) -> Result<Membership, LookUpError> {
            let key = Key { partition: Partition::Aws, account: AccountId::new("1"), generation: 1 };
            if let Some(known) = self.organizations.get(&key, self.clock.now()) {
                return Ok(known);
            }
            let region = Partition::Aws.organizations_region();
            let client = OrganizationsClient {
                endpoint: Endpoint::of_service(Service::Organizations, &region).unwrap(),
                region,
                credentials: Credentials::new("AKID", "secret", None, None, "test"),
            };
            let (organizations, calls) = (Arc::clone(&self.organizations), self.calls.clone());
            let flight = async move {
                let key = Key { partition: Partition::Aws, account: AccountId::new("1"), generation: 1 };
                organizations.ask(key, client, calls).await
            };
            self.organizations.flights.run(key, flight).await
        }

        fn wait(&self, seconds: u64) {
            self.clock.0.fetch_add(seconds, Ordering::SeqCst);
        }

        fn asked(&self) -> usize {
            self.aws.asked.swap(0, Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_at_once_make_one_call() {
        let scene = Scene::new(200, MEMBER);
        let answers = join_all((0..100).map(|_| scene.membership())).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Membership::Member { .. }))));
        assert_eq!(scene.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_is_known_for_ten_minutes_at_the_most() {
        let scene = Scene::new(200, MEMBER);
        scene.membership().await.unwrap();
        scene.wait(599);
        scene.membership().await.unwrap();
        assert_eq!(scene.asked(), 1);
        *scene.aws.answer.lock().unwrap() = (400, DENIED);
        scene.wait(1);
        assert!(scene.membership().await.is_err(), "what is too old is used by nobody");
        assert!(scene.membership().await.is_err(), "nor is a failure kept");
        assert_eq!(scene.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn that_an_account_is_outside_is_known_for_a_minute() {
        let scene = Scene::new(400, OUTSIDE);
        for (wait, asked) in [(0, 1), (59, 0), (1, 1)] {
            scene.wait(wait);
            assert_eq!(scene.membership().await, Ok(Membership::Outside));
            assert_eq!(scene.asked(), asked);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_makes_nothing_younger() {
        let scene = Scene::new(200, MEMBER);
        scene.membership().await.unwrap();
        scene.clock.0.store(9_000, Ordering::SeqCst);
        scene.membership().await.unwrap();
        assert_eq!(scene.asked(), 2);
    }

    #[test]
    fn lifetimes_differ_within_their_bounds() {
        let member = Membership::Member { organization_id: String::new(), unit_paths: None };
        assert_eq!(lifetime_of(&member, &Same(0)), Duration::from_secs(480));
        assert_eq!(lifetime_of(&member, &Same(255)), Duration::from_secs(600));
        assert_eq!(lifetime_of(&member, &Exhausted), Duration::from_secs(480));
        for other in [Membership::Outside, Membership::Inactive("CLOSED".to_owned())] {
            assert_eq!(lifetime_of(&other, &Same(255)), Duration::from_secs(60));
        }
    }
}
