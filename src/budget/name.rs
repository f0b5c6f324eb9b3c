//! Names among names.

use std::cmp::Ordering;

use super::{Step, took};

/// A name to be found again in an ordered map. The comparisons grow with the names and not with their pairs,
/// and no choice of names makes them more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        took(Step::NamesCompared);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
