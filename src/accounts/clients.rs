//! Clients for the accounts that logins come from.
//!
//! A client belongs to exactly one account. An account is reached through the role configured for it
//! in `config/sts`, or, if it is the server's own, with the server's credentials; any other is
//! refused on every request that needs it. The key of a cached client holds everything that tells
//! one from another, so that no client ever answers for an account it is not for.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use lru::LruCache;

use super::credentials::{ServerCredentials, are_fresh, own_sts};
use super::instance_batches::InstanceBatches;
use super::shared_iam::{IamFlights, SharedIam};
use crate::aws::arn::AccountId;
use crate::aws::attempts::Deadline;
use crate::aws::calls::Calls;
use crate::aws::ec2::{Description, Ec2Client};
use crate::aws::endpoints::{Endpoint, Partition, Region, Service};
use crate::aws::error::CallError;
use crate::aws::iam::IamClient;
use crate::aws::query::{CallContext, attempts};
use crate::aws::sts::StsCaller;
use crate::concurrency::cache_status::{CacheStatus, HitCounter};
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::{ClientConfig, StsConfig};
use crate::go::text::quote;
use crate::mount::Environment;
use crate::ports::SystemView;

/// Sessions of assumed roles kept per mount.
const MAX_SESSIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// The client configuration as one request sees it.
#[derive(Clone)]
pub struct ConfigSnapshot {
    /// What is stored, or the defaults.
    pub config: Arc<ClientConfig>,
    /// Whether anything is stored.
    pub is_stored: bool,
    /// Rises with every change to `config/client` and `config/sts`.
    pub generation: u64,
}

/// Everything that tells one client from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey {
    /// The mount.
    pub mount: String,
    /// Partition of the region.
    pub partition: Partition,
    /// Account that it is for.
    pub account: AccountId,
    /// Region.
    pub region: Region,
    /// The role that is assumed; empty for the server's own credentials.
    pub role_arn: String,
    /// What is said when the role is assumed; empty for none.
    pub external_id: String,
    /// Generation of the configuration.
    pub generation: u64,
}

/// The server's credentials under one generation of the configuration, and whose they are.
struct Own {
    generation: u64,
    credentials: Arc<ServerCredentials>,
    account: Mutex<Option<AccountId>>,
    flights: SingleFlight<(), Result<AccountId, String>>,
}

/// The AWS clients of one mount.
pub struct AwsClients {
    environment: Arc<Environment>,
    system_view: Arc<dyn SystemView>,
    mount: String,
    own: Mutex<Option<Arc<Own>>>,
    sessions: Arc<Mutex<LruCache<ClientKey, Credentials>>>,
    sessions_asked: HitCounter,
    flights: SingleFlight<ClientKey, Result<Credentials, String>>,
    calls: Arc<Calls>,
    instance_batches: Arc<InstanceBatches>,
    iam_flights: IamFlights,
}

impl AwsClients {
    /// The clients of a mount.
    #[must_use]
    pub fn new(environment: Arc<Environment>, system_view: Arc<dyn SystemView>, mount: String) -> Self {
        Self {
            environment,
            system_view,
            mount,
            own: Mutex::default(),
            sessions: Arc::new(Mutex::new(LruCache::unbounded())),
            sessions_asked: HitCounter::default(),
            flights: SingleFlight::default(),
            calls: Arc::default(),
            instance_batches: Arc::default(),
            iam_flights: IamFlights::default(),
        }
    }

    /// The books about the calls.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// How full and how useful the cache of assumed roles is.
    #[must_use]
    pub fn sessions_status(&self) -> CacheStatus {
        let entries = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.sessions_asked.status(entries, MAX_SESSIONS.get())
    }

    /// The account of the server's own credentials, if it is known.
    #[must_use]
    pub fn own_account(&self, snapshot: &ConfigSnapshot) -> Option<AccountId> {
        self.own(snapshot).account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time by which credentials and look-ups are judged.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.environment.clock.now()
    }

