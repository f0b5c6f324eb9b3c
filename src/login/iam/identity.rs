//! Who a caller of the iam login is, for the host's identity store.

use std::collections::BTreeMap;

use super::refused::Refused;
use crate::aws::ec2::Instance;
use crate::entry::{AliasSource, AuthType, IAM_AUDIT_METADATA, IAM_METADATA, IdentityConfig, Role};
use crate::login::token_data::selected_metadata;
use crate::proof::signed_request::SignatureFacts;
use crate::proof::verified_caller::VerifiedCaller;

/// Name of the caller's alias.
///
/// # Errors
/// The stored configuration names a source that nobody knows.
pub(super) fn alias_name(
    identity: &IdentityConfig,
    caller: &VerifiedCaller,
    role: &Role,
) -> Result<String, Refused> {
    match identity.iam_alias_source() {
        Some(AliasSource::RoleId) => Ok(role.role_id.clone()),
        Some(AliasSource::UniqueId) => Ok(caller.unique_id().to_owned()),
        Some(AliasSource::FullArn) => Ok(caller.arn().as_str().to_owned()),
        Some(AliasSource::CanonicalArn) => Ok(caller.arn().canonical()),
        None => Err(Refused::Alias(identity.iam_alias().to_owned())),
    }
}

/// By what the request of a login is found in AWS's records, as far as the operator has chosen it. What is empty is
/// left out.
pub(super) fn audit_metadata(
    identity: &IdentityConfig,
    caller: &VerifiedCaller,
    signature: impl FnOnce() -> SignatureFacts,
) -> Vec<(&'static str, String)> {
    if identity.iam_audit_metadata.is_empty() {
        return Vec::new();
    }
    let SignatureFacts { access_key_id, signed_at, region } = signature();
    let request_id = caller.request_id().to_owned();
    IAM_AUDIT_METADATA
        .into_iter()
        .zip([access_key_id, region, request_id, signed_at])
        .filter(|(name, value)| {
            !value.is_empty() && identity.iam_audit_metadata.iter().any(|chosen| chosen == name)
        })
        .collect()
}

/// The metadata that the operator has selected. What is inferred counts where there is an instance.
pub(super) fn metadata(
    identity: &IdentityConfig,
    caller: &VerifiedCaller,
    role: &Role,
    instance: Option<&Instance>,
) -> BTreeMap<String, String> {
    let canonical_arn = caller.arn().canonical();
    let value = |name: &str| -> &str {
        match (name, instance) {
            ("account_id", _) => caller.account().as_str(),
            ("auth_type", _) => AuthType::Iam.as_str(),
            ("canonical_arn", _) => &canonical_arn,
            ("client_arn", _) => caller.arn().as_str(),
            ("client_user_id", _) => caller.unique_id(),
            ("inferred_aws_region", Some(_)) => &role.inferred_aws_region,
            ("inferred_entity_id", Some(instance)) => &instance.id,
            ("inferred_entity_type", Some(_)) => &role.inferred_entity_type,
            ("inferred_hostname", Some(instance)) => instance.private_dns_name.as_deref().unwrap_or(""),
            _ => "",
        }
    };
    selected_metadata(&identity.iam_auth_metadata_handler, &IAM_METADATA, value)
}
