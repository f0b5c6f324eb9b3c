//! Looking things up in AWS for one request: with one configuration, and until one deadline.

use std::future::Future;
use std::time::SystemTime;

use futures_util::FutureExt;

use super::asked::Asked;
use crate::accounts::clients::AwsClients;
use crate::accounts::look_up_error::LookUpError;
use crate::accounts::route::AccountRoute;
use crate::aws::arn::AccountId;
use crate::aws::context::CallContext;
use crate::aws::deadline::Deadline;
use crate::aws::organizations::Membership;
use crate::aws::region::Partition;
use crate::store::{ConfigSnapshot, Store};

/// What the look-ups of one request share.
#[derive(Clone, Copy)]
pub struct LookUp<'a> {
    clients: &'a AwsClients,
    store: &'a Store,
    snapshot: &'a ConfigSnapshot,
    deadline: Deadline,
}

impl<'a> LookUp<'a> {
    /// Look-ups through the clients of a mount, reached as its entries say.
    #[must_use]
    pub fn new(
        clients: &'a AwsClients,
        store: &'a Store,
        snapshot: &'a ConfigSnapshot,
        deadline: Deadline,
    ) -> Self {
        Self { clients, store, snapshot, deadline }
    }

    /// The way to an account.
    ///
    /// # Errors
    /// Its entry in `config/sts` cannot be read.
    pub async fn account(self, account: &'a AccountId) -> Result<AccountRoute<'a>, LookUpError> {
        let Self { clients, store, snapshot, deadline } = self;
        let via = store.sts_config(account).await;
        let via = via.map_err(|cause| LookUpError::StsConfig { account: account.clone(), cause })?;
        Ok(AccountRoute { clients, snapshot, deadline, account, via })
    }

    /// Where an account is in Organizations, as it was at most ten minutes ago.
    ///
    /// # Errors
    /// Why nobody can tell.
    pub async fn membership(
        self,
        partition: Partition,
        account: &AccountId,
    ) -> Result<Membership, LookUpError> {
        let Self { clients, snapshot, deadline, .. } = self;
        let region = partition.organizations_region();
        let asked = Asked { snapshot, region: &region, deadline };
        let (own, calls) = (clients.own(snapshot), clients.shared_calls(snapshot));
        let answer = clients.organizations.look_up(&own, calls, asked, account);
        self.in_time(answer).await
    }

    /// How its calls run.
    #[must_use]
    pub fn context(self) -> CallContext<'a> {
        self.clients.context(self.snapshot, self.deadline)
    }

    /// The time by which what is known is judged.
    #[must_use]
    pub fn now(self) -> SystemTime {
        self.clients.now()
    }

    /// The generation of the configuration.
    #[must_use]
    pub fn generation(self) -> u64 {
        self.snapshot.generation
    }

    /// The result of some work, or that it was not done by the deadline.
    ///
    /// # Errors
    /// Those of the work, and that time is up.
    pub fn in_time<T, E: From<OutOfTime>>(
        self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        // On the heap: most requests look nothing up, and the future of a request is copied as a whole.
        let limited = self.deadline.limit(Box::pin(work));
        limited.map(|result| result.unwrap_or_else(|| Err(OutOfTime.into())))
    }
}

/// AWS did not answer everything by the deadline.
#[derive(Clone, Copy, Debug)]
pub struct OutOfTime;

impl From<OutOfTime> for LookUpError {
    fn from(_: OutOfTime) -> Self {
        Self::OutOfTime
    }
}