    /// How calls of one request run.
    #[must_use]
    pub fn context(&self, snapshot: &ConfigSnapshot, deadline: Deadline) -> CallContext<'_> {
        CallContext {
            transport: self.environment.transport.as_ref(),
            random: self.environment.random.as_ref(),
            now: self.environment.clock.now(),
            deadline,
            max_attempts: attempts(snapshot.config.max_retries),
            calls: &self.calls,
        }
    }

    /// IAM of an account.
    ///
    /// # Errors
    /// Why there is no client.
    pub async fn iam(
        &self,
        snapshot: &ConfigSnapshot,
        partition: Partition,
        account: &AccountId,
        sts: Option<&StsConfig>,
        deadline: Deadline,
    ) -> Result<IamClient, String> {
        let region = partition.iam_region();
        let credentials = self.credentials(snapshot, &region, account, sts, deadline).await?;
        let endpoint = endpoint(&snapshot.config.iam_endpoint, Service::Iam, &region)?;
        Ok(IamClient { account: account.clone(), endpoint, region, credentials })
    }

    async fn ec2(
        &self,
        snapshot: &ConfigSnapshot,
        region: &Region,
        account: &AccountId,
        sts: Option<&StsConfig>,
        deadline: Deadline,
    ) -> Result<Ec2Client, String> {
        let credentials = self.credentials(snapshot, region, account, sts, deadline).await?;
        let endpoint = endpoint(&snapshot.config.endpoint, Service::Ec2, region)?;
        Ok(Ec2Client { account: account.clone(), endpoint, region: region.clone(), credentials })
    }

    /// Describes an instance of an account, in one call with others that are asked for at the same time.
    ///
    /// # Errors
    /// Why there is no client, or why the call failed.
    pub async fn describe_instance(
        &self,
        snapshot: &ConfigSnapshot,
        region: &Region,
        account: &AccountId,
        sts: Option<&StsConfig>,
        deadline: Deadline,
        id: &str,
    ) -> Result<Result<Description, CallError>, String> {
        let client = self.ec2(snapshot, region, account, sts, deadline).await?;
        let key = self.key(snapshot, region, account, sts);
        let shared = self.shared_calls(snapshot);
        Ok(self.instance_batches.describe(key, client, shared, id, deadline).await)
    }

    /// IAM of an account, for look-ups that may be those of others as well.
    ///
    /// # Errors
    /// Why there is no client.
    pub async fn shared_iam(
        &self,
        snapshot: &ConfigSnapshot,
        partition: Partition,
        account: &AccountId,
        sts: Option<&StsConfig>,
        deadline: Deadline,
    ) -> Result<SharedIam<'_>, String> {
        let client = self.iam(snapshot, partition, account, sts, deadline).await?;
        let key = self.key(snapshot, &client.region, account, sts);
        let calls = self.shared_calls(snapshot);
        Ok(SharedIam { flights: &self.iam_flights, key, client, calls, deadline })
    }

    fn shared_calls(&self, snapshot: &ConfigSnapshot) -> SharedCalls {
        let max_attempts = attempts(snapshot.config.max_retries);
        SharedCalls::new(Arc::clone(&self.environment), Arc::clone(&self.calls), max_attempts)
    }

    fn key(
        &self,
        snapshot: &ConfigSnapshot,
        region: &Region,
        account: &AccountId,
        sts: Option<&StsConfig>,
    ) -> ClientKey {
        let (role_arn, external_id) =
            sts.map_or(("", ""), |sts| (sts.sts_role.as_str(), sts.external_id.as_str()));
        ClientKey {
            mount: self.mount.clone(),
            partition: region.partition(),
            account: account.clone(),
            region: region.clone(),
            role_arn: role_arn.to_owned(),
            external_id: external_id.to_owned(),
            generation: snapshot.generation,
        }
    }

    /// Takes over from one configuration to another whose account the server's own credentials belong
    /// to: after a rotation it is the same.
    pub fn keep_own_account(&self, before: &ConfigSnapshot, after: &ConfigSnapshot) {
        let account = self.own_account(before);
        if account.is_some() {
            *self.own(after).account.lock().unwrap_or_else(PoisonError::into_inner) = account;
        }
    }

    async fn credentials(
        &self,
        snapshot: &ConfigSnapshot,
        region: &Region,
        account: &AccountId,
        sts: Option<&StsConfig>,
        deadline: Deadline,
    ) -> Result<Credentials, String> {
        let asked = Asked { own: self.own(snapshot), snapshot, region, account, deadline };
        match sts {
            Some(sts) => self.assumed(&asked, sts).await,
            None => self.own_if_it_is(&asked).await,
        }
    }

    fn own(&self, snapshot: &ConfigSnapshot) -> Arc<Own> {
        let mut current = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = current.as_ref().filter(|own| own.generation == snapshot.generation) {
            return Arc::clone(own);
        }
        let own = Arc::new(Own {
            generation: snapshot.generation,
            credentials: Arc::new(ServerCredentials::new(
                Arc::clone(&self.environment),
                Arc::clone(&self.system_view),
                Arc::clone(&snapshot.config),
                Arc::clone(&self.calls),
            )),
            account: Mutex::default(),
            flights: SingleFlight::default(),
        });
        // A request that still sees an older configuration must not displace the newer one.
        if current.as_ref().is_none_or(|newer| newer.generation < own.generation) {
            *current = Some(Arc::clone(&own));
        }
        own
    }

    async fn own_if_it_is(&self, asked: &Asked<'_>) -> Result<Credentials, String> {
        let Asked { own, snapshot, region, account, .. } = asked;
        let known = own.account.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let own_account = match known {
            Some(known) => known,
            None => {
                let credentials = asked.server_credentials().await?;
                let shared_calls = self.shared_calls(snapshot);
                let (snapshot, region) = ((*snapshot).clone(), (*region).clone());
                let shared = Arc::clone(own);
                let answer = own.flights.run((), async move {
                    let context = shared_calls.context(Deadline::start());
                    let account = whose(&snapshot, &credentials, &region, context).await?;
                    *shared.account.lock().unwrap_or_else(PoisonError::into_inner) = Some(account.clone());
                    Ok(account)
                });
                asked.wait("GetCallerIdentity", answer).await?
            }
        };
        if own_account != **account {
            return Err(format!(
                "unable to fetch client for account ID {} -- default client is for account {}",
                quote(account.as_str()),
                quote(own_account.as_str())
            ));
        }
        asked.server_credentials().await
    }

    async fn assumed(&self, asked: &Asked<'_>, sts: &StsConfig) -> Result<Credentials, String> {
        let Asked { snapshot, region, account, .. } = asked;
        let key = self.key(snapshot, region, account, Some(sts));
        let now = self.environment.clock.now();
        let cached = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let fresh = cached.filter(|credentials| are_fresh(credentials, now));
        if let Some(credentials) = self.sessions_asked.count(fresh) {
            return Ok(credentials);
        }
        let server = asked.server_credentials().await?;
        let calls = self.shared_calls(snapshot);
        let (snapshot, region) = ((*snapshot).clone(), (*region).clone());
        let (sessions, session) = (Arc::clone(&self.sessions), key.clone());
        let answer = self.flights.run(key, async move {
            let context = calls.context(Deadline::start());
            let credentials = assume(&snapshot, &server, &region, &session, context).await?;
            let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.put(session, credentials.clone());
            if sessions.len() > MAX_SESSIONS.get() {
                sessions.pop_lru();
            }
            Ok(credentials)
        });
        asked.wait("AssumeRole", answer).await
    }
}

