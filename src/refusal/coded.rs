//! Errors that have a code.

use super::{Code, Hint};

/// Something that was compared: what the caller has, and what would have been right.
///
/// For operators alone: neither value goes to an unauthenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What was compared, by its name in the API or in AWS.
    pub name: &'static str,
    /// What was seen.
    pub seen: String,
    /// What was wanted.
    pub wanted: String,
}

/// An error whose cause has a code.
pub trait Coded: std::error::Error {
    /// The code of the cause. A wrapper returns that of what it wraps.
    fn code(&self) -> Code;

    /// What was compared, if anything was.
    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    /// What helps, if the caller is told. A wrapper returns that of what it wraps.
    fn hint(&self) -> Option<Hint> {
        None
    }
}
