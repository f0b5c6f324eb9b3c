//! Which role of this mount issued a role tag.

use std::sync::Arc;

use super::Mount;
use crate::entry::{DenyListEntry, Role};
use crate::framework::Failure;
use crate::go::text::quote;
use crate::proof::role_tag::{RoleTag, UnverifiedRoleTag};
use crate::store::Store;

impl Mount {
    /// A tag that was issued by the role it names, and that role. The deny list is not consulted:
    /// see [`is_denied`].
    pub(crate) async fn verified_role_tag(&self, text: &str) -> Result<(RoleTag, Arc<Role>), Failure> {
        let tag = UnverifiedRoleTag::parse(text)?;
        let role = self
            .role(tag.role())
            .await?
            .ok_or_else(|| Failure::Internal(format!("entry not found for {}", quote(tag.role()))))?;
        Ok((tag.verify(&role)?, role))
    }
}

/// Whether a role tag is on the deny list.
///
/// # Errors
/// The list cannot be read: then nobody knows, and the tag must not be accepted.
pub(crate) async fn is_denied(store: &Store, tag: &RoleTag) -> Result<bool, Failure> {
    Ok(store.read::<DenyListEntry>(&DenyListEntry::key(tag.text())).await?.is_some())
}
