//! What EC2 answers about an instance.

use http::StatusCode;
use roxmltree::Node;
use vault_plugin_auth_aws::aws::arn::AccountId;
use vault_plugin_auth_aws::aws::ec2::{Description, Ec2Client, Instance};
use vault_plugin_auth_aws::aws::endpoint::{Endpoint, Service};
use vault_plugin_auth_aws::aws::region::Region;

use crate::target::{Target, Verdict, XML};
use crate::xml_reading::{elements, only, read, text, texts};
use testkit::core::{Aws, block_on, credentials};

const TARGET: Target<1> = Target {
    accepted: &[
        [r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><reservationSet><item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>running</name></instanceState><privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><launchTime>2026-01-02T03:04:05.000Z</launchTime><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/p</arn><id>AIPA</id></iamInstanceProfile><tagSet><item><key>role</key><value>v1:n:r=dev:mac</value></item><item><key>k</key><value/></item></tagSet><networkInterfaceSet><item><subnetId>subnet-2</subnetId></item></networkInterfaceSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>"#],
        ["<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"],
        [
            "<DescribeInstancesResponse><reservationSet><item><instancesSet/></item></reservationSet></DescribeInstancesResponse>",
        ],
        [
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><imageId>a</imageId><instanceState><name>stopped</name></instanceState><launchTime>t</launchTime></item></instancesSet></item></reservationSet></DescribeInstancesResponse>",
        ],
    ],
    refused: &[
        [
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><imageId>a</imageId><instanceState><name>running</name></instanceState><launchTime>t</launchTime></item><item/></instancesSet></item></reservationSet></DescribeInstancesResponse>",
        ],
        [
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><imageId>a</imageId><instanceState><name>running</name></instanceState><launchTime>t</launchTime></item><item><instanceId>i-1</instanceId><imageId>a</imageId><instanceState><name>running</name></instanceState><launchTime>t</launchTime></item></instancesSet></item></reservationSet></DescribeInstancesResponse>",
        ],
        [
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><imageId>a</imageId><instanceState><name>running</name></instanceState><launchTime>t</launchTime></item></instancesSet></item><item><instancesSet></instancesSet></item></reservationSet></DescribeInstancesResponse>",
        ],
        [
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><imageId>a</imageId><instanceState><name>running</name></instanceState><launchTime>t</launchTime><vpcId>a</vpcId><vpcId>b</vpcId></item></instancesSet></item></reservationSet></DescribeInstancesResponse>",
        ],
        ["<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code></Error></Errors></Response>"],
    ],
    tokens: &[
        XML,
        &[
            "<reservationSet>",
            "</reservationSet>",
            "<item>",
            "</item>",
            "<item/>",
            "<instancesSet>",
            "</instancesSet>",
            "<instanceId>i-2</instanceId>",
            "<instanceId/>",
            "<imageId>x</imageId>",
            "<instanceState>",
            "</instanceState>",
            "<name>running</name>",
            "<launchTime>",
            "</launchTime>",
            "<subnetId>x</subnetId>",
            "<vpcId>x</vpcId>",
            "<ownerId>2</ownerId>",
            "<iamInstanceProfile/>",
            "<iamInstanceProfile>",
            "</iamInstanceProfile>",
            "<arn>x</arn>",
            "<tagSet>",
            "</tagSet>",
            "<key>",
            "</key>",
            "<value>",
            "</value>",
            "<item><key>k</key><value>v</value></item>",
        ],
    ],
    check,
};

#[test]
fn ec2_answer() {
    TARGET.run();
}

fn check([input]: [&[u8]; 1]) -> Verdict {
    let region = Region::parse("eu-west-1").unwrap();
    let endpoint = Endpoint::of_service(Service::Ec2, &region).unwrap();
    let client = Ec2Client { account: AccountId::new("1"), endpoint, region, credentials: credentials() };
    let aws = Aws::answering(StatusCode::OK, input);
    let description = match block_on(client.describe_instance("i-0123456789abcdef0", aws.context())) {
        Ok(description) => description,
        Err(error) => {
            assert!(
                error.to_string().starts_with("DescribeInstances at https://ec2.eu-west-1.amazonaws.com")
            );
            return Verdict::refused("unreadable");
        }
    };
    let document = std::str::from_utf8(input).expect("what was read is UTF-8");
    let Some(document) = read(document.trim()) else {
        return Verdict::accepted("with a namespace of its own");
    };
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "DescribeInstancesResponse");
    let reservations = elements(root, &["reservationSet", "item"]);
    let instances = elements(root, &["reservationSet", "item", "instancesSet", "item"]);
    match description {
        Description::NoReservation => {
            assert_eq!(reservations.len(), 0);
            Verdict::accepted("no reservation")
        }
        Description::NoInstance => {
            assert_eq!((reservations.len(), instances.len()), (1, 0));
            Verdict::accepted("no instance")
        }
        Description::WithoutId | Description::WithoutState | Description::Incomplete => {
            assert_eq!((reservations.len(), instances.len()), (1, 1));
            Verdict::accepted("incomplete")
        }
        Description::Instance(instance) => {
            assert_eq!((reservations.len(), instances.len()), (1, 1));
            assert_is_same(&instance, instances[0]);
            Verdict::accepted("instance")
        }
    }
}

/// Asserts that both readers see the same instance.
fn assert_is_same(instance: &Instance, element: Node<'_, '_>) {
    let value = |name| only(element, name).map(text).filter(|text| !text.is_empty());
    assert_eq!(value("instanceId").as_deref(), Some(instance.id.as_str()));
    assert_eq!(value("imageId").as_deref(), Some(instance.image_id.as_str()));
    assert_eq!(value("launchTime").as_deref(), Some(instance.launch_time.as_str()));
    assert_eq!(value("subnetId"), instance.subnet_id);
    assert_eq!(value("vpcId"), instance.vpc_id);
    assert_eq!(value("privateDnsName"), instance.private_dns_name);
    assert_eq!(texts(element, &["instanceState", "name"]), [instance.state.as_str()]);
    let profile = only(element, "iamInstanceProfile");
    assert_eq!(profile.is_some(), instance.profile.is_some());
    let arns = texts(element, &["iamInstanceProfile", "arn"]);
    let arn = arns.into_iter().next().filter(|text| !text.is_empty());
    assert_eq!(arn, instance.profile.as_ref().and_then(|profile| profile.arn.clone()));
    let tags: Vec<(String, String)> = elements(element, &["tagSet", "item"])
        .into_iter()
        .map(|tag| {
            (only(tag, "key").map(text).expect("a key"), only(tag, "value").map(text).unwrap_or_default())
        })
        .collect();
    assert_eq!(tags, instance.tags);
}
