//! Whether an instance that logged in before may log in again.
//!
//! Whoever can read an instance's identity document can present it. The first login therefore leaves
//! an entry in the access list with a nonce, and later ones must know that nonce, or prove by a later
//! pending time that the instance was started anew, where the role allows migration.

use subtle::ConstantTimeEq;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact};

/// What a client that gives an empty nonce is remembered by; giving it literally is refused.
pub(super) const DISABLING_NONCE: &str = "reauthentication-disabled-nonce";
/// Longest nonce, in bytes.
const MAX_NONCE: usize = 128;

/// The nonce of a login request. Absent and empty differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonce<'a> {
    /// None was given; one is made.
    Absent,
    /// An empty one: this instance will not log in again.
    Disabling,
    /// The client's own.
    Given(&'a str),
}

impl<'a> Nonce<'a> {
    /// The nonce as it was given.
    #[must_use]
    pub(super) fn of(given: Option<&'a str>) -> Self {
        match given {
            None => Self::Absent,
            Some("") => Self::Disabling,
            Some(nonce) => Self::Given(nonce),
        }
    }

    fn compared(self) -> &'a str {
        match self {
            Self::Absent => "",
            Self::Disabling => DISABLING_NONCE,
            Self::Given(nonce) => nonce,
        }
    }

    /// Whether it is too long to be stored.
    #[must_use]
    pub(super) fn is_too_long(self) -> bool {
        self.compared().len() > MAX_NONCE
    }
}

/// What an earlier login left behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier<'a> {
    /// Nonce of the access-list entry.
    pub(super) nonce: &'a str,
    /// Whether the entry forbids another login.
    pub(super) disallowed: bool,
    /// Pending time of the document it logged in with.
    pub(super) pending_time: &'a str,
}

/// Why an instance that logged in before may not log in again.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReauthenticationError {
    /// The access-list entry has no nonce to compare with.
    #[error("client nonce missing in stored identity")]
    NoStoredNonce,
    /// It was to log in once only.
    #[error("reauthentication is disabled")]
    Disabled,
    /// The nonce is not that of the earlier login.
    #[error("client nonce mismatch")]
    NonceMismatch,
    /// The nonce is not that of the earlier login, and the instance was not started since.
    #[error("client nonce mismatch and instance meta-data incorrect")]
    NotMigrated {
        /// Pending time of the document.
        given: String,
        /// That of the earlier login.
        stored: String,
    },
    /// The document is older than that of the earlier login.
    #[error("instance meta-data is older than the one used for previous login")]
    Older {
        /// Pending time of the document.
        given: String,
        /// That of the earlier login.
        stored: String,
    },
    /// A pending time is none.
    #[error("parsing time {text} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text} as \"2006\"", text = quote(.0))]
    PendingTime(String),
}

impl Coded for ReauthenticationError {
    fn code(&self) -> Code {
        match self {
            Self::NoStoredNonce => Code::NonceNotStored,
            Self::Disabled => Code::ReauthenticationDisabled,
            Self::NonceMismatch => Code::NonceMismatch,
            Self::NotMigrated { .. } => Code::MigrationNotLater,
            Self::Older { .. } => Code::DocumentOlder,
            Self::PendingTime(_) => Code::PendingTime,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NotMigrated { given, stored } | Self::Older { given, stored } => {
                vec![Fact { name: "pendingTime", seen: given.clone(), wanted: stored.clone() }]
            }
            _ => Vec::new(),
        }
    }
}

/// Whether an instance with this earlier login may log in again.
///
/// # Errors
/// What the client must change.
pub(super) fn check(
    earlier: Earlier<'_>,
    nonce: Nonce<'_>,
    pending_time: &str,
    migration_allowed: bool,
) -> Result<(), ReauthenticationError> {
    if !earlier.disallowed && earlier.nonce.is_empty() {
        return Err(ReauthenticationError::NoStoredNonce);
    }
    if earlier.disallowed || nonce.compared() == DISABLING_NONCE {
        return Err(ReauthenticationError::Disabled);
    }
    let (given, stored) = (parse_time(pending_time)?, parse_time(earlier.pending_time)?);
    let same_nonce = bool::from(nonce.compared().as_bytes().ct_eq(earlier.nonce.as_bytes()));
    if !same_nonce {
        if !migration_allowed {
            return Err(ReauthenticationError::NonceMismatch);
        }
        if given <= stored {
            return Err(ReauthenticationError::NotMigrated {
                given: pending_time.to_owned(),
                stored: earlier.pending_time.to_owned(),
            });
        }
    }
    if given < stored {
        return Err(ReauthenticationError::Older {
            given: pending_time.to_owned(),
            stored: earlier.pending_time.to_owned(),
        });
    }
    Ok(())
}

fn parse_time(text: &str) -> Result<OffsetDateTime, ReauthenticationError> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| ReauthenticationError::PendingTime(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: &str = "2025-01-02T03:04:05Z";
    const T1: &str = "2026-01-02T03:04:05Z";
    const T2: &str = "2026-02-02T03:04:05+00:00";

    fn checked(earlier: (&str, bool), nonce: Option<&str>, pending_time: &str, migration: bool) -> String {
        let (stored, disallowed) = earlier;
        let earlier = Earlier { nonce: stored, disallowed, pending_time: T1 };
        match check(earlier, Nonce::of(nonce), pending_time, migration) {
            Ok(()) => "admitted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_nonce_decides_unless_the_instance_migrated() {
        const MISMATCH: &str = "client nonce mismatch";
        const INCORRECT: &str = "client nonce mismatch and instance meta-data incorrect";
        const DISABLED: &str = "reauthentication is disabled";
        for (earlier, nonce, pending_time, migration, expected) in [
            (("a", false), Some("a"), T1, false, "admitted"),
            (("a", false), Some("a"), T2, false, "admitted"),
            (
                ("a", false),
                Some("a"),
                T0,
                false,
                "instance meta-data is older than the one used for previous login",
            ),
            (("a", false), Some("b"), T2, false, MISMATCH),
            (("a", false), None, T1, false, MISMATCH),
            (("a", false), Some("b"), T2, true, "admitted"),
            (("a", false), None, T2, true, "admitted"),
            (("a", false), Some("b"), T1, true, INCORRECT),
            (("a", false), Some("b"), T0, true, INCORRECT),
            (("", true), Some("a"), T1, false, DISABLED),
            (("a", false), Some(""), T1, false, DISABLED),
            (("a", false), Some(DISABLING_NONCE), T1, false, DISABLED),
            (("", false), Some("a"), T1, false, "client nonce missing in stored identity"),
            (
                ("a", false),
                Some("a"),
                "x",
                false,
                "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
            ),
        ] {
            assert_eq!(checked(earlier, nonce, pending_time, migration), expected, "{earlier:?} {nonce:?}");
        }
    }

    #[test]
    fn absent_empty_and_long_nonces_differ() {
        assert_eq!(Nonce::of(None), Nonce::Absent);
        assert_eq!(Nonce::of(Some("")), Nonce::Disabling);
        assert!(Nonce::of(Some(&"x".repeat(129))).is_too_long());
        assert!(!Nonce::of(Some(&"x".repeat(128))).is_too_long());
    }
}
