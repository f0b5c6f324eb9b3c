//! What the role tag of an instance does to its login: refuses it, or narrows its token down.

use super::refused::Refused;
use super::tag_error::TagError;
use crate::aws::ec2::Instance;
use crate::entry::Role;
use crate::go::GoDuration;
use crate::mount::Mount;
use crate::mount::role_tags::is_denied;

/// What a role tag narrows down. Without a tag it is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TagEffect {
    /// Policies instead of the role's.
    pub(super) policies: Option<Vec<String>>,
    /// Whether the instance may log in only once.
    pub(super) disallow_reauthentication: bool,
    /// Upper bound of the token's life; zero is none.
    pub(super) max_ttl: GoDuration,
}

/// Reads the tag a role asks for from an instance.
///
/// # Errors
/// The tag is missing, not for this login, denied, or asks for more than the role gives.
pub(super) async fn effect_of_tag(
    mount: &Mount,
    role: &Role,
    role_name: &str,
    instance: &Instance,
) -> Result<TagEffect, Refused> {
    if role.role_tag.is_empty() {
        return Ok(TagEffect::default());
    }
    let value = instance
        .tags
        .iter()
        .find(|(key, value)| *key == role.role_tag && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .ok_or_else(|| TagError::Missing(role.role_tag.clone()))?;
    let (tag, _) = mount.verified_role_tag(value).await?;
    let content = tag.content();
    if content.role != role_name {
        return Err(TagError::OtherRole { tag: content.role.clone(), login: role_name.to_owned() }.into());
    }
    if !content.instance_id.is_empty() && content.instance_id != instance.id {
        return Err(
            TagError::OtherInstance { tag: content.instance_id.clone(), login: instance.id.clone() }.into()
        );
    }
    if is_denied(mount.store(), &tag).await? {
        return Err(TagError::Denied.into());
    }
    if content.policies.iter().any(|policy| !role.token.policies().contains(policy)) {
        return Err(TagError::Policies {
            tag: content.policies.clone(),
            role: role.token.policies().to_vec(),
        }
        .into());
    }
    Ok(TagEffect {
        policies: (!content.policies.is_empty()).then(|| content.policies.clone()),
        disallow_reauthentication: content.disallow_reauthentication,
        max_ttl: content.max_ttl,
    })
}
