//! Who an instance is, for the host's identity store.

use std::collections::BTreeMap;

use crate::entry::{AuthType, EC2_METADATA, IdentityConfig, Role};
use crate::framework::Failure;
use crate::go::text::quote;
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
) -> Result<String, Failure> {
    Ok(match identity.ec2_alias() {
        "role_id" => role.role_id.clone(),
        "instance_id" | "instance-id" => document.instance_id.clone(),
        "image_id" | "image-id" => document.image_id.clone(),
        other => {
            return Err(Failure::Internal(format!("unknown ec2_alias {} is stored", quote(other))));
        }
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
