//! Writing a role: what is supplied, merged over what is stored, checked in the order that clients
//! know.

use std::time::Duration;

use super::request_rules::set_of_role;
use super::role_login_types;
use super::role_own_bounds::check_own_bounds;
use super::role_principals::{moved, unresolved};
use super::role_refused::RoleRefused;
use super::shape::role_name;
use crate::aws::deadline::Deadline;
use crate::entry::{AuthType, BOUNDS, Bound, InferredEntity, Role};
use crate::framework::{Failure, Fields, HandlerResult, Request, Response};
use crate::go::GoDuration;
use crate::mount::Mount;
use crate::ports::random_id;

/// Somebody else is faster each time.
const CONTENDED: &str = "the role is being written by other requests at the same time; try again";
/// Longest time for the look-ups of one write. Hosts wait 90 s for an answer.
const LOOK_UP_TIME: Duration = Duration::from_secs(85);
/// Longest tag key that EC2 accepts, in bytes.
const MAX_TAG_KEY: usize = 127;
/// Mounts of this type make ec2 roles unless told otherwise.
const EC2_MOUNT_TYPE: &str = "aws-ec2";

pub(super) async fn write(mount: &Mount, request: &Request, fields: Fields) -> HandlerResult {
    mount.check_role_path(role_name(&fields)).await?;
    let key = Role::key(role_name(&fields));
    let deadline = Deadline::within(LOOK_UP_TIME);
    let mut change = mount.begin_change(&key, CONTENDED);
    loop {
        let loaded = change.load::<Role>().await?;
        let is_new = loaded.entry.is_none();
        let mut role = match loaded.entry.clone() {
            Some(role) => mount.current(role).await?,
            None => new_role(mount)?,
        };
        let write = RoleWrite { mount, request, fields: &fields, key: &key, deadline, is_new };
        let warnings = write.apply(&mut role).await?;
        let kept = loaded.entry.as_ref().is_some_and(|stored| stored.request_rules.single_use);
        if role.request_rules.single_use && !kept {
            mount.keep_uses_from_now().await?;
        }
        let written = change.write(&loaded, &role).await;
        mount.forget_full_arns();
        if written? {
            mount.forget_role_principals(&key);
            return Ok((!warnings.is_empty()).then(|| Response { warnings, ..Response::default() }));
        }
    }
}

fn new_role(mount: &Mount) -> Result<Role, RoleRefused> {
    let role_id = random_id(mount.world().random.as_ref()).map_err(RoleRefused::NoId)?;
    Ok(Role { role_id, version: Role::VERSION, ..Role::default() })
}

/// One write on its way.
struct RoleWrite<'a> {
    mount: &'a Mount,
    request: &'a Request,
    fields: &'a Fields,
    /// Where the role is stored.
    key: &'a str,
    /// When its look-ups must have ended.
    deadline: Deadline,
    is_new: bool,
}

