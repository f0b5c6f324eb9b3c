//! How old a signed request may be.
//!
//! Its age counts from the date that was signed to this server's clock when the login came. A request is
//! taken whose age is at most the longest that is allowed, and whose date is at most five minutes ahead.
//! A client whose clock is slow has used up that much of the age before it sends anything.

use thiserror::Error;

use crate::refusal::{Code, Coded, Hint, Skew};

/// How far ahead of this server's clock a date may be, in seconds.
pub const MAX_AHEAD: i64 = 300;

/// Why the date of a signed request is not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotFresh {
    /// There is no date to go by.
    #[error(
        "the signature is not in the form whose age and use can be checked: AWS4-HMAC-SHA256 for the service sts, with one X-Amz-Date that is signed"
    )]
    Form,
    /// It was signed too long ago.
    #[error("the signed request is too old: it may be at most {max_age} seconds old")]
    TooOld {
        /// The longest age, in seconds.
        max_age: u32,
        /// How far its date is from this server's clock.
        skew: Skew,
    },
    /// It is dated too far ahead.
    #[error("the signed request is dated in the future: it may be at most {MAX_AHEAD} seconds ahead")]
    FromTheFuture(Skew),
}

impl Coded for NotFresh {
    fn code(&self) -> Code {
        match self {
            Self::Form => Code::IamRequestForm,
            Self::TooOld { .. } => Code::IamRequestTooOld,
            Self::FromTheFuture(_) => Code::IamRequestFromTheFuture,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Form => None,
            Self::TooOld { skew, .. } | Self::FromTheFuture(skew) => Some(Hint::RequestClock(*skew)),
        }
    }
}

/// Checks a date against a clock, both in seconds since 1970.
///
/// # Errors
/// The date is too old, or too far ahead.
pub fn check_date(signed_at: i64, now: i64, max_age: u32) -> Result<(), NotFresh> {
    let ahead = signed_at.saturating_sub(now);
    let skew = Skew { seconds: ahead };
    if ahead > MAX_AHEAD {
        Err(NotFresh::FromTheFuture(skew))
    } else if ahead < i64::from(max_age).saturating_neg() {
        Err(NotFresh::TooOld { max_age, skew })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_both_sides_are_taken() {
        for (ahead, max_age, code) in [
            (300, 1, None),
            (301, 900, Some(Code::IamRequestFromTheFuture)),
            (0, 1, None),
            (-1, 1, None),
            (-2, 1, Some(Code::IamRequestTooOld)),
            (-300, 600, None),
            (-900, 900, None),
            (-901, 900, Some(Code::IamRequestTooOld)),
            (i64::MIN, 900, Some(Code::IamRequestTooOld)),
            (i64::MAX, 900, Some(Code::IamRequestFromTheFuture)),
        ] {
            let checked = check_date(ahead, 0, max_age);
            assert_eq!(checked.err().map(|error| error.code()), code, "{ahead} {max_age}");
        }
    }
}
