//! Who an instance is, for the host's identity store.

use std::collections::BTreeMap;

use super::refused::Refused;
use crate::entry::{AuthType, EC2_METADATA, IdentityConfig, Role};
use crate::login::token_data::selected_metadata;
use crate::proof::identity_document::IdentityDocument;

/// Name of the instance's alias.
///
/// # Errors
/// The stored configuration names a source that nobody knows.
pub(super) fn alias_name(
    identity: &IdentityConfig,
    document: &IdentityDocument,
    role: &Role,
) -> Result<String, Refused> {
    Ok(match identity.ec2_alias() {
        "role_id" => role.role_id.clone(),
        "instance_id" | "instance-id" => document.instance_id.clone(),
        "image_id" | "image-id" => document.image_id.clone(),
        other => return Err(Refused::Alias(other.to_owned())),
    })
}

/// The metadata that the operator has selected.
pub(super) fn metadata(identity: &IdentityConfig, document: &IdentityDocument) -> BTreeMap<String, String> {
    selected_metadata(&identity.ec2_auth_metadata_handler, &EC2_METADATA, |name| match name {
        "account_id" => &document.account_id,
        "auth_type" => AuthType::Ec2.as_str(),
        "ami_id" => &document.image_id,
        "instance_id" => &document.instance_id,
        "region" => &document.region,
        _ => "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_nobody_knows_names_nobody() {
        let stored = IdentityConfig { ec2_alias: "serial".to_owned(), ..IdentityConfig::default() };
        let error = alias_name(&stored, &IdentityDocument::default(), &Role::default()).unwrap_err();
        assert_eq!(error.to_string(), "unknown ec2_alias \"serial\" is stored");
    }
}
