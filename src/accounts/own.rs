//! The server's own credentials under one configuration, and whose they are.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;

use super::asked::Asked;
use super::credentials::{ServerCredentials, own_sts};
use super::look_up_error::LookUpError;
use super::shared_calls::SharedCalls;
use crate::aws::arn::AccountId;
use crate::aws::context::CallContext;
use crate::aws::deadline::Deadline;
use crate::aws::region::Region;
use crate::aws::sts::StsCaller;
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::ClientConfig;

/// The server's credentials under one generation of the configuration, and whose they are.
pub(super) struct Own {
    generation: u64,
    credentials: ServerCredentials,
    account: Mutex<Option<AccountId>>,
    flights: SingleFlight<(), Result<AccountId, LookUpError>>,
}

impl Own {
    pub(super) fn new(generation: u64, credentials: ServerCredentials) -> Self {
        Self { generation, credentials, account: Mutex::default(), flights: SingleFlight::default() }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The account they are of, if it is known.
    pub(super) fn account(&self) -> Option<AccountId> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_account(&self, account: AccountId) {
        *self.account.lock().unwrap_or_else(PoisonError::into_inner) = Some(account);
    }

    /// The credentials.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub(super) async fn get(&self, asked: &Asked<'_>) -> Result<Credentials, LookUpError> {
        let credentials = asked.deadline.limit_call(self.credentials.get(asked.region)).await;
        credentials.unwrap_or(Err(LookUpError::CredentialsTooLate))
    }

    /// The credentials, if the account asked for is theirs.
    ///
    /// # Errors
    /// It is another, or nobody can tell.
    pub(super) async fn get_if_of(
        self: &Arc<Self>,
        account: &AccountId,
        asked: &Asked<'_>,
        calls: SharedCalls,
    ) -> Result<Credentials, LookUpError> {
        let own_account = match self.account() {
            Some(known) => known,
            None => {
                let credentials = self.get(asked).await?;
                let (config, region) = (Arc::clone(&asked.snapshot.config), asked.region.clone());
                let own = Arc::clone(self);
                let answer = self.flights.run((), async move {
                    let context = calls.context(Deadline::start());
                    let account = whose(&config, &credentials, &region, context).await?;
                    own.set_account(account.clone());
                    Ok(account)
                });
                asked.wait("GetCallerIdentity", answer).await?
            }
        };
        if own_account != *account {
            return Err(LookUpError::AccountNotConfigured { account: account.clone(), own: own_account });
        }
        self.get(asked).await
    }
}

async fn whose(
    config: &ClientConfig,
    server: &Credentials,
    region: &Region,
    context: CallContext<'_>,
) -> Result<AccountId, LookUpError> {
    let (endpoint, region) = own_sts(config, region)?;
    let account = &AccountId::default();
    let caller = StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(server) };
    let identity = caller.get_caller_identity(context).await.map_err(LookUpError::OwnAccount)?;
    Ok(AccountId::new(identity.account()))
}
