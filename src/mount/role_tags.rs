//! Which role of this mount issued a role tag.

use std::sync::Arc;

use super::Mount;
use crate::entry::Role;
use crate::framework::Failure;
use crate::go::text::quote;
use crate::proof::role_tag::{RoleTag, UnverifiedRoleTag};

impl Mount {
    /// A tag that was issued by the role it names, and that role. The deny list is not consulted:
    /// see [`Store::is_denied`](crate::store::Store::is_denied).
    pub(crate) async fn verified_role_tag(&self, text: &str) -> Result<(RoleTag, Arc<Role>), Failure> {
        let tag = UnverifiedRoleTag::parse(text)?;
        let role = self
            .role(tag.role())
            .await?
            .ok_or_else(|| Failure::Internal(format!("entry not found for {}", quote(tag.role()))))?;
        Ok((tag.verify(&role)?, role))
    }
}
