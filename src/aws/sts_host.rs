//! Which host names are those of STS.

use super::endpoint::Endpoint;
use super::region::Region;

/// Whether AWS has STS under this name: the global one, or that of a region, as `sts` or `sts-fips`, under the
/// suffix of its partition or under that of names with IPv6.
#[must_use]
pub fn is_sts_host(host: &str) -> bool {
    if host == Endpoint::global_sts().authority() {
        return true;
    }
    let Some(rest) = host.strip_prefix("sts.").or_else(|| host.strip_prefix("sts-fips.")) else {
        return false;
    };
    let Some((region, suffix)) = rest.split_once('.') else { return false };
    Region::parse(region).is_some_and(|region| {
        let partition = region.partition();
        suffix == partition.dns_suffix() || suffix == partition.dual_stack_suffix()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_every_partition_are_known() {
        for host in [
            "sts.amazonaws.com",
            "sts.eu-west-1.amazonaws.com",
            "sts-fips.us-east-1.amazonaws.com",
            "sts.eu-west-1.api.aws",
            "sts-fips.us-west-2.api.aws",
            "sts.us-gov-west-1.amazonaws.com",
            "sts.us-gov-east-1.api.aws",
            "sts.cn-north-1.amazonaws.com.cn",
            "sts.cn-northwest-1.api.amazonwebservices.com.cn",
            "sts.us-iso-east-1.c2s.ic.gov",
            "sts.us-isob-east-1.sc2s.sgov.gov",
            "sts.eu-isoe-west-1.cloud.adc-e.uk",
            "sts.us-isof-south-1.csp.hci.ic.gov",
            "sts.eusc-de-east-1.amazonaws.eu",
            "sts.eusc-de-east-1.api.amazonwebservices.eu",
        ] {
            assert!(is_sts_host(host), "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "",
            "sts",
            "sts.",
            "sts.api.aws",
            "STS.amazonaws.com",
            "sts.amazonaws.com.",
            "sts.amazonaws.com:443",
            "sts.amazonaws.com.evil.example",
            "sts.amazonaws.com.cn",
            "sts-fips.amazonaws.com",
            "evil.sts.amazonaws.com",
            "iam.amazonaws.com",
            "ec2.eu-west-1.amazonaws.com",
            "sts.eu-west-1.amazonaws.com.cn",
            "sts.cn-north-1.amazonaws.com",
            "sts.cn-north-1.api.aws",
            "sts.mars-west-1.amazonaws.com",
            "sts.EU-WEST-1.amazonaws.com",
            "sts.eu-west-1.evil.example",
            "sts..amazonaws.com",
        ] {
            assert!(!is_sts_host(host), "{host}");
        }
    }
}
