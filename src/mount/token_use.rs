//! That a web identity token admits once only, whatever is configured for signed requests.
//!
//! Its use is kept like theirs ([`super::single_use`]): records of two mounts lie in two storages, so a token that
//! two mounts would take is taken by neither.

use std::sync::Arc;

use thiserror::Error;

use super::Mount;
use super::one_use::OneUse;
use super::single_use_error::SingleUseError;
use super::web_identity_keys::NoKey;
use crate::entry::{IssuerOfAccount, JwtAlgorithm};
use crate::framework::Failure;
use crate::proof::web_identity_token::key_set::KeySet;
use crate::proof::web_identity_token::{ClaimedToken, TokenError, VerifiedToken};
use crate::refusal::{Code, Coded};
use crate::store::StoreError;

/// Why a token is not used up, and so admits nobody.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TokenUseError {
    /// It was used before.
    #[error("the token was used before: get a new one for each login")]
    Used,
    /// Another mount would take it too, and keeps its own list of what was used.
    #[error(
        "the token cannot be taken once only: another mount takes it too, because both have its audience"
    )]
    SharedAudience,
    /// That it is used cannot be kept.
    #[error(transparent)]
    Kept(SingleUseError),
}

impl From<SingleUseError> for TokenUseError {
    fn from(error: SingleUseError) -> Self {
        match error {
            SingleUseError::Used => Self::Used,
            error => Self::Kept(error),
        }
    }
}

impl Coded for TokenUseError {
    fn code(&self) -> Code {
        match self {
            Self::Used => Code::JwtUsed,
            Self::SharedAudience => Code::JwtSharedAudience,
            Self::Kept(cause) => cause.code(),
        }
    }
}

impl From<StoreError> for TokenUseError {
    fn from(error: StoreError) -> Self {
        Self::Kept(SingleUseError::Failed(Failure::from(error)))
    }
}

/// The use of a token. Its record is kept for longer than the token is taken.
fn one_use(token: &VerifiedToken) -> OneUse {
    OneUse::new("jwt", &[token.issuer(), token.id()], token.expires())
}

impl Mount {
    /// The one configured issuer that a token claims to be of.
    ///
    /// # Errors
    /// There is none, or there are several, or what is configured cannot be read.
    pub(crate) async fn issuer_of(
        &self,
        token: &ClaimedToken,
    ) -> Result<Result<IssuerOfAccount, TokenError>, StoreError> {
        let issuers = self.store().jwt_issuers().await?;
        let mut named = issuers.iter().filter(|configured| configured.issuer.issuer == token.issuer());
        Ok(match (named.next(), named.next()) {
            (Some(one), None) => Ok(one.clone()),
            _ => Err(TokenError::Issuer),
        })
    }

    /// Keys of an issuer, among them one of this id and algorithm.
    ///
    /// # Errors
    /// There is no such key, or nobody can tell.
    pub(crate) async fn web_identity_keys_of(
        &self,
        of: &IssuerOfAccount,
        id: &str,
        algorithm: JwtAlgorithm,
    ) -> Result<Arc<KeySet>, NoKey> {
        self.web_identity_keys.find(&self.environment.world, of, id, algorithm).await
    }

    /// Forgets the keys of all issuers: one of them has changed.
    pub(crate) fn forget_web_identity_keys(&self) {
        self.web_identity_keys.forget();
    }

    /// Checks that a token could be used up here: that it is not known to be, and that no other mount takes it.
    ///
    /// # Errors
    /// It could not.
    pub(crate) async fn check_token_unused(&self, token: &VerifiedToken) -> Result<(), TokenUseError> {
        if self.is_used_up(&one_use(token)) {
            return Err(TokenUseError::Used);
        }
        for other in self.neighbours() {
            // A mount whose configuration cannot be read admits nobody.
            let Ok(issuers) = other.store().jwt_issuers().await else { continue };
            let takes = |configured: &IssuerOfAccount| {
                configured.issuer.issuer == token.issuer()
                    && configured.issuer.takes_audience(token.audiences())
            };
            if issuers.iter().any(takes) {
                return Err(TokenUseError::SharedAudience);
            }
        }
        Ok(())
    }

    /// Uses a token up. After this, and not before, it may admit somebody.
    ///
    /// # Errors
    /// It was used before, or nobody can tell whether it was, or that it is now cannot be stored.
    pub(crate) async fn use_token_up(&self, token: &VerifiedToken) -> Result<(), TokenUseError> {
        self.check_token_unused(token).await?;
        self.load_uses().await?;
        Ok(self.take(&one_use(token)).await?)
    }
}
