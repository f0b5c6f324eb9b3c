//! Signing a call of the server itself (Signature Version 4).

use divan::Bencher;
use http::StatusCode;
use vault_plugin_auth_aws::aws::endpoint::{Endpoint, Service};
use vault_plugin_auth_aws::aws::iam::IamClient;
use vault_plugin_auth_aws::aws::region::Region;

use testkit::core::{Aws, block_on, credentials};

const USER: &str = "<GetUserResponse><GetUserResult><User><UserId>AIDA</UserId><Arn>arn:aws:iam::1:user/u</Arn></User></GetUserResult></GetUserResponse>";

/// With the shortest answer that can be read.
#[divan::bench]
fn signed_call(bencher: Bencher) {
    let region = Region::parse("us-east-1").unwrap();
    let endpoint = Endpoint::of_service(Service::Iam, &region).unwrap();
    let client = IamClient { account: Default::default(), endpoint, region, credentials: credentials() };
    let aws = Aws::answering(StatusCode::OK, USER.as_bytes());
    bencher.bench_local(|| {
        let user = block_on(client.get_user("u", aws.context())).unwrap();
        aws.take_requests();
        user
    });
}
