//! Partitions and regions.
//!
//! A region is accepted only if it matches the pattern of a partition, so that regions launched later
//! work, and nothing else of a client's text ever reaches a host name.

use thiserror::Error;

use crate::aws::arn::Arn;
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// A group of regions with its own accounts, endpoints and ARNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// China.
    AwsCn,
    /// GovCloud (US).
    AwsUsGov,
    /// ISO (US).
    AwsIso,
    /// ISOB (US).
    AwsIsoB,
    /// ISOE (Europe).
    AwsIsoE,
    /// ISOF.
    AwsIsoF,
    /// European Sovereign Cloud.
    AwsEusc,
}

/// There is no partition of this name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unable to resolve partition {} to a region", quote(.0))]
pub struct UnknownPartition(String);

impl Coded for UnknownPartition {
    fn code(&self) -> Code {
        Code::PartitionUnknown
    }
}

impl Partition {
    const ALL: [Self; 8] = [
        Self::Aws,
        Self::AwsCn,
        Self::AwsUsGov,
        Self::AwsIso,
        Self::AwsIsoB,
        Self::AwsIsoE,
        Self::AwsIsoF,
        Self::AwsEusc,
    ];

    /// As it stands in ARNs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsIso => "aws-iso",
            Self::AwsIsoB => "aws-iso-b",
            Self::AwsIsoE => "aws-iso-e",
            Self::AwsIsoF => "aws-iso-f",
            Self::AwsEusc => "aws-eusc",
        }
    }

    /// The partition of an ARN, which decides where IAM is asked.
    ///
    /// # Errors
    /// There is no such partition.
    pub fn of(arn: &Arn) -> Result<Self, UnknownPartition> {
        Self::from_name(arn.partition()).ok_or_else(|| UnknownPartition(arn.partition().to_owned()))
    }

    /// The partition of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|partition| partition.name() == name)
    }

    pub(super) const fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "amazonaws.com",
            Self::AwsCn => "amazonaws.com.cn",
            Self::AwsIso => "c2s.ic.gov",
            Self::AwsIsoB => "sc2s.sgov.gov",
            Self::AwsIsoE => "cloud.adc-e.uk",
            Self::AwsIsoF => "csp.hci.ic.gov",
            Self::AwsEusc => "amazonaws.eu",
        }
    }

    /// The suffix of names that have addresses of both kinds, IPv4 and IPv6.
    pub(super) const fn dual_stack_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "api.aws",
            Self::AwsCn => "api.amazonwebservices.com.cn",
            Self::AwsIso => "api.aws.ic.gov",
            Self::AwsIsoB => "api.aws.scloud",
            Self::AwsIsoE => "api.cloud-aws.adc-e.uk",
            Self::AwsIsoF => "api.aws.hci.ic.gov",
            Self::AwsEusc => "api.amazonwebservices.eu",
        }
    }

    /// What region names of the partition begin with, without the direction and the number.
    const fn region_prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Aws => &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
            Self::AwsCn => &["cn"],
            Self::AwsUsGov => &["us-gov"],
            Self::AwsIso => &["us-iso"],
            Self::AwsIsoB => &["us-isob"],
            Self::AwsIsoE => &["eu-isoe"],
            Self::AwsIsoF => &["us-isof"],
            Self::AwsEusc => &["eusc-de"],
        }
    }

    /// The region whose IAM endpoint serves the whole partition.
    #[must_use]
    pub fn iam_region(self) -> Region {
        let name = match self {
            Self::Aws => "us-east-1",
            Self::AwsCn => "cn-north-1",
            Self::AwsUsGov => "us-gov-west-1",
            Self::AwsIso => "us-iso-east-1",
            Self::AwsIsoB => "us-isob-east-1",
            Self::AwsIsoE => "eu-isoe-west-1",
            Self::AwsIsoF => "us-isof-south-1",
            Self::AwsEusc => "eusc-de-east-1",
        };
        Region { partition: self, name: name.to_owned() }
    }

    /// The region for which requests to Organizations are signed, and in which it is.
    #[must_use]
    pub fn organizations_region(self) -> Region {
        match self {
            Self::AwsCn => Region { partition: self, name: "cn-northwest-1".to_owned() },
            _ => self.iam_region(),
        }
    }

    pub(super) fn iam_host(self) -> String {
        match self {
            Self::Aws => "iam.amazonaws.com".to_owned(),
            Self::AwsUsGov => "iam.us-gov.amazonaws.com".to_owned(),
            other => format!("iam.{}.{}", other.iam_region().name, other.dns_suffix()),
        }
    }
}

/// A region name that matches the pattern of its partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    partition: Partition,
    name: String,
}

/// Longest region name that is looked at; the longest known has 15 characters.
const MAX_REGION_NAME: usize = 32;

impl Region {
    /// The region of this name, if its form is that of a partition's regions.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name.len() > MAX_REGION_NAME {
            return None;
        }
        let partition = Partition::ALL.into_iter().find(|partition| {
            partition.region_prefixes().iter().any(|prefix| {
                name.strip_prefix(prefix)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(is_direction_and_number)
            })
        })?;
        Some(Self { partition, name: name.to_owned() })
    }

    /// Its name, as signatures contain it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }
}

/// `<lower-case letters>-<digits>`, as in `west-2`.
fn is_direction_and_number(text: &str) -> bool {
    text.split_once('-').is_some_and(|(direction, number)| {
        !direction.is_empty()
            && direction.bytes().all(|byte| byte.is_ascii_lowercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
