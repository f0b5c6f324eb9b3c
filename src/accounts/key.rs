//! What tells one AWS client from another.

use crate::aws::arn::AccountId;
use crate::aws::region::{Partition, Region};

/// Everything that tells one client from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey {
    /// The mount.
    pub mount: String,
    /// Partition of the region.
    pub partition: Partition,
    /// Account that it is for.
    pub account: AccountId,
    /// Region.
    pub region: Region,
    /// The role that is assumed; empty for the server's own credentials.
    pub role_arn: String,
    /// What is said when the role is assumed; empty for none.
    pub external_id: String,
    /// Generation of the configuration.
    pub generation: u64,
}
