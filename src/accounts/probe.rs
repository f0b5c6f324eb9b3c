//! What the doctor asks AWS: whether the server's credentials, the roles of `config/sts` and the permissions of both
//! do what the mount needs of them.
//!
//! Each question is one signed call of the usual kind, so that the budgets hold and the books count it, and it is
//! tried once: what a second attempt would hide is what the doctor looks for. Sessions that it makes are its own;
//! no login is served from them.

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;

use super::asked::Asked;
use super::clients::AwsClients;
use super::credentials::own_sts;
use super::look_up_error::LookUpError;
use crate::aws::arn::{AccountId, EntityKind};
use crate::aws::context::CallContext;
use crate::aws::deadline::Deadline;
use crate::aws::ec2::{Description, Ec2Client};
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::iam::{IamClient, IamEntity, InstanceProfile};
use crate::aws::organizations::{Membership, OrganizationsClient};
use crate::aws::region::{Partition, Region};
use crate::aws::sts::{CallerIdentity, StsCaller};
use crate::entry::{ClientConfig, StsConfig};
use crate::store::ConfigSnapshot;

/// AWS as one probe reaches it: under one configuration, and until the probe's own deadline.
#[derive(Clone, Copy)]
pub struct Prober<'a> {
    clients: &'a AwsClients,
    snapshot: &'a ConfigSnapshot,
    /// Where the server calls STS for itself unless the configuration says it.
    region: &'a Region,
    deadline: Deadline,
}

impl<'a> Prober<'a> {
    /// AWS through the clients of a mount.
    #[must_use]
    pub fn new(
        clients: &'a AwsClients,
        snapshot: &'a ConfigSnapshot,
        region: &'a Region,
        deadline: Deadline,
    ) -> Self {
        Self { clients, snapshot, region, deadline }
    }

    fn context(self) -> CallContext<'a> {
        CallContext { max_attempts: 1, ..self.clients.context(self.snapshot, self.deadline) }
    }

    /// The server's own credentials, as a login would get them.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn own_credentials(self) -> Result<Credentials, LookUpError> {
        let Self { clients, snapshot, region, deadline } = self;
        clients.own(snapshot).get(&Asked { snapshot, region, deadline }).await
    }

    /// Who has these credentials.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn identity(
        self,
        account: &AccountId,
        credentials: &Credentials,
    ) -> Result<CallerIdentity, LookUpError> {
        let (endpoint, region) = own_sts(&self.snapshot.config, self.region)?;
        let caller =
            StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(credentials) };
        Ok(caller.get_caller_identity(self.context()).await?)
    }

    /// A session of the role of an account in `config/sts`, for this probe alone.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn assume(self, account: &AccountId, via: &StsConfig) -> Result<Credentials, LookUpError> {
        let server = self.own_credentials().await?;
        let (endpoint, region) = own_sts(&self.snapshot.config, self.region)?;
        let caller = StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(&server) };
        Ok(caller.assume_role(&via.sts_role, &via.external_id, self.context()).await?)
    }

    /// A user or role of an account.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn iam_entity(
        self,
        partition: Partition,
        account: &AccountId,
        credentials: Credentials,
        (kind, name): (EntityKind, &str),
    ) -> Result<IamEntity, LookUpError> {
        let client = self.iam(partition, account, credentials)?;
        Ok(match kind {
            EntityKind::User => client.get_user(name, self.context()).await?,
            EntityKind::Role | EntityKind::AssumedRole => client.get_role(name, self.context()).await?,
            EntityKind::InstanceProfile => return Err(LookUpError::NotAPrincipal(kind)),
        })
    }

    /// An instance profile of an account.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn instance_profile(
        self,
        partition: Partition,
        account: &AccountId,
        credentials: Credentials,
        name: &str,
    ) -> Result<InstanceProfile, LookUpError> {
        let client = self.iam(partition, account, credentials)?;
        Ok(client.get_instance_profile(name, self.context()).await?)
    }

    /// An instance of an account.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn instance(
        self,
        account: &AccountId,
        region: &Region,
        credentials: Credentials,
        id: &str,
    ) -> Result<Description, LookUpError> {
        let endpoint = Endpoint::of(&self.snapshot.config.endpoint, Service::Ec2, region)?;
        let client = Ec2Client { account: account.clone(), endpoint, region: region.clone(), credentials };
        Ok(client.describe_instance(id, self.context()).await?)
    }

    /// Where an account is in Organizations.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub async fn membership(
        self,
        partition: Partition,
        account: &AccountId,
        credentials: Credentials,
    ) -> Result<Membership, LookUpError> {
        let region = partition.organizations_region();
        let configured = &self.snapshot.config.organizations_endpoint;
        let endpoint = Endpoint::of(configured, Service::Organizations, &region)?;
        let client = OrganizationsClient { endpoint, region, credentials };
        let answer = client.describe_account(account, self.context()).await;
        answer.map_err(|cause| LookUpError::Organization { account: account.clone(), cause })
    }

    fn iam(
        self,
        partition: Partition,
        account: &AccountId,
        credentials: Credentials,
    ) -> Result<IamClient, LookUpError> {
        let region = partition.iam_region();
        let endpoint = Endpoint::of(&self.snapshot.config.iam_endpoint, Service::Iam, &region)?;
        Ok(IamClient { account: account.clone(), endpoint, region, credentials })
    }
}

