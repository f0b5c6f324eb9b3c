//! Web identity tokens of AWS (`sts:GetWebIdentityToken`): JSON Web Tokens in the compact form.
//!
//! A [`ClaimedToken`] is what a caller hands over; of it only issuer, algorithm and key id may be asked, to find the
//! key. Its verification alone makes a [`VerifiedToken`]. Nothing of a token says where a key is: keys are those of
//! the configured issuer. What the caller itself chooses (`request_tags`) is not even read.

mod claims;
mod error;
mod header;
mod json;
pub mod key_set;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::aws::arn::{AccountId, Arn};
use crate::entry::{IssuerOfAccount, JwtAlgorithm};
use claims::Claims;
use header::Header;
use key_set::KeySet;

pub use claims::MAX_SKEW;
pub use error::TokenError;

/// Longest token, in bytes. Whoever takes one from a stranger sees to it before anything is read.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token as a caller hands it over. Nothing of it is known to be true.
#[derive(Debug)]
pub struct ClaimedToken {
    /// What is signed.
    signed: String,
    header: Header,
    claims: Claims,
    signature: Vec<u8>,
}

impl ClaimedToken {
    /// Reads a token.
    ///
    /// # Errors
    /// It is none of the form that AWS issues, or none that could ever be taken.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Form("it is too long"));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            return Err(TokenError::Form("it has not three parts"));
        };
        let decoded = |part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_| TokenError::Form("a part is no base64url without padding"))
        };
        Ok(Self {
            header: Header::read(&decoded(header)?)?,
            claims: Claims::read(&decoded(claims)?)?,
            signature: decoded(signature)?,
            signed: format!("{header}.{claims}"),
        })
    }

    /// Who claims to have issued it: to find the configured issuer by, and for nothing else.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.claims.issuer
    }

    /// How it claims to be signed.
    #[must_use]
    pub fn algorithm(&self) -> JwtAlgorithm {
        self.header.algorithm
    }

    /// With which key of its issuer.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.header.key_id
    }

    /// Checks the signature with the keys of the configured issuer.
    ///
    /// # Errors
    /// It is not the configured issuer that signed it, or not in a way that is taken.
    pub fn verify<'a>(
        &'a self,
        configured: &'a IssuerOfAccount,
        keys: &KeySet,
    ) -> Result<SignedToken<'a>, TokenError> {
        if self.claims.issuer != configured.issuer.issuer {
            return Err(TokenError::Issuer);
        }
        self.check_algorithm(configured)?;
        let key = keys.find(self.key_id(), self.algorithm()).ok_or(TokenError::Key)?;
        key.verify(self.signed.as_bytes(), &self.signature)?;
        Ok(SignedToken { claims: &self.claims, configured })
    }

    /// Checks that the configured issuer may sign as this token claims to be.
    ///
    /// # Errors
    /// It may not.
    pub fn check_algorithm(&self, configured: &IssuerOfAccount) -> Result<(), TokenError> {
        if configured.issuer.algorithms().contains(&self.algorithm()) {
            Ok(())
        } else {
            Err(TokenError::Algorithm(self.algorithm().name().to_owned()))
        }
    }
}

/// A token that its issuer has signed. Whether it is for this server, and now, is not known.
#[derive(Debug)]
pub struct SignedToken<'a> {
    claims: &'a Claims,
    configured: &'a IssuerOfAccount,
}

impl SignedToken<'_> {
    /// Checks what it says against a time, in seconds since 1970, and the configured issuer.
    ///
    /// # Errors
    /// It is not for this server, not of this time, or not of the account whose issuer it is of.
    pub fn check(&self, now: i64) -> Result<VerifiedToken, TokenError> {
        let Self { claims, configured } = self;
        claims.check_time(now)?;
        if claims.issued <= configured.issuer.taken_since {
            return Err(TokenError::Before);
        }
        if !configured.issuer.takes_audience(&claims.audiences) {
            return Err(TokenError::Audience {
                seen: claims.audiences.join(","),
                wanted: configured.issuer.audience.join(","),
            });
        }
        let arn = claims.principal()?;
        for account in [claims.account.as_str(), arn.account().as_str()] {
            if account != configured.account.as_str() {
                return Err(TokenError::Account {
                    seen: account.to_owned(),
                    wanted: configured.account.as_str().to_owned(),
                });
            }
        }
        Ok(VerifiedToken {
            arn,
            issuer: claims.issuer.clone(),
            audiences: claims.audiences.clone(),
            id: claims.id.clone(),
            issued: claims.issued,
            expires: claims.expires,
            region: claims.region.clone(),
        })
    }
}

/// A token that AWS has issued for this server, and that is good now. It can be made from nothing but a verified
/// [`ClaimedToken`]. Whether it was used before is for others to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    arn: Arn,
    issuer: String,
    audiences: Vec<String>,
    id: String,
    issued: i64,
    expires: i64,
    region: String,
}

impl VerifiedToken {
    /// The IAM role or user that it was issued for, as AWS names it there.
    #[must_use]
    pub fn arn(&self) -> &Arn {
        &self.arn
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        self.arn.account()
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// For whom it is.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// Its id, which the issuer gives to no other token. It has no line break.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was issued, in seconds since 1970.
    #[must_use]
    pub fn issued(&self) -> i64 {
        self.issued
    }

    /// When it expires, in seconds since 1970; it is taken for [a little](MAX_SKEW) longer.
    #[must_use]
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// The region in which it was issued; empty where it names none.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

#[cfg(test)]
mod tests;
