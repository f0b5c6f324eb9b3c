//! What is said of `config/identity`.

use super::finding::Finding;
use super::own_members::{OwnMembers, Place, unknown_members};
use super::rows::{ENTRY_UNREADABLE, LONG_METADATA};
use crate::entry::{Entry as _, IAM_METADATA, IdentityConfig};

/// Metadata with paths and names in it, whose values can be longer than the metadata of an alias.
const LONG: [&str; 2] = ["canonical_arn", "client_arn"];

/// The findings about the entry.
pub(super) fn findings(stored: &[u8]) -> Vec<Finding> {
    let path = IdentityConfig::KEY;
    let config = match IdentityConfig::decode(stored) {
        Ok(config) => config,
        Err(error) => return vec![Finding::new(path, &ENTRY_UNREADABLE, error.to_string())],
    };
    let chosen = config.iam_auth_metadata_handler.names(&IAM_METADATA);
    let long: Vec<&str> = chosen.filter(|name| LONG.contains(name)).collect();
    let mut found = Vec::new();
    if !long.is_empty() {
        found.push(Finding::new(path, &LONG_METADATA, format!("iam_metadata={}", long.join(","))));
    }
    found.extend(OwnMembers::of(stored).findings(Place::Identity, path));
    found.extend(unknown_members(path, config.unknown.keys()));
    found
}
