//! The way to one account.

use std::sync::Arc;

use aws_credential_types::Credentials;

use super::asked::Asked;
use super::clients::AwsClients;
use super::instance_batches::Wanted;
use super::key::ClientKey;
use super::look_up_error::LookUpError;
use super::shared_iam::SharedIam;
use crate::aws::arn::AccountId;
use crate::aws::deadline::Deadline;
use crate::aws::ec2::{Description, Ec2Client};
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::iam::IamClient;
use crate::aws::region::{Partition, Region};
use crate::entry::StsConfig;
use crate::store::ConfigSnapshot;

/// An account as one request reaches it: with its role in `config/sts`, or with the server's own
/// credentials. It holds everything that a [`ClientKey`] is made of, so that no part can be left out.
pub struct AccountRoute<'a> {
    pub(super) clients: &'a AwsClients,
    pub(super) snapshot: &'a ConfigSnapshot,
    pub(super) deadline: Deadline,
    pub(super) account: &'a AccountId,
    /// The role of the account, as it is stored.
    pub(super) via: Arc<Option<StsConfig>>,
}

impl<'a> AccountRoute<'a> {
    /// IAM of the account.
    ///
    /// # Errors
    /// Why there is no client.
    pub async fn iam(&self, partition: Partition) -> Result<IamClient, LookUpError> {
        let region = partition.iam_region();
        let credentials = self.credentials(&region).await?;
        let endpoint = Endpoint::of(&self.snapshot.config.iam_endpoint, Service::Iam, &region)?;
        Ok(IamClient { account: self.account.clone(), endpoint, region, credentials })
    }

    /// IAM of the account, for look-ups that other requests may want at the same time.
    ///
    /// # Errors
    /// Why there is no client.
    pub async fn shared_iam(&self, partition: Partition) -> Result<SharedIam<'a>, LookUpError> {
        let client = self.iam(partition).await?;
        let key = self.key(&client.region);
        let calls = self.clients.shared_calls(self.snapshot);
        Ok(SharedIam { flights: &self.clients.iam_flights, key, client, calls, deadline: self.deadline })
    }

    /// Describes an instance, in one call with others that are asked for at the same time.
    ///
    /// # Errors
    /// Why there is no client, or no answer.
    pub async fn describe_instance(
        &self,
        region: &Region,
        wanted: Wanted<'_>,
    ) -> Result<Description, LookUpError> {
        // Whoever waits for credentials of a slow account is not waited for by others.
        if let Some(arrival) = wanted.arrival {
            arrival.arrive();
        }
        let client = self.ec2(region).await?;
        let calls = self.clients.shared_calls(self.snapshot);
        let batches = &self.clients.instance_batches;
        let description = batches.describe(self.key(region), client, calls, wanted, self.deadline).await;
        description.map_err(|cause| LookUpError::Instance { id: wanted.id.to_owned(), cause })
    }

    async fn ec2(&self, region: &Region) -> Result<Ec2Client, LookUpError> {
        let credentials = self.credentials(region).await?;
        let endpoint = Endpoint::of(&self.snapshot.config.endpoint, Service::Ec2, region)?;
        Ok(Ec2Client { account: self.account.clone(), endpoint, region: region.clone(), credentials })
    }

    fn key(&self, region: &Region) -> ClientKey {
        let (role_arn, external_id) = self
            .via
            .as_ref()
            .as_ref()
            .map_or(("", ""), |sts| (sts.sts_role.as_str(), sts.external_id.as_str()));
        ClientKey {
            mount: self.clients.mount().to_owned(),
            partition: region.partition(),
            account: self.account.clone(),
            region: region.clone(),
            role_arn: role_arn.to_owned(),
            external_id: external_id.to_owned(),
            generation: self.snapshot.generation,
        }
    }

    async fn credentials(&self, region: &Region) -> Result<Credentials, LookUpError> {
        let Self { clients, snapshot, deadline, account, via } = self;
        let asked = Asked { snapshot, region, deadline: *deadline };
        let (own, calls) = (clients.own(snapshot), clients.shared_calls(snapshot));
        if via.is_none() {
            return own.get_if_of(account, &asked, calls).await;
        }
        let key = self.key(region);
        match clients.sessions.fresh(&key, clients.now()) {
            Some(credentials) => Ok(credentials),
            None => clients.sessions.assume(key, &own, &asked, calls).await,
        }
    }
}