/// What calls run with that more than one request may wait for: they may outlive the one that began
/// them, and have time of their own.
#[derive(Clone)]
pub struct SharedCalls {
    environment: Arc<Environment>,
    calls: Arc<Calls>,
    max_attempts: u32,
}

impl SharedCalls {
    /// Calls through an environment, counted in these books, each tried so often.
    #[must_use]
    pub fn new(environment: Arc<Environment>, calls: Arc<Calls>, max_attempts: u32) -> Self {
        Self { environment, calls, max_attempts }
    }

    /// How they run.
    #[must_use]
    pub fn context(&self, deadline: Deadline) -> CallContext<'_> {
        CallContext {
            transport: self.environment.transport.as_ref(),
            random: self.environment.random.as_ref(),
            now: self.environment.clock.now(),
            deadline,
            max_attempts: self.max_attempts,
            calls: &self.calls,
        }
    }

    /// Where they are counted.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }
}

/// What credentials are asked for, and how long the request that asks can wait.
struct Asked<'a> {
    own: Arc<Own>,
    snapshot: &'a ConfigSnapshot,
    region: &'a Region,
    account: &'a AccountId,
    deadline: Deadline,
}

impl Asked<'_> {
    async fn server_credentials(&self) -> Result<Credentials, String> {
        let credentials = self.deadline.limit_call(self.own.credentials.get(self.region)).await;
        credentials
            .unwrap_or_else(|| Err("looking for the server's own credentials took too long".to_owned()))
    }

    /// Waits for a call of the server to STS that others may wait for as well. It has a time of its
    /// own, so this request may end before it.
    async fn wait<T>(
        &self,
        action: &str,
        call: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        match self.deadline.limit_call(call).await {
            Some(result) => result,
            None => {
                let (endpoint, _) = own_sts(&self.snapshot.config, self.region)?;
                Err(format!("{action} at {endpoint}: no answer in the time of this request"))
            }
        }
    }
}

/// Where a service is: at the configured URL, or where AWS has it.
///
/// # Errors
/// A sentence for the operator.
pub fn endpoint(configured: &str, service: Service, region: &Region) -> Result<Endpoint, String> {
    if configured.is_empty() {
        Endpoint::of_service(service, region)
    } else {
        Endpoint::configured(configured)
    }
}

async fn whose(
    snapshot: &ConfigSnapshot,
    server: &Credentials,
    region: &Region,
    context: CallContext<'_>,
) -> Result<AccountId, String> {
    let (endpoint, region) = own_sts(&snapshot.config, region)?;
    let account = &AccountId::default();
    let caller = StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(server) };
    let identity = caller
        .get_caller_identity(context)
        .await
        .map_err(|error| format!("unable to fetch current caller: {error}"))?;
    Ok(AccountId::new(identity.account()))
}

async fn assume(
    snapshot: &ConfigSnapshot,
    server: &Credentials,
    region: &Region,
    session: &ClientKey,
    context: CallContext<'_>,
) -> Result<Credentials, String> {
    let (endpoint, region) = own_sts(&snapshot.config, region)?;
    let account = &session.account;
    let caller = StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(server) };
    caller
        .assume_role(&session.role_arn, &session.external_id, context)
        .await
        .map_err(|error| error.to_string())
}
