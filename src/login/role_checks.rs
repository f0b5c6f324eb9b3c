//! Checks that both login types make of a role, as a trace keeps them.

use super::trace::{Check, Compared, Trace};
use crate::aws::arn::AccountId;
use crate::aws::calls::Api;
use crate::aws::ec2::Instance;
use crate::entry::{BOUNDS, Role};
use crate::framework::{BoundCidr, Failure};

/// Who explains a login is seldom where its client is.
const OTHER_ADDRESS: &str = "Not decided here: this request came from another address than the role admits, and a login counts by that of its client.";

/// That the request came from an address that the role admits. Of a login that is only explained nobody knows
/// the address, so nothing is refused for it.
///
/// # Errors
/// Permission denied.
pub(super) fn check_address(trace: &Trace, role: &Role, address: Option<&str>) -> Result<(), Failure> {
    let admitted = role.token.check_address(address);
    let compared = || {
        let admitted: Vec<&str> = role.token.bound_cidrs().iter().map(BoundCidr::as_str).collect();
        Compared::of(address.unwrap_or_default(), admitted.join(","))
    };
    if admitted.is_err() && trace.is_on() {
        trace.skip(Check::Address, OTHER_ADDRESS, compared);
        return Ok(());
    }
    trace.note(Check::Address, admitted, compared)
}

/// An instance beside what a role wants of it: the bounds that are set, by their names.
pub(super) fn instance_bounds(role: &Role, instance: &Instance) -> Compared {
    let value = |name: &str| match name {
        "bound_ami_id" => instance.image_id.as_str(),
        "bound_ec2_instance_id" => instance.id.as_str(),
        "bound_subnet_id" => instance.subnet_id.as_deref().unwrap_or_default(),
        "bound_vpc_id" => instance.vpc_id.as_deref().unwrap_or_default(),
        "bound_iam_instance_profile_arn" => {
            instance.profile.as_ref().and_then(|profile| profile.arn.as_deref()).unwrap_or_default()
        }
        _ => "",
    };
    let (mut seen, mut wanted) = (Vec::new(), Vec::new());
    for bound in BOUNDS.iter().filter(|bound| bound.name != "bound_iam_principal_arn" && bound.is_set(role)) {
        let values = bound.list(role).map(|list| list.join(",")).unwrap_or_default();
        wanted.push(format!("{}={values}", bound.name));
        if !value(bound.name).is_empty() {
            seen.push(format!("{}={}", bound.name, value(bound.name)));
        }
    }
    let roles = role.bound_iam_role_arn_list.as_deref().unwrap_or_default();
    let aws_call = if roles.is_empty() { "" } else { "iam:GetInstanceProfile" };
    Compared::of(seen.join(" "), wanted.join(" ")).by(aws_call)
}

/// An account beside the organizations and organizational units that a role binds.
pub(super) fn organization_bounds(role: &Role, account: &AccountId) -> Compared {
    let bound = [&role.bound_organization_ids_list, &role.bound_organization_unit_paths_list];
    let wanted = bound.map(|bound| bound.as_deref().unwrap_or_default().join(",")).join(" ");
    Compared::of(format!("account {}", account.as_str()), wanted.trim()).by(Api::DescribeAccount.name())
}
