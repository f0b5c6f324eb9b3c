//! Why an instance is not what a role demands.

use thiserror::Error;

use crate::accounts::look_up::OutOfTime;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::ArnError;
use crate::aws::error::CallError;
use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact, Hint};

/// Why an instance does not satisfy a role.
#[derive(Debug, Error)]
pub enum BoundError {
    /// It differs from what the role demands.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// It cannot be told; somebody must look into AWS.
    #[error(transparent)]
    CannotTell(#[from] CannotTell),
}

impl From<OutOfTime> for BoundError {
    fn from(out_of_time: OutOfTime) -> Self {
        Self::CannotTell(CannotTell::LookUp(Box::new(out_of_time.into())))
    }
}

/// What of an instance is compared with a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The account.
    Account,
    /// The image.
    Ami,
    /// The instance itself.
    InstanceId,
    /// The instance profile.
    Profile,
    /// The region of the identity document.
    Region,
    /// The role of the instance profile.
    Role,
    /// The subnet.
    Subnet,
    /// The VPC.
    Vpc,
}

/// An instance has another value than those that a role binds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", self.text())]
pub struct Mismatch {
    pub(super) compared: Compared,
    pub(super) role_name: String,
    pub(super) seen: String,
    pub(super) bound: Vec<String>,
}

impl Mismatch {
    fn text(&self) -> String {
        let (seen, role) = (quote(&self.seen), quote(&self.role_name));
        match self.compared {
            Compared::Account => format!("account ID {seen} does not belong to role {role}"),
            Compared::Ami => format!("AMI ID {seen} does not belong to role {role}"),
            Compared::InstanceId => format!("instance ID {seen} does not belong to the role {role}"),
            Compared::Profile => {
                format!("IAM instance profile ARN {seen} does not satisfy the constraint role {role}")
            }
            Compared::Region => format!("Region {seen} does not satisfy the constraint on role {role}"),
            Compared::Role => format!("IAM role ARN {seen} does not satisfy the constraint role {role}"),
            Compared::Subnet => format!("subnet ID {seen} does not satisfy the constraint on role {role}"),
            Compared::Vpc => format!("VPC ID {seen} does not satisfy the constraint on role {role}"),
        }
    }

    fn field(&self) -> &'static str {
        match self.compared {
            Compared::Account => "bound_account_id",
            Compared::Ami => "bound_ami_id",
            Compared::InstanceId => "bound_ec2_instance_id",
            Compared::Profile => "bound_iam_instance_profile_arn",
            Compared::Region => "bound_region",
            Compared::Role => "bound_iam_role_arn",
            Compared::Subnet => "bound_subnet_id",
            Compared::Vpc => "bound_vpc_id",
        }
    }
}

impl Coded for Mismatch {
    fn code(&self) -> Code {
        match self.compared {
            Compared::Account => Code::InstanceBoundAccount,
            Compared::Ami => Code::InstanceBoundAmi,
            Compared::InstanceId => Code::InstanceBoundInstanceId,
            Compared::Profile => Code::InstanceBoundProfile,
            Compared::Region => Code::InstanceBoundRegion,
            Compared::Role => Code::InstanceBoundRole,
            Compared::Subnet => Code::InstanceBoundSubnet,
            Compared::Vpc => Code::InstanceBoundVpc,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![Fact { name: self.field(), seen: self.seen.clone(), wanted: self.bound.join(",") }]
    }
}

/// Why nobody can tell whether an instance satisfies a role.
#[derive(Debug, Error)]
pub enum CannotTell {
    /// EC2 names no subnet.
    #[error("subnet ID in the instance description is nil")]
    NoSubnet,
    /// EC2 names no VPC.
    #[error("VPC ID in the instance description is nil")]
    NoVpc,
    /// EC2 names no instance profile.
    #[error("IAM instance profile in the instance description is nil")]
    NoProfile,
    /// EC2 names an instance profile without its ARN.
    #[error("IAM instance profile ARN in the instance description is nil")]
    NoProfileArn,
    /// The ARN of the instance profile is none.
    #[error("failed to parse IAM instance profile ARN {}: {cause}", quote(arn))]
    ProfileArn {
        /// The ARN as EC2 gave it.
        arn: String,
        /// What about it is not recognised.
        #[source]
        cause: ArnError,
    },
    /// IAM of the account cannot be asked.
    #[error("could not fetch IAM client: {0}")]
    NoClient(#[source] Box<LookUpError>),
    /// IAM does not say which role the instance profile has.
    #[error("IAM role ARN could not be fetched: {0}")]
    Call(#[source] Box<CallError>),
    /// The instance profile has not exactly one role.
    #[error("IAM role ARN could not be fetched: invalid roles in the output of instance profile details")]
    ProfileRoles,
    /// The look-up was given up.
    #[error(transparent)]
    LookUp(#[from] Box<LookUpError>),
}

impl Coded for CannotTell {
    fn code(&self) -> Code {
        match self {
            Self::NoSubnet
            | Self::NoVpc
            | Self::NoProfile
            | Self::NoProfileArn
            | Self::ProfileArn { .. }
            | Self::ProfileRoles => Code::InstanceIncomplete,
            Self::NoClient(cause) | Self::LookUp(cause) => cause.code(),
            Self::Call(cause) => match cause.code() {
                // EC2 has told its name, not the client.
                Code::IamEntityUnknown => Code::IamEntityMissing,
                code => code,
            },
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NoClient(cause) | Self::LookUp(cause) => cause.facts(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::NoClient(cause) | Self::LookUp(cause) => cause.hint(),
            Self::Call(cause) => cause.hint(),
            _ => None,
        }
    }
}