/// Where the server's own credentials come from, in the order in which the sources are asked.
pub const SOURCES: [&str; 7] = [
    "config/client",
    "identity token of the host",
    "environment",
    "profile",
    "web identity",
    "container",
    "instance",
];

/// Which of the [`SOURCES`] has given credentials; `None` for one that none of them names.
#[must_use]
pub fn source_of(config: &ClientConfig, credentials: &Credentials) -> Option<&'static str> {
    let [of_config, of_token, environment, profile, web_identity, container, instance] = SOURCES;
    if !config.access_key.is_empty() {
        return Some(of_config);
    }
    if !config.identity_token_audience.is_empty() {
        return Some(of_token);
    }
    // A later feature says by what the first source got them: a profile may name a container.
    credentials.get_property::<Vec<AwsCredentialFeature>>()?.iter().find_map(|feature| match feature {
        AwsCredentialFeature::CredentialsEnvVars => Some(environment),
        AwsCredentialFeature::CredentialsProfile
        | AwsCredentialFeature::CredentialsProfileSourceProfile
        | AwsCredentialFeature::CredentialsProfileNamedProvider
        | AwsCredentialFeature::CredentialsProfileStsWebIdToken
        | AwsCredentialFeature::CredentialsProfileProcess
        | AwsCredentialFeature::CredentialsProfileSso => Some(profile),
        AwsCredentialFeature::CredentialsEnvVarsStsWebIdToken
        | AwsCredentialFeature::CredentialsStsAssumeRoleWebId => Some(web_identity),
        AwsCredentialFeature::CredentialsHttp => Some(container),
        AwsCredentialFeature::CredentialsImds => Some(instance),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_the_first_that_has_any() {
        let config = |key: &str, audience: &str| ClientConfig {
            access_key: key.to_owned(),
            identity_token_audience: audience.to_owned(),
            ..ClientConfig::default()
        };
        let mut found = Credentials::new("AKID", "secret", None, None, "test");
        assert_eq!(source_of(&config("", ""), &found), None);
        found
            .get_property_mut_or_default::<Vec<AwsCredentialFeature>>()
            .push(AwsCredentialFeature::CredentialsImds);
        assert_eq!(source_of(&config("", ""), &found), Some("instance"));
        assert_eq!(source_of(&config("", "aud"), &found), Some("identity token of the host"));
        assert_eq!(source_of(&config("AKID", ""), &found), Some("config/client"));
    }
}
