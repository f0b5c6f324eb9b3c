//! Sessions of the roles that the server assumes in other accounts.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;

use super::asked::Asked;
use super::credentials::{are_fresh, own_sts};
use super::key::ClientKey;
use super::look_up_error::LookUpError;
use super::own::Own;
use super::shared_calls::SharedCalls;
use crate::aws::context::CallContext;
use crate::aws::deadline::Deadline;
use crate::aws::region::Region;
use crate::aws::sts::StsCaller;
use crate::concurrency::bounded_cache::BoundedCache;
use crate::concurrency::cache_status::CacheStatus;
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::ClientConfig;

/// Sessions kept per mount.
const MAX_SESSIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// The sessions of one mount, each by everything that it was made from.
pub(super) struct Sessions {
    known: Arc<BoundedCache<ClientKey, Credentials>>,
    flights: SingleFlight<ClientKey, Result<Credentials, LookUpError>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { known: Arc::new(BoundedCache::new(MAX_SESSIONS)), flights: SingleFlight::default() }
    }
}

impl Sessions {
    /// How full and how useful the cache is.
    pub(super) fn status(&self) -> CacheStatus {
        self.known.status()
    }

    /// Forgets all sessions.
    pub(super) fn forget(&self) {
        self.known.clear();
    }

    /// A session that is still good for a while, and was counted as found or not.
    pub(super) fn fresh(&self, key: &ClientKey, now: SystemTime) -> Option<Credentials> {
        self.known.get_if(key, |credentials| are_fresh(credentials, now))
    }

    /// Assumes the role of a key, in one call for all who ask for it at the same time.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub(super) async fn assume(
        &self,
        key: ClientKey,
        own: &Own,
        asked: &Asked<'_>,
        calls: SharedCalls,
    ) -> Result<Credentials, LookUpError> {
        let server = own.get(asked).await?;
        let (config, region) = (Arc::clone(&asked.snapshot.config), asked.region.clone());
        let (known, session) = (Arc::clone(&self.known), key.clone());
        let answer = self.flights.run(key, async move {
            let context = calls.context(Deadline::start());
            let credentials = assume(&config, &server, (&region, &session), context).await?;
            known.put(session, credentials.clone());
            Ok(credentials)
        });
        asked.wait("AssumeRole", answer).await
    }
}

async fn assume(
    config: &ClientConfig,
    server: &Credentials,
    (region, session): (&Region, &ClientKey),
    context: CallContext<'_>,
) -> Result<Credentials, LookUpError> {
    let (endpoint, region) = own_sts(config, region)?;
    let account = &session.account;
    let caller = StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(server) };
    Ok(caller.assume_role(&session.role_arn, &session.external_id, context).await?)
}
