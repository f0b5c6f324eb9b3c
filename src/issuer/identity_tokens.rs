//! Tokens by which AWS knows the server: those of the host, and where it makes none, those of the mount.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::{IssuerError, token};
use crate::framework::HostFlavor;
use crate::ports::{IdentityToken, SystemView, SystemViewError, World, random_id, unix_seconds};
use crate::refusal::{Code, Coded};
use crate::store::Store;

/// The life of a token for which nobody wants another one, in seconds.
const DEFAULT_TTL: i64 = 3600;

/// Why there is no token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IdentityTokenError {
    /// The host makes none, and the mount is no issuer.
    #[error("{0}")]
    NoIssuer(SystemViewError),
    /// The host makes tokens, but not this one.
    #[error(transparent)]
    Host(SystemViewError),
    /// The mount did not make one.
    #[error(transparent)]
    Own(#[from] IssuerError),
}

impl Coded for IdentityTokenError {
    fn code(&self) -> Code {
        match self {
            Self::NoIssuer(error) | Self::Host(error) => error.code(),
            Self::Own(error) => error.code(),
        }
    }
}

/// The tokens of one mount.
pub struct IdentityTokens {
    host: Arc<dyn SystemView>,
    store: Arc<Store>,
    world: Arc<World>,
}

impl IdentityTokens {
    /// Those of a mount.
    #[must_use]
    pub fn new(host: Arc<dyn SystemView>, store: Arc<Store>, world: Arc<World>) -> Self {
        Self { host, store, world }
    }

    /// A token for an audience; a zero time to live leaves it to who makes it.
    ///
    /// # Errors
    /// See [`IdentityTokenError`].
    pub async fn token(&self, audience: &str, ttl: Duration) -> Result<IdentityToken, IdentityTokenError> {
        let error = match self.host.generate_identity_token(audience, ttl).await {
            Ok(token) => return Ok(token),
            Err(error) if makes_none(&error) => error,
            Err(error) => return Err(IdentityTokenError::Host(error)),
        };
        self.own(audience, ttl).await?.ok_or(IdentityTokenError::NoIssuer(error))
    }

    /// A token of the mount; `None` where it is no issuer.
    async fn own(&self, audience: &str, ttl: Duration) -> Result<Option<IdentityToken>, IssuerError> {
        let stored = self.store.issuer().await?;
        let Some(issuer) = stored.as_ref() else { return Ok(None) };
        let wanted = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let life = if wanted == 0 { DEFAULT_TTL } else { wanted }.min(issuer.token_ttl).max(1);
        let id = random_id(self.world.random.as_ref()).map_err(|_| IssuerError::NoRandomness)?;
        let now = unix_seconds(self.world.clock.now());
        let token = token::made(issuer, audience, life, &id, now)?;
        Ok(Some(IdentityToken { token, ttl: Duration::from_secs(u64::try_from(life).unwrap_or(0)) }))
    }
}

/// Whether the host makes no tokens at all. A Vault that knows the call may still say this of itself.
fn makes_none(error: &SystemViewError) -> bool {
    match error {
        SystemViewError::Unimplemented => true,
        SystemViewError::Failed(text) => text.contains(HostFlavor::Vault.no_identity_tokens()),
    }
}
