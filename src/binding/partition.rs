//! That a caller is of the partition in which something is looked up for it.

use thiserror::Error;

use crate::aws::arn::Arn;
use crate::aws::region::Region;
use crate::go::text::quote;
use crate::refusal::{Code, Coded, Fact};

/// A caller is of one partition, and what a role looks up for it of another. Account numbers are given out in each
/// partition anew, so an equal number does not make the account the caller's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the caller is of partition {}, and the region of partition {}", quote(caller), quote(region))]
pub struct OtherPartition {
    caller: String,
    region: &'static str,
}

impl Coded for OtherPartition {
    fn code(&self) -> Code {
        Code::OtherPartition
    }

    fn facts(&self) -> Vec<Fact> {
        vec![Fact { name: "partition", seen: self.caller.clone(), wanted: self.region.to_owned() }]
    }
}

/// Compares the partition of a caller with that of a region. A text that is no region is left to the look-up, which
/// refuses it.
///
/// # Errors
/// They differ.
pub fn check_partition(caller: &Arn, region: &str) -> Result<(), OtherPartition> {
    match Region::parse(region).map(|region| region.partition().name()) {
        Some(region) if region != caller.partition() => {
            Err(OtherPartition { caller: caller.partition().to_owned(), region })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_compared_with_the_partition_of_the_region() {
        for (caller, region, is_same) in [
            ("aws", "us-east-1", true),
            ("aws-cn", "cn-north-1", true),
            ("aws-us-gov", "us-gov-west-1", true),
            ("aws-cn", "us-east-1", false),
            ("aws", "cn-north-1", false),
            ("aws-us-gov", "us-east-1", false),
            ("aws-foo", "us-east-1", false),
            ("aws-cn", "nowhere", true),
        ] {
            let arn = Arn::parse(&format!("arn:{caller}:sts::1:assumed-role/App/s")).unwrap();
            assert_eq!(check_partition(&arn, region).is_ok(), is_same, "{caller} {region}");
        }
    }
}