impl RoleWrite<'_> {
    /// Changes the role; returns warnings.
    async fn apply(&self, role: &mut Role) -> Result<Vec<String>, Failure> {
        self.set_lists(role);
        self.set_unique_id_resolution(role)?;
        let mut warnings = self.resolve_principals(role).await?;
        self.set_inference_and_type(role)?;
        check_binds(role)?;
        check_own_bounds(self.fields, role).map_err(RoleRefused::OwnBound)?;
        self.set_ec2_flags(role)?;
        let is_iam = role.auth_type() == Some(AuthType::Iam);
        set_of_role(&mut role.request_rules, self.fields, is_iam)?;
        role_login_types::set(role, self.fields)?;
        role.token.update(self.fields, self.mount.host()).map_err(RoleRefused::Token)?;
        self.set_deprecated_names(role);
        warnings.extend(self.check_ttls(role).await?);
        self.set_tag(role)?;
        if let Some(flag) = self.fields.bool("iam_strict_request") {
            role.iam_strict_request = flag;
        }
        if role.hmac_key.is_empty() {
            let random = self.mount.world().random.as_ref();
            role.hmac_key = random_id(random).map_err(RoleRefused::NoHmacKey)?.into();
        }
        Ok(warnings)
    }

    fn set_lists(&self, role: &mut Role) {
        for bound in &BOUNDS {
            if let Some(supplied) = self.fields.list(bound.name) {
                bound.set(role, supplied.to_vec());
            }
        }
    }

    fn set_unique_id_resolution(&self, role: &mut Role) -> Result<(), RoleRefused> {
        match self.fields.bool("resolve_aws_unique_ids") {
            Some(false) if !self.is_new && role.resolve_aws_unique_ids => {
                return Err(RoleRefused::UniqueIdsOff);
            }
            Some(flag) => role.resolve_aws_unique_ids = flag,
            None if self.is_new => role.resolve_aws_unique_ids = true,
            None => {}
        }
        Ok(())
    }

    /// Resolution comes before the checks that need no AWS: clients know the errors in this order. Returns
    /// warnings.
    async fn resolve_principals(&self, role: &mut Role) -> Result<Vec<String>, Failure> {
        if self.fields.list("bound_iam_principal_arn").is_some() {
            role.bound_iam_principal_id_list = Some(Vec::new());
        }
        let has_ids = role.bound_iam_principal_id_list.as_ref().is_some_and(|ids| !ids.is_empty());
        if !role.resolve_aws_unique_ids || has_ids {
            return Ok(Vec::new());
        }
        let mut exact = role.bound_iam_principal_arn_list.clone().unwrap_or_default();
        exact.retain(|arn| !arn.ends_with('*'));
        if exact.is_empty() {
            return Ok(Vec::new());
        }
        let snapshot = self.mount.store().config_snapshot().await?;
        let found = self.mount.role_principals(self.key, &snapshot, self.deadline, &exact);
        let found = Box::pin(found).await.map_err(unresolved)?;
        let warnings = moved(&exact, &found);
        role.bound_iam_principal_id_list =
            Some(found.into_iter().map(|principal| principal.unique_id).collect());
        Ok(warnings)
    }

    fn set_inference_and_type(&self, role: &mut Role) -> Result<(), RoleRefused> {
        for (name, value) in [
            ("inferred_entity_type", &mut role.inferred_entity_type),
            ("inferred_aws_region", &mut role.inferred_aws_region),
        ] {
            if let Some(supplied) = self.fields.text(name) {
                supplied.clone_into(value);
            }
        }
        match self.fields.text("auth_type") {
            Some(supplied) if role.auth_type.is_empty() => {
                if AuthType::from_name(supplied).is_none() {
                    return Err(RoleRefused::UnknownAuthType(supplied.to_owned()));
                }
                supplied.clone_into(&mut role.auth_type);
            }
            Some(supplied) if supplied != role.auth_type => {
                return Err(RoleRefused::AuthTypeChanged);
            }
            Some(_) => {}
            None if self.is_new => {
                let kind =
                    if self.request.mount_type == EC2_MOUNT_TYPE { AuthType::Ec2 } else { AuthType::Iam };
                kind.as_str().clone_into(&mut role.auth_type);
            }
            None => {}
        }
        if role.inferred_entity_type.is_empty() {
            if !role.inferred_aws_region.is_empty() {
                return Err(RoleRefused::InferredRegionAlone);
            }
            return Ok(());
        }
        if role.auth_type() != Some(AuthType::Iam) {
            return Err(RoleRefused::InferenceWithoutIam);
        }
        if role.inferred_entity_type != InferredEntity::EC2_INSTANCE {
            return Err(RoleRefused::UnknownEntity(role.inferred_entity_type.clone()));
        }
        if role.inferred_aws_region.is_empty() {
            return Err(RoleRefused::InferredEntityAlone);
        }
        Ok(())
    }

    fn set_ec2_flags(&self, role: &mut Role) -> Result<(), RoleRefused> {
        let is_ec2 = role.auth_type() == Some(AuthType::Ec2);
        if let Some(flag) = self.fields.bool("disallow_reauthentication") {
            if !is_ec2 {
                return Err(RoleRefused::ReauthenticationWithoutEc2);
            }
            role.disallow_reauthentication = flag;
        }
        if let Some(flag) = self.fields.bool("allow_instance_migration") {
            if !is_ec2 {
                return Err(RoleRefused::MigrationWithoutEc2);
            }
            role.allow_instance_migration = flag;
        }
        if role.allow_instance_migration && role.disallow_reauthentication {
            return Err(RoleRefused::MigrationWithoutReauthentication);
        }
        Ok(())
    }

    /// A deprecated name sets both values when it comes alone; the new name wins and sets the old
    /// value to its own, or to nothing.
    fn set_deprecated_names(&self, role: &mut Role) {
        let both = (self.fields.list("token_policies"), self.fields.list("policies"));
        match both {
            (None, Some(old)) => {
                let policies = normalised_policies(old);
                role.policies = Some(policies.clone());
                role.token.token_policies = Some(policies);
            }
            (Some(_), Some(_)) => role.policies.clone_from(&role.token.token_policies),
            (Some(_), None) => role.policies = None,
            (None, None) => {}
        }
        for (new_name, new, old_name, old) in [
            ("token_ttl", &mut role.token.token_ttl, "ttl", &mut role.ttl),
            ("token_max_ttl", &mut role.token.token_max_ttl, "max_ttl", &mut role.max_ttl),
            ("token_period", &mut role.token.token_period, "period", &mut role.period),
        ] {
            match (self.fields.supplied(new_name), self.fields.seconds(old_name)) {
                (false, Some(seconds)) => {
                    *old = GoDuration::from_secs(seconds);
                    *new = *old;
                }
                (true, Some(_)) => *old = *new,
                (true, None) => *old = GoDuration::ZERO,
                (false, None) => {}
            }
        }
    }

    async fn check_ttls(&self, role: &Role) -> Result<Vec<String>, Failure> {
        let token = &role.token;
        let mount_max = self.mount.max_lease_ttl().await?;
        let mut warnings = Vec::new();
        if token.token_max_ttl > mount_max {
            warnings.push(format!(
                "Given max ttl of {} seconds greater than current mount/system default of {} seconds; max ttl will be capped at login time",
                token.token_max_ttl.as_secs(),
                mount_max.as_secs()
            ));
        }
        if token.token_max_ttl != GoDuration::ZERO && token.token_max_ttl < token.token_ttl {
            return Err(RoleRefused::TtlAboveMax.into());
        }
        if token.token_period > mount_max {
            return Err(RoleRefused::PeriodAboveMount { period: token.token_period, mount_max }.into());
        }
        Ok(warnings)
    }

    fn set_tag(&self, role: &mut Role) -> Result<(), RoleRefused> {
        let Some(tag) = self.fields.text("role_tag") else {
            return Ok(());
        };
        if role.auth_type() != Some(AuthType::Ec2) {
            return Err(RoleRefused::TagWithoutEc2);
        }
        if tag.len() > MAX_TAG_KEY {
            return Err(RoleRefused::TagTooLong);
        }
        tag.clone_into(&mut role.role_tag);
        Ok(())
    }
}

