//! What a role demands of the instance that wants to log in.

use super::{BoundError, CannotTell, Compared, Mismatch};
use crate::accounts::look_up::LookUp;
use crate::aws::arn::{AccountId, Arn};
use crate::aws::ec2::Instance;
use crate::aws::region::Partition;
use crate::binding::principal::list_matches_arn;
use crate::entry::Role;

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
    Err(mismatch(Compared::Role, role_name, &role_arn, roles).into())
}

/// Compares the region of an identity document with the regions of a role.
///
/// # Errors
/// The region is none of them.
pub fn check_region(role: &Role, role_name: &str, region: &str) -> Result<(), Mismatch> {
    let regions = role.bound_region_list.as_deref().unwrap_or_default();
    if regions.is_empty() || regions.iter().any(|bound| bound == region) {
        return Ok(());
    }
    Err(mismatch(Compared::Region, role_name, region, regions))
}

/// Compares the account of an identity document with the accounts of a role.
///
/// # Errors
/// The account is none of them.
pub fn check_account(role: &Role, role_name: &str, account: &str) -> Result<(), Mismatch> {
    let accounts = role.bound_account_id_list.as_deref().unwrap_or_default();
    if accounts.is_empty() || accounts.iter().any(|bound| bound == account) {
        return Ok(());
    }
    Err(mismatch(Compared::Account, role_name, account, accounts))
}

/// Compares what an identity document says of account and instance with the bindings of a role; in the order in
/// which [`check_bounds`] compares them.
///
/// # Errors
/// The first binding that is not satisfied.
pub fn check_document(
    role: &Role,
    role_name: &str,
    account: &AccountId,
    instance_id: &str,
) -> Result<(), Mismatch> {
    let bound = role.bound_ec2_instance_id_list.as_deref().unwrap_or_default();
    if !bound.is_empty() && bound.iter().all(|bound| bound != instance_id) {
        return Err(mismatch(Compared::InstanceId, role_name, instance_id, bound));
    }
    check_account(role, role_name, account.as_str())
}

fn mismatch(compared: Compared, role_name: &str, seen: &str, bound: &[String]) -> Mismatch {
    Mismatch { compared, role_name: role_name.to_owned(), seen: seen.to_owned(), bound: bound.to_vec() }
}

fn check_described(
    role: &Role,
    role_name: &str,
    account: &AccountId,
    instance: &Instance,
) -> Result<(), BoundError> {
    let check = |compared, bound: &Option<Vec<String>>, value: Result<&str, CannotTell>| {
        let bound = bound.as_deref().unwrap_or_default();
        if bound.is_empty() {
            return Ok(());
        }
        let value = value?;
        if bound.iter().any(|bound| bound == value) {
            return Ok(());
        }
        Err(BoundError::from(mismatch(compared, role_name, value, bound)))
    };
    let subnet = instance.subnet_id.as_deref().ok_or(CannotTell::NoSubnet);
    let vpc = instance.vpc_id.as_deref().ok_or(CannotTell::NoVpc);
    check_document(role, role_name, account, &instance.id)?;
    check(Compared::Ami, &role.bound_ami_id_list, Ok(&instance.image_id))?;
    check(Compared::Subnet, &role.bound_subnet_id_list, subnet)?;
    check(Compared::Vpc, &role.bound_vpc_id_list, vpc)
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
    Err(mismatch(Compared::Profile, role_name, arn, profiles).into())
}

fn profile_arn(instance: &Instance) -> Result<&str, CannotTell> {
    let profile = instance.profile.as_ref().ok_or(CannotTell::NoProfile)?;
    profile.arn.as_deref().ok_or(CannotTell::NoProfileArn)
}

async fn role_of_profile(
    look_up: LookUp<'_>,
    account: &AccountId,
    profile_arn: &str,
) -> Result<String, BoundError> {
    let arn = Arn::parse(profile_arn)
        .map_err(|cause| CannotTell::ProfileArn { arn: profile_arn.to_owned(), cause })?;
    let no_client = |cause| CannotTell::NoClient(Box::new(cause));
    let partition = Partition::of(&arn).map_err(|error| no_client(error.into()))?;
    let route = look_up.account(account).await.map_err(no_client)?;
    let client = route.shared_iam(partition).await.map_err(no_client)?;
    let profile = client.get_instance_profile(arn.name()).await;
    let profile = profile.map_err(|cause| CannotTell::Call(Box::new(cause)))?;
    match <[String; 1]>::try_from(profile.role_arns) {
        Ok([role_arn]) => Ok(role_arn),
        Err(_) => Err(CannotTell::ProfileRoles.into()),
    }
}
