//! The region the server runs in, as its surroundings tell.

use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::{ProvideRegion, RegionProviderChain};
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;

use super::chain_http::ChainHttp;
use super::look_up_error::LookUpError;
use crate::aws::region::{Partition, Region};
use crate::ports::World;

/// How long the instance metadata service may take; it is on the same machine or not there.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// The region of the environment variables `AWS_REGION` and `AWS_DEFAULT_REGION`, else of the profile,
/// else of the instance metadata service, else `us-east-1`.
///
/// # Errors
/// There is a name, but it is none of a region.
pub async fn ambient_region(world: &World) -> Result<Region, LookUpError> {
    let config = ProviderConfig::default().with_http_client(ChainHttp(Arc::clone(&world.transport)));
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::builder().configure(&config).build());
    let configured = chain.region().await;
    let named = match configured {
        Some(region) => Some(region),
        None => {
            let metadata = ImdsRegionProvider::builder().configure(&config).build();
            let answer = tokio::time::timeout(METADATA_TIMEOUT, ProvideRegion::region(&metadata)).await;
            answer.unwrap_or_default()
        }
    };
    match named {
        None => Ok(Partition::Aws.iam_region()),
        Some(name) => Region::parse(name.as_ref())
            .ok_or_else(|| LookUpError::Region { field: "region", name: name.as_ref().to_owned() }),
    }
}
