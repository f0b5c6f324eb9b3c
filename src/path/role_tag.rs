//! The API path `role/<role>/tag`: issues a role tag.

use serde_json::json;
use thiserror::Error;

use super::role_write::normalised_policies;
use super::shape::{display, endpoint, name_pattern, object, role_name};
use crate::entry::Role;
use crate::framework::{Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::go::GoDuration;
use crate::mount::Mount;
use crate::proof::role_tag::{RoleTag, TagContent};
use crate::refusal::{Code, Coded};

const FIELDS: &[Field] = &[
    Field::new("role", FieldKind::Name, "Name of the role; upper and lower case are the same."),
    Field::new(
        "instance_id",
        FieldKind::String,
        "The only instance that may use the tag; any if it is not given.",
    ),
    Field::new(
        "policies",
        FieldKind::CommaStringSlice,
        "Policies of tokens, instead of the role's; they must be among those. Without any, the role's remain.",
    ),
    Field::new(
        "max_ttl",
        FieldKind::DurationSecond,
        "Upper bound of a token's life. The role and the mount may set a lower one.",
    )
    .default_json("0"),
    Field::new(
        "allow_instance_migration",
        FieldKind::Bool,
        "Whether an instance that was restored elsewhere may take over. The role must allow it too.",
    )
    .default_json("false"),
    Field::new(
        "disallow_reauthentication",
        FieldKind::Bool,
        "Whether an instance with this tag may log in only once.",
    )
    .default_json("false"),
];

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: concat!("role/", name_pattern!("role"), "/tag$"),
        fields: FIELDS,
        endpoints: vec![endpoint(Operation::Update, |mount, _, fields| Box::pin(issue(mount, fields)))],
        existence_check: None,
        synopsis: "Issues a tag for EC2 instances that narrows the role down.",
        description: "
A role with a tag key admits only instances that carry a tag of that key with a value issued here. The
value can narrow the role down: to some of its policies, a shorter life of tokens, one login, or one
instance. Nothing is stored; the value is signed with a key of the role. Whoever may set tags on
instances can copy a value, so give an instance id where that matters. To revoke a tag, put it on the
deny list.
",
        display: display("role-tag"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

/// Why no tag is issued.
#[derive(Debug, Error)]
enum Refused {
    /// No such role.
    #[error("entry not found for role {0}")]
    NoRole(String),
    /// The role names no tag.
    #[error("tag creation is not enabled for this role")]
    NotEnabled,
    /// The role has nothing to sign tags with.
    #[error("failed to find the HMAC key")]
    NoHmacKey,
    /// An instance that may log in once only cannot log in after it moved.
    #[error("cannot set both disallow_reauthentication and allow_instance_migration")]
    MigrationWithoutReauthentication,
}

impl Coded for Refused {
    fn code(&self) -> Code {
        match self {
            Self::NoRole(_) => Code::RoleNotFound,
            Self::NotEnabled => Code::TagRole,
            Self::NoHmacKey => Code::RoleStored,
            Self::MigrationWithoutReauthentication => Code::TagFlags,
        }
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        match error {
            Refused::NoHmacKey => Self::internal(&error),
            _ => Self::refused(&error),
        }
    }
}

async fn issue(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.check_role_path(role_name(&fields)).await?;
    let name = role_name(&fields).to_lowercase();
    let Some(role) = mount.role(&name).await? else {
        return Err(Refused::NoRole(name).into());
    };
    if role.role_tag.is_empty() {
        return Err(Refused::NotEnabled.into());
    }
    if role.hmac_key.is_empty() {
        return Err(Refused::NoHmacKey.into());
    }
    let flag = |name| fields.bool(name).unwrap_or(false);
    let content = TagContent {
        role: name,
        policies: normalised_policies(fields.list("policies").unwrap_or_default()),
        max_ttl: GoDuration::from_secs(fields.seconds("max_ttl").unwrap_or(0)),
        instance_id: fields.text("instance_id").unwrap_or("").to_lowercase(),
        disallow_reauthentication: flag("disallow_reauthentication"),
        allow_instance_migration: flag("allow_instance_migration"),
    };
    let warnings = check(mount, &role, &content).await?;
    let tag = RoleTag::issue(content, &role, mount.world().random.as_ref())?;
    let data = object([("tag_key", json!(role.role_tag)), ("tag_value", json!(tag.text()))]);
    Ok(Some(Response { warnings, ..Response::with_data(data) }))
}

/// What is wrong with the content is refused; what the role does not allow now is a warning, as the
/// role may change before the tag is used.
async fn check(mount: &Mount, role: &Role, content: &TagContent) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    if !content.policies.iter().all(|policy| role.token.policies().contains(policy)) {
        warnings.push("Policies on the tag are not a subset of the policies set on the role. Login will not be allowed with this tag unless the role policies are updated.".to_owned());
    }
    if content.allow_instance_migration && !role.allow_instance_migration {
        warnings.push("Role does not allow instance migration. Login will not be allowed with this tag unless the role value is updated.".to_owned());
    }
    if content.allow_instance_migration && content.disallow_reauthentication {
        return Err(Refused::MigrationWithoutReauthentication.into());
    }
    let mount_max = mount.max_lease_ttl().await?;
    let mut warn_beyond = |whose: &str, maximum: GoDuration| {
        if content.max_ttl > maximum {
            warnings.push(format!(
                "Given max TTL of {} is greater than the {whose} maximum of {} seconds, and will be capped at login time.",
                content.max_ttl.as_secs(),
                maximum.as_secs()
            ));
        }
    };
    warn_beyond("mount", mount_max);
    if role.token.token_max_ttl != GoDuration::ZERO {
        warn_beyond("role", role.token.token_max_ttl);
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::Status;

    #[test]
    fn a_role_without_a_key_is_no_mistake_of_the_client() {
        let failure = Failure::from(Refused::NoHmacKey);
        let seen = (failure.status(), failure.code(), failure.text());
        assert_eq!(seen, (Status::Internal, Code::RoleStored, "failed to find the HMAC key"));
    }
}
