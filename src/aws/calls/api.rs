//! The API actions that are called, and how often the server itself may call each of them.

use super::super::endpoint::Service;

/// An API action of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    /// EC2: what is known of instances.
    DescribeInstances,
    /// IAM: a new access key.
    CreateAccessKey,
    /// IAM: the end of an access key.
    DeleteAccessKey,
    /// IAM: an instance profile.
    GetInstanceProfile,
    /// IAM: a role.
    GetRole,
    /// IAM: a user.
    GetUser,
    /// Organizations: an account.
    DescribeAccount,
    /// Organizations: that of the signer; forwarded alone.
    DescribeOrganization,
    /// STS: credentials of a role.
    AssumeRole,
    /// STS: credentials of a role for a web-identity token.
    AssumeRoleWithWebIdentity,
    /// STS: who signed.
    GetCallerIdentity,
}

/// What calls of the server itself are made for, as far as it has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Logins, renewals, rotations.
    General,
    /// The unique ids of the principals of a role that an operator writes.
    RoleWrite,
}

/// How often the server itself may call an action in one account and region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Calls that may be made at once after a while without any.
    pub capacity: u32,
    /// Calls per second that may be made for long.
    pub refill_per_second: u32,
}

/// AWS gives each account 100 calls at once and 20 per second in a region of an EC2 action that changes
/// nothing ("Request throttling for the Amazon EC2 API", EC2 developer guide), which everybody in the
/// account shares. The server takes half of that.
const EC2_DESCRIBE: Allowance = Allowance { capacity: 50, refill_per_second: 10 };
/// For IAM AWS publishes only that it counts by token buckets, one or more for each action. Answers
/// about principals are asked for once a day each, and IAM is one for all regions: as much as AWS
/// documents for a reading EC2 action is moderate, and enough for a fleet whose principals are all new.
const IAM_READ: Allowance = Allowance { capacity: 100, refill_per_second: 20 };
/// A role may bind hundreds of principals, each of which is looked up once when it is written. That is an
/// act of an operator, seldom and of bounded size. The budget has room for several large roles at once,
/// and then for as many as whoever asks for one after the other gets; should AWS find it too much, it says
/// so, and the budget gives way.
const IAM_ROLE_WRITE: Allowance = Allowance { capacity: 4000, refill_per_second: 100 };
/// Keys are made and deleted once per rotation; more than a few at once is a mistake somewhere.
const IAM_KEY: Allowance = Allowance { capacity: 10, refill_per_second: 1 };
/// AWS publishes nothing of Organizations but that it counts for the whole organization, and the little
/// that is told of neighbouring actions is a few calls per second. Answers are kept for minutes, so this is
/// enough for an organization of hundreds of accounts.
const ORGANIZATIONS: Allowance = Allowance { capacity: 20, refill_per_second: 2 };
/// AWS gives each calling account 600 calls per second in a region, over all actions of STS that are
/// signed ("IAM and AWS STS quotas", IAM user guide), and logins of other servers of the account count
/// among them. The server takes a sixth; it asks for each session four times an hour.
const STS: Allowance = Allowance { capacity: 100, refill_per_second: 100 };

impl Api {
    /// Its service.
    #[must_use]
    pub const fn service(self) -> Service {
        match self {
            Self::DescribeInstances => Service::Ec2,
            Self::CreateAccessKey
            | Self::DeleteAccessKey
            | Self::GetInstanceProfile
            | Self::GetRole
            | Self::GetUser => Service::Iam,
            Self::DescribeAccount | Self::DescribeOrganization => Service::Organizations,
            Self::AssumeRole | Self::AssumeRoleWithWebIdentity | Self::GetCallerIdentity => Service::Sts,
        }
    }

    /// Its name with its service, as policies of AWS write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DescribeInstances => "ec2:DescribeInstances",
            Self::CreateAccessKey => "iam:CreateAccessKey",
            Self::DeleteAccessKey => "iam:DeleteAccessKey",
            Self::GetInstanceProfile => "iam:GetInstanceProfile",
            Self::GetRole => "iam:GetRole",
            Self::GetUser => "iam:GetUser",
            Self::DescribeAccount => "organizations:DescribeAccount",
            Self::DescribeOrganization => "organizations:DescribeOrganization",
            Self::AssumeRole => "sts:AssumeRole",
            Self::AssumeRoleWithWebIdentity => "sts:AssumeRoleWithWebIdentity",
            Self::GetCallerIdentity => "sts:GetCallerIdentity",
        }
    }

    /// Its name without the service, as requests contain it.
    #[must_use]
    pub fn action(self) -> &'static str {
        self.name().split_once(':').map_or("", |(_, action)| action)
    }

    /// How often the server itself may call it for a purpose.
    #[must_use]
    pub const fn allowance(self, purpose: Purpose) -> Allowance {
        match (self, purpose) {
            (Self::DescribeInstances, _) => EC2_DESCRIBE,
            (Self::GetInstanceProfile | Self::GetRole | Self::GetUser, Purpose::General) => IAM_READ,
            (Self::GetInstanceProfile | Self::GetRole | Self::GetUser, Purpose::RoleWrite) => IAM_ROLE_WRITE,
            (Self::CreateAccessKey | Self::DeleteAccessKey, _) => IAM_KEY,
            (Self::DescribeAccount | Self::DescribeOrganization, _) => ORGANIZATIONS,
            (Self::AssumeRole | Self::AssumeRoleWithWebIdentity | Self::GetCallerIdentity, _) => STS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_their_service() {
        for api in [
            Api::DescribeInstances,
            Api::GetRole,
            Api::CreateAccessKey,
            Api::AssumeRole,
            Api::DescribeAccount,
        ] {
            assert_eq!(api.name(), format!("{}:{}", api.service().signing_name(), api.action()));
        }
    }

    #[test]
    fn half_of_what_aws_grants_for_descriptions_is_used() {
        let allowance = Api::DescribeInstances.allowance(Purpose::General);
        assert_eq!((allowance.capacity, allowance.refill_per_second), (50, 10));
    }
}
