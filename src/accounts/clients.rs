//! The AWS clients of one mount.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::credentials::ServerCredentials;
use super::crowd::Crowd;
use super::instance_batches::InstanceBatches;
use super::organizations::Organizations;
use super::own::Own;
use super::sessions::Sessions;
use super::shared_calls::SharedCalls;
use super::shared_iam::IamFlights;
use crate::aws::arn::AccountId;
use crate::aws::calls::Calls;
use crate::aws::context::{CallContext, attempts};
use crate::aws::deadline::Deadline;
use crate::concurrency::cache_status::CacheStatus;
use crate::issuer::identity_tokens::IdentityTokens;
use crate::ports::World;
use crate::store::ConfigSnapshot;

/// What the requests of one mount share when they reach AWS.
pub struct AwsClients {
    world: Arc<World>,
    identity_tokens: Arc<IdentityTokens>,
    mount: String,
    own: Mutex<Option<Arc<Own>>>,
    calls: Arc<Calls>,
    pub(super) sessions: Sessions,
    pub(super) instance_batches: Arc<InstanceBatches>,
    pub(super) iam_flights: IamFlights,
    pub(super) organizations: Arc<Organizations>,
}

impl AwsClients {
    /// The clients of a mount, whose logins are in this crowd before they ask for an instance.
    #[must_use]
    pub fn new(
        world: Arc<World>,
        identity_tokens: Arc<IdentityTokens>,
        mount: String,
        arriving: Arc<Crowd>,
    ) -> Self {
        Self {
            world,
            identity_tokens,
            mount,
            own: Mutex::default(),
            calls: Arc::default(),
            sessions: Sessions::default(),
            instance_batches: Arc::new(InstanceBatches::new(arriving)),
            iam_flights: IamFlights::default(),
            organizations: Arc::default(),
        }
    }

    /// The id of the mount they are for.
    pub(super) fn mount(&self) -> &str {
        &self.mount
    }

    /// The books about the calls.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// How full and how useful the cache of assumed roles is.
    #[must_use]
    pub fn sessions_status(&self) -> CacheStatus {
        self.sessions.status()
    }

    /// The account of the server's own credentials, if it is known.
    #[must_use]
    pub fn own_account(&self, snapshot: &ConfigSnapshot) -> Option<AccountId> {
        self.own(snapshot).account()
    }

    /// Takes over from one configuration to another whose account the server's own credentials belong
    /// to: after a rotation it is the same.
    pub fn keep_own_account(&self, before: &ConfigSnapshot, after: &ConfigSnapshot) {
        if let Some(account) = self.own_account(before) {
            self.own(after).set_account(account);
        }
    }

    /// Forgets credentials, those of the configuration and those of assumed roles: it was changed or deleted, and
    /// nothing of the older one is used again.
    pub fn forget_credentials(&self) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.sessions.forget();
        self.organizations.clear();
    }

    /// The time by which credentials and look-ups are judged.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.world.clock.now()
    }

    /// How calls of one request run.
    #[must_use]
    pub fn context(&self, snapshot: &ConfigSnapshot, deadline: Deadline) -> CallContext<'_> {
        CallContext::new(&self.world, &self.calls, attempts(snapshot.config.max_retries), deadline)
    }

    pub(super) fn shared_calls(&self, snapshot: &ConfigSnapshot) -> SharedCalls {
        let max_attempts = attempts(snapshot.config.max_retries);
        SharedCalls::new(Arc::clone(&self.world), Arc::clone(&self.calls), max_attempts)
    }

    pub(super) fn own(&self, snapshot: &ConfigSnapshot) -> Arc<Own> {
        let mut current = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = current.as_ref().filter(|own| own.generation() == snapshot.generation) {
            return Arc::clone(own);
        }
        let credentials = ServerCredentials::new(
            Arc::clone(&self.world),
            Arc::clone(&self.identity_tokens),
            Arc::clone(&snapshot.config),
            Arc::clone(&self.calls),
        );
        let own = Arc::new(Own::new(snapshot.generation, credentials));
        // A request that still sees an older configuration must not displace the newer one.
        if current.as_ref().is_none_or(|newer| newer.generation() < own.generation()) {
            *current = Some(Arc::clone(&own));
        }
        own
    }
}
