//! Reading what AWS answers.

use divan::{Bencher, black_box};
use http::StatusCode;
use vault_plugin_auth_aws::aws::ec2::Ec2Client;
use vault_plugin_auth_aws::aws::endpoint::{Endpoint, Service};
use vault_plugin_auth_aws::aws::region::Region;
use vault_plugin_auth_aws::aws::sts::CallerIdentity;

use testkit::core::{Aws, block_on, credentials};

/// As STS writes it, spaces included.
pub(crate) const CALLER: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:sts::123456789012:assumed-role/App/i-0123456789abcdef0</Arn>
    <UserId>AROAEXAMPLEEXAMPLEEXA:i-0123456789abcdef0</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
"#;

/// The elements of an instance that are read, and some that are not.
const INSTANCE: &str = r#"<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>01234567-89ab-cdef-0123-456789abcdef</requestId>
    <reservationSet><item><reservationId>r-0123456789abcdef0</reservationId><ownerId>123456789012</ownerId><groupSet/>
    <instancesSet><item>
        <instanceId>i-0123456789abcdef0</instanceId><imageId>ami-0123456789abcdef0</imageId>
        <instanceState><code>16</code><name>running</name></instanceState>
        <privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName/><reason/><keyName>key</keyName>
        <amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>t3.micro</instanceType>
        <launchTime>2026-01-01T00:00:00.000Z</launchTime>
        <placement><availabilityZone>us-east-1a</availabilityZone><groupName/><tenancy>default</tenancy></placement>
        <monitoring><state>disabled</state></monitoring>
        <subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId>
        <privateIpAddress>10.0.0.1</privateIpAddress>
        <groupSet><item><groupId>sg-0123456789abcdef0</groupId><groupName>default</groupName></item></groupSet>
        <architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>
        <tagSet><item><key>Name</key><value>app</value></item><item><key>team</key><value>blue</value></item></tagSet>
        <iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/App</arn><id>AIPAEXAMPLE</id></iamInstanceProfile>
    </item></instancesSet></item></reservationSet>
</DescribeInstancesResponse>
"#;

#[divan::bench]
fn caller_identity() -> CallerIdentity {
    CallerIdentity::parse(black_box(CALLER.as_bytes())).unwrap()
}

/// The call is signed, too.
#[divan::bench]
fn instance_and_its_call(bencher: Bencher) {
    let region = Region::parse("us-east-1").unwrap();
    let endpoint = Endpoint::of_service(Service::Ec2, &region).unwrap();
    let client = Ec2Client { account: Default::default(), endpoint, region, credentials: credentials() };
    let aws = Aws::answering(StatusCode::OK, INSTANCE.as_bytes());
    bencher.bench_local(|| {
        let description = block_on(client.describe_instance("i-0123456789abcdef0", aws.context())).unwrap();
        aws.take_requests();
        description
    });
}
