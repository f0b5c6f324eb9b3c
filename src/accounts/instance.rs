//! The running instance that a login speaks of.

use thiserror::Error;

use crate::accounts::instance_batches::Wanted;
use crate::accounts::look_up::{LookUp, OutOfTime};
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::AccountId;
use crate::aws::ec2::{Description, Instance};
use crate::aws::region::Region;
use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact, Hint};

/// Why an instance is not known to be running.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InstanceError {
    /// Nobody could be asked, or there was no answer.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// There is no such region.
    #[error("could not find region {}", quote(.0))]
    Region(String),
    /// EC2 describes nothing.
    #[error("no reservations found in instance description")]
    NoReservation,
    /// EC2 describes a reservation without instances.
    #[error("no instance details found in reservations")]
    NoInstance,
    /// EC2 describes another instance.
    #[error("expected instance ID not matching the instance ID in the instance description")]
    Another,
    /// EC2 leaves out its state.
    #[error("instance state in instance description is nil")]
    WithoutState,
    /// EC2 leaves out its image or launch time.
    #[error("AMI ID or launch time in the instance description is nil")]
    Incomplete,
    /// It is in this other state.
    #[error("instance is not in 'running' state")]
    NotRunning(String),
}

impl InstanceError {
    /// See [`LookUpError::chosen_by_client`].
    #[must_use]
    pub fn chosen_by_client(self) -> Self {
        match self {
            Self::LookUp(error) => Self::LookUp(error.chosen_by_client()),
            _ => self,
        }
    }
}

impl From<OutOfTime> for InstanceError {
    fn from(out_of_time: OutOfTime) -> Self {
        Self::LookUp(out_of_time.into())
    }
}

impl Coded for InstanceError {
    fn code(&self) -> Code {
        match self {
            Self::LookUp(error) => error.code(),
            Self::Region(_) => Code::InstanceRegion,
            Self::NoReservation | Self::NoInstance => Code::InstanceUnknown,
            Self::Another | Self::WithoutState | Self::Incomplete => Code::InstanceIncomplete,
            Self::NotRunning(_) => Code::InstanceNotRunning,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::LookUp(error) => error.facts(),
            Self::NotRunning(state) => {
                vec![Fact { name: "state", seen: state.clone(), wanted: "running".to_owned() }]
            }
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::LookUp(error) => error.hint(),
            _ => None,
        }
    }
}

/// Looks up a running instance of an account.
///
/// # Errors
/// Why it is not known to be one.
pub async fn look_up_running(
    look_up: LookUp<'_>,
    account: &AccountId,
    region: &str,
    wanted: Wanted<'_>,
) -> Result<Instance, InstanceError> {
    look_up.in_time(find_running(look_up, account, region, wanted)).await
}

fn parse_region(region: &str) -> Result<Region, InstanceError> {
    Region::parse(region).ok_or_else(|| InstanceError::Region(region.to_owned()))
}

async fn find_running(
    look_up: LookUp<'_>,
    account: &AccountId,
    region: &str,
    wanted: Wanted<'_>,
) -> Result<Instance, InstanceError> {
    let region = parse_region(region)?;
    let instance = match look_up.account(account).await?.describe_instance(&region, wanted).await? {
        Description::Instance(instance) => *instance,
        Description::NoReservation => return Err(InstanceError::NoReservation),
        Description::NoInstance => return Err(InstanceError::NoInstance),
        Description::WithoutId => return Err(InstanceError::Another),
        Description::WithoutState => return Err(InstanceError::WithoutState),
        Description::Incomplete => return Err(InstanceError::Incomplete),
    };
    if instance.id != wanted.id {
        return Err(InstanceError::Another);
    }
    if instance.state != "running" {
        return Err(InstanceError::NotRunning(instance.state));
    }
    Ok(instance)
}
