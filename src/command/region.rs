//! For which region a request is signed, and which host of STS it names: the rules of Vault's tools.

use std::sync::Arc;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::{ProvideRegion, RegionProviderChain};
use aws_config::profile::region::ProfileFileRegionProvider;
use vault_plugin_auth_aws::aws::endpoint::{Endpoint, Service};
use vault_plugin_auth_aws::aws::region::Region;
use vault_plugin_auth_aws::ports::Transport;

use super::credentials::provider_config;
use super::environment::Environment;
use super::exit::Failure;

const DEFAULT: &str = "us-east-1";
/// A region by this name is looked for.
const AUTO: &str = "auto";

/// The regions whose requests name the global host, unless `AWS_STS_REGIONAL_ENDPOINTS` is `regional`. The
/// list is closed.
const LEGACY: [&str; 15] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The region to sign for: the one named, `us-east-1` if none is, and for `auto` that of the environment, of
/// the profile, of the instance, else `us-east-1`.
///
/// # Errors
/// It is none.
pub(crate) async fn signing_region(
    named: Option<&str>,
    profile: Option<&str>,
    transport: &Arc<dyn Transport>,
) -> Result<Region, Failure> {
    let name = match named {
        None | Some("") => DEFAULT.to_owned(),
        Some(AUTO) => found(profile, transport).await.unwrap_or_else(|| DEFAULT.to_owned()),
        Some(name) => name.to_owned(),
    };
    Region::parse(&name).ok_or_else(|| Failure::Usage(format!("{name:?} is not the name of an AWS region")))
}

/// The region in which the credential chain works if it must ask a service: that of the environment or the
/// profile, else the one that is signed for.
pub(crate) async fn chain_region(
    profile: Option<&str>,
    transport: &Arc<dyn Transport>,
    signing: &Region,
) -> String {
    configured(profile, transport).await.unwrap_or_else(|| signing.name().to_owned())
}

async fn found(profile: Option<&str>, transport: &Arc<dyn Transport>) -> Option<String> {
    if let Some(name) = configured(profile, transport).await {
        return Some(name);
    }
    let metadata = ImdsRegionProvider::builder().configure(&provider_config(transport)).build();
    ProvideRegion::region(&metadata).await.map(|region| region.to_string())
}

async fn configured(profile: Option<&str>, transport: &Arc<dyn Transport>) -> Option<String> {
    let mut file = ProfileFileRegionProvider::builder().configure(&provider_config(transport));
    if let Some(name) = profile {
        file = file.profile_name(name);
    }
    let chain =
        RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(file.build());
    chain.region().await.map(|region| region.to_string())
}

/// The endpoint a request for this region names.
///
/// # Errors
/// Cannot happen for a region that was parsed.
pub(crate) fn sts_endpoint(region: &Region, environment: Environment) -> Result<Endpoint, Failure> {
    let regional = environment
        .text("AWS_STS_REGIONAL_ENDPOINTS")
        .is_some_and(|value| value.eq_ignore_ascii_case("regional"));
    if !regional && LEGACY.contains(&region.name()) {
        return Ok(Endpoint::global_sts());
    }
    Endpoint::of_service(Service::Sts, region).map_err(|error| Failure::Usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_regions_name_the_global_host_and_others_their_own() {
        let host = |name: &str, environment: Environment| {
            sts_endpoint(&Region::parse(name).unwrap(), environment).unwrap().authority().to_owned()
        };
        let plain = Environment::of(|_| None);
        for (region, expected) in [
            ("us-east-1", "sts.amazonaws.com"),
            ("eu-west-1", "sts.amazonaws.com"),
            ("eu-south-1", "sts.eu-south-1.amazonaws.com"),
            ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ] {
            assert_eq!(host(region, plain), expected);
        }
        let regional =
            Environment::of(|name| (name == "AWS_STS_REGIONAL_ENDPOINTS").then(|| "regional".into()));
        assert_eq!(host("eu-west-1", regional), "sts.eu-west-1.amazonaws.com");
    }
}
