//! Looking things up in AWS for one request: with one configuration, and until one deadline.

use std::future::Future;
use std::time::SystemTime;

use futures_util::FutureExt;

use crate::accounts::clients::{AwsClients, ConfigSnapshot};
use crate::accounts::shared_iam::SharedIam;
use crate::aws::arn::AccountId;
use crate::aws::attempts::Deadline;
use crate::aws::ec2::Description;
use crate::aws::endpoints::{Partition, Region};
use crate::aws::iam::IamClient;
use crate::aws::query::CallContext;
use crate::entry::StsConfig;
use crate::go::text::quote;
use crate::store::Store;

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

    /// IAM of an account.
    ///
    /// # Errors
    /// Why there is no client for it.
    pub async fn iam(self, partition: Partition, account: &AccountId) -> Result<IamClient, String> {
        let sts = self.sts_config(account).await?;
        self.clients.iam(self.snapshot, partition, account, sts.as_ref().as_ref(), self.deadline).await
    }

    /// IAM of an account, for look-ups that other requests may want at the same time.
    ///
    /// # Errors
    /// Why there is no client for it.
    pub async fn shared_iam(
        self,
        partition: Partition,
        account: &AccountId,
    ) -> Result<SharedIam<'a>, String> {
        let Self { clients, snapshot, deadline, .. } = self;
        let sts = self.sts_config(account).await?;
        clients.shared_iam(snapshot, partition, account, sts.as_ref().as_ref(), deadline).await
    }

    /// An instance of an account in a region.
    ///
    /// # Errors
    /// Why there is no client for it, or no answer.
    pub async fn describe_instance(
        self,
        region: &Region,
        account: &AccountId,
        id: &str,
    ) -> Result<Description, String> {
        let Self { clients, snapshot, deadline, .. } = self;
        let sts = self.sts_config(account).await?;
        let sts = sts.as_ref().as_ref();
        let description = clients.describe_instance(snapshot, region, account, sts, deadline, id).await?;
        description
            .map_err(|error| format!("error fetching description for instance ID {}: {error}", quote(id)))
    }

    async fn sts_config(self, account: &AccountId) -> Result<std::sync::Arc<Option<StsConfig>>, String> {
        self.store.sts_config(account).await.map_err(|failure| {
            format!("error fetching STS config for account ID {}: {failure}", quote(account.as_str()))
        })
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

impl From<OutOfTime> for String {
    fn from(_: OutOfTime) -> Self {
        "gave up waiting for AWS".to_owned()
    }
}
