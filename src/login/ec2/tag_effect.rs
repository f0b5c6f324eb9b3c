//! What the role tag of an instance does to its login: refuses it, or narrows its token down.

use crate::aws::ec2::Instance;
use crate::entry::Role;
use crate::framework::Failure;
use crate::go::GoDuration;
use crate::go::text::quote;
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
) -> Result<TagEffect, Failure> {
    if role.role_tag.is_empty() {
        return Ok(TagEffect::default());
    }
    let refused = |text: &str| Err(Failure::Internal(text.to_owned()));
    let value = instance
        .tags
        .iter()
        .find(|(key, value)| *key == role.role_tag && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .ok_or_else(|| {
            Failure::Internal(format!("missing tag with key {} on the instance", quote(&role.role_tag)))
        })?;
    let (tag, _) = mount.verified_role_tag(value).await?;
    let content = tag.content();
    if content.role != role_name {
        return refused("role on the tag is not matching the role supplied");
    }
    if !content.instance_id.is_empty() && content.instance_id != instance.id {
        return refused("role tag is being used by an unauthorized instance");
    }
    if is_denied(mount.store(), &tag).await? {
        return refused("role tag is deny listed");
    }
    if content.policies.iter().any(|policy| !role.token.policies().contains(policy)) {
        return refused("policies on the role tag must be subset of policies on the role");
    }
    Ok(TagEffect {
        policies: (!content.policies.is_empty()).then(|| content.policies.clone()),
        disallow_reauthentication: content.disallow_reauthentication,
        max_ttl: content.max_ttl,
    })
}
