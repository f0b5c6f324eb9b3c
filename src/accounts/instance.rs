//! The running instance that a login speaks of.

use crate::accounts::look_up::LookUp;
use crate::aws::arn::AccountId;
use crate::aws::ec2::{Description, Instance};
use crate::aws::region::Region;
use crate::go::text::quote;

/// Looks up a running instance of an account.
///
/// # Errors
/// Why it is not known to be one.
pub async fn look_up_running(
    look_up: LookUp<'_>,
    account: &AccountId,
    region: &str,
    id: &str,
) -> Result<Instance, String> {
    look_up.in_time(find_running(look_up, account, region, id)).await
}

async fn find_running(
    look_up: LookUp<'_>,
    account: &AccountId,
    region: &str,
    id: &str,
) -> Result<Instance, String> {
    let region = Region::parse(region).ok_or_else(|| format!("could not find region {}", quote(region)))?;
    let instance = match look_up.account(account).await?.describe_instance(&region, id).await? {
        Description::Instance(instance) => *instance,
        Description::NoReservation => return Err("no reservations found in instance description".to_owned()),
        Description::NoInstance => return Err("no instance details found in reservations".to_owned()),
        Description::WithoutId => return Err(ANOTHER.to_owned()),
        Description::WithoutState => return Err("instance state in instance description is nil".to_owned()),
        Description::Incomplete => {
            return Err("AMI ID or launch time in the instance description is nil".to_owned());
        }
    };
    if instance.id != id {
        return Err(ANOTHER.to_owned());
    }
    if instance.state != "running" {
        return Err("instance is not in 'running' state".to_owned());
    }
    Ok(instance)
}

const ANOTHER: &str = "expected instance ID not matching the instance ID in the instance description";
