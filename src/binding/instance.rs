//! What a role demands of the instance that wants to log in.

use crate::accounts::look_up::{LookUp, OutOfTime};
use crate::aws::arn::{AccountId, Arn};
use crate::aws::ec2::Instance;
use crate::aws::region::Partition;
use crate::binding::principal::list_matches_arn;
use crate::entry::Role;
use crate::framework::Failure;
use crate::go::text::quote;

/// Why an instance does not satisfy a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundError {
    /// It differs from what the role demands.
    Mismatch(String),
    /// It cannot be told; somebody must look into AWS.
    CannotTell(String),
}

impl From<OutOfTime> for BoundError {
    fn from(out_of_time: OutOfTime) -> Self {
        Self::CannotTell(out_of_time.into())
    }
}

fn cannot_tell(text: &str) -> BoundError {
    BoundError::CannotTell(text.to_owned())
}

/// Compares an instance with the bindings of a role; bindings that are not set admit all.
///
/// # Errors
/// The first binding that is not satisfied.
pub async fn check_bounds(
    look_up: LookUp<'_>,
    role: &Role,
    role_name: &str,
    account: &AccountId,
    instance: &Instance,
) -> Result<(), BoundError> {
    check_described(role, role_name, account, instance)?;
    check_profile(role, role_name, instance)?;
    let roles = role.bound_iam_role_arn_list.as_deref().unwrap_or_default();
    if roles.is_empty() {
        return Ok(());
    }
    let role_arn = look_up.in_time(role_of_profile(look_up, account, profile_arn(instance)?)).await?;
    if list_matches_arn(roles, &role_arn) {
        return Ok(());
    }
    Err(BoundError::Mismatch(format!(
        "IAM role ARN {} does not satisfy the constraint role {}",
        quote(&role_arn),
        quote(role_name)
    )))
}

/// Compares the region of an identity document with the regions of a role.
///
/// # Errors
/// What the client is told: the region is none of them.
pub fn check_region(role: &Role, role_name: &str, region: &str) -> Result<(), String> {
    let regions = role.bound_region_list.as_deref().unwrap_or_default();
    if regions.is_empty() || regions.iter().any(|bound| bound == region) {
        return Ok(());
    }
    Err(format!("Region {} does not satisfy the constraint on role {}", quote(region), quote(role_name)))
}

fn check_described(
    role: &Role,
    role_name: &str,
    account: &AccountId,
    instance: &Instance,
) -> Result<(), BoundError> {
    let role_name = quote(role_name);
    let check =
        |bound: &Option<Vec<String>>, value: Option<&str>, nil: &str, mismatch: &dyn Fn(String) -> String| {
            let bound = bound.as_deref().unwrap_or_default();
            if bound.is_empty() {
                return Ok(());
            }
            let value = value.ok_or_else(|| cannot_tell(nil))?;
            if bound.iter().any(|bound| bound == value) {
                Ok(())
            } else {
                Err(BoundError::Mismatch(mismatch(quote(value))))
            }
        };
    check(&role.bound_ec2_instance_id_list, Some(&instance.id), "", &|id| {
        format!("instance ID {id} does not belong to the role {role_name}")
    })?;
    check(&role.bound_account_id_list, Some(account.as_str()), "", &|id| {
        format!("account ID {id} does not belong to role {role_name}")
    })?;
    check(&role.bound_ami_id_list, Some(&instance.image_id), "", &|id| {
        format!("AMI ID {id} does not belong to role {role_name}")
    })?;
    let nil = "subnet ID in the instance description is nil";
    check(&role.bound_subnet_id_list, instance.subnet_id.as_deref(), nil, &|id| {
        format!("subnet ID {id} does not satisfy the constraint on role {role_name}")
    })?;
    let nil = "VPC ID in the instance description is nil";
    check(&role.bound_vpc_id_list, instance.vpc_id.as_deref(), nil, &|id| {
        format!("VPC ID {id} does not satisfy the constraint on role {role_name}")
    })
}

fn check_profile(role: &Role, role_name: &str, instance: &Instance) -> Result<(), BoundError> {
    let profiles = role.bound_iam_instance_profile_arn_list.as_deref().unwrap_or_default();
    if profiles.is_empty() {
        return Ok(());
    }
    let arn = profile_arn(instance)?;
    if list_matches_arn(profiles, arn) {
        return Ok(());
    }
    Err(BoundError::Mismatch(format!(
        "IAM instance profile ARN {} does not satisfy the constraint role {}",
        quote(arn),
        quote(role_name)
    )))
}

fn profile_arn(instance: &Instance) -> Result<&str, BoundError> {
    let profile = instance
        .profile
        .as_ref()
        .ok_or_else(|| cannot_tell("IAM instance profile in the instance description is nil"))?;
    profile
        .arn
        .as_deref()
        .ok_or_else(|| cannot_tell("IAM instance profile ARN in the instance description is nil"))
}

async fn role_of_profile(
    look_up: LookUp<'_>,
    account: &AccountId,
    profile_arn: &str,
) -> Result<String, BoundError> {
    let not_fetched =
        |detail: &str| BoundError::CannotTell(format!("IAM role ARN could not be fetched: {detail}"));
    let no_client = |detail: String| BoundError::CannotTell(format!("could not fetch IAM client: {detail}"));
    let arn = Arn::parse(profile_arn).map_err(|error| {
        let profile_arn = quote(profile_arn);
        BoundError::CannotTell(format!("failed to parse IAM instance profile ARN {profile_arn}: {error}"))
    })?;
    let partition = Partition::of(&arn).map_err(no_client)?;
    let route = look_up.account(account).await.map_err(no_client)?;
    let client = route.shared_iam(partition).await.map_err(no_client)?;
    let profile =
        client.get_instance_profile(arn.name()).await.map_err(|error| not_fetched(&error.to_string()))?;
    match <[String; 1]>::try_from(profile.role_arns) {
        Ok([role_arn]) => Ok(role_arn),
        Err(_) => Err(not_fetched("invalid roles in the output of instance profile details")),
    }
}

impl From<BoundError> for Failure {
    fn from(error: BoundError) -> Self {
        match error {
            BoundError::Mismatch(text) => Self::Refused(format!("error validating instance: {text}")),
            BoundError::CannotTell(text) => Self::Internal(text),
        }
    }
}
