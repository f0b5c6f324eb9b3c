//! Which role of this mount issued a role tag.

use std::sync::Arc;

use thiserror::Error;

use super::Mount;
use crate::entry::{DenyListEntry, Role};
use crate::framework::Failure;
use crate::go::text::quote;
use crate::proof::role_tag::{RoleTag, UnverifiedRoleTag};
use crate::refusal::{Code, Coded};
use crate::store::{Store, StoreError};

/// There is no role of the name that is in a tag.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("entry not found for {}", quote(.0))]
struct NoRole(String);

impl Coded for NoRole {
    fn code(&self) -> Code {
        Code::RoleTagRoleUnknown
    }
}

impl Mount {
    /// A tag that was issued by the role it names, and that role. The deny list is not consulted:
    /// see [`is_denied`].
    pub(crate) async fn verified_role_tag(&self, text: &str) -> Result<(RoleTag, Arc<Role>), Failure> {
        let tag = UnverifiedRoleTag::parse(text)?;
        let role =
            self.role(tag.role()).await?.ok_or_else(|| Failure::internal(&NoRole(tag.role().to_owned())))?;
        Ok((tag.verify(&role)?, role))
    }
}

/// Whether a role tag is on the deny list.
///
/// # Errors
/// The list cannot be read: then nobody knows, and the tag must not be accepted.
pub(crate) async fn is_denied(store: &Store, tag: &RoleTag) -> Result<bool, StoreError> {
    Ok(store.read::<DenyListEntry>(&DenyListEntry::key(tag.text())).await?.is_some())
}