fn check_binds(role: &Role) -> Result<(), RoleRefused> {
    let set = || BOUNDS.iter().filter(|bound| bound.is_set(role));
    let misplaced = set().filter(|bound| !bound.goes_with.admits(role));
    if let Some(Bound { name, goes_with, .. }) = misplaced.min_by_key(|bound| bound.refused_as) {
        return Err(RoleRefused::MisplacedBound { name, otherwise: goes_with.otherwise() });
    }
    if set().next().is_none() {
        return Err(RoleRefused::NoBound);
    }
    Ok(())
}

/// Policies as the deprecated field and role tags take them: lower-case, each once, sorted; `root` stands alone.
pub(super) fn normalised_policies(policies: &[String]) -> Vec<String> {
    let mut policies: Vec<String> = policies
        .iter()
        .map(|policy| policy.trim().to_lowercase())
        .filter(|policy| !policy.is_empty())
        .collect();
    policies.sort();
    policies.dedup();
    if policies.iter().any(|policy| policy == "root") { vec!["root".to_owned()] } else { policies }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deprecated_policies_are_normalised() {
        let normalised = |policies: &[&str]| {
            normalised_policies(&policies.iter().map(|&policy| policy.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(normalised(&["B", "a ", "", "b"]), ["a", "b"]);
        assert_eq!(normalised(&["A", "ROOT"]), ["root"]);
        assert!(normalised(&[]).is_empty());
    }
}
