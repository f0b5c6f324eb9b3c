//! Operations of IAM and EC2.

use super::client::{Response, send};
use crate::aws::{
    ACCOUNT, Aws, Credentials, Entity, Instance, InstanceState, LoginOptions, OTHER_ACCOUNT, RequestForm,
    sign,
};

const NO_SUCH_ENTITY: (u16, &str) = (404, "NoSuchEntity");

async fn iam(aws: &Aws, keys: &Credentials, parameters: &str) -> Response {
    let parameters = format!("{parameters}&Version=2010-05-08");
    send(aws, &sign(keys, &LoginOptions::call("iam", "us-east-1", &parameters))).await
}

async fn ec2(aws: &Aws, keys: &Credentials, region: &str, parameters: &str) -> Response {
    let parameters = format!("Action=DescribeInstances&Version=2016-11-15{parameters}");
    send(aws, &sign(keys, &LoginOptions::call("ec2", region, &parameters))).await
}

#[tokio::test]
async fn users_and_roles_of_the_callers_account() {
    let aws = Aws::start().await;
    let alice = aws.create_user(Entity::named("alice").path("/team/").tag("env", "prod"));
    let elsewhere = aws.create_user(Entity::named("bob").account(OTHER_ACCOUNT));
    let role = aws.create_role(Entity::named("App").path("/apps/"));
    let twin = aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
    let session = aws.session(&role, "one");

    for parameters in ["Action=GetUser", "Action=GetUser&UserName=alice", "Action=GetUser&UserName="] {
        let response = iam(&aws, &alice.credentials, parameters).await;
        assert_eq!((response.status, response.header("content-type")), (200, Some("text/xml")));
        assert_eq!(response.text("Arn"), Some("arn:aws:iam::111122223333:user/team/alice"));
        assert_eq!(response.text("UserId"), Some(alice.unique_id.as_str()));
        assert_eq!((response.text("Path"), response.text("Key")), (Some("/team/"), Some("env")));
    }
    let none = iam(&aws, &alice.credentials, "Action=GetUser&UserName=bob").await;
    assert_eq!(none.error(), NO_SUCH_ENTITY);
    assert_eq!(none.text("Message"), Some("The user with name bob cannot be found."));
    assert!(none.body.starts_with("<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">"));
    assert_eq!(none.text("Type"), Some("Sender"));
    let unnamed = iam(&aws, &session.credentials, "Action=GetUser").await;
    assert_eq!(unnamed.error(), (400, "ValidationError"));

    for (keys, expected) in [(&alice.credentials, &role), (&elsewhere.credentials, &twin)] {
        let response = iam(&aws, keys, "Action=GetRole&RoleName=App").await;
        assert_eq!(response.text("Arn"), Some(expected.arn.as_str()));
        assert_eq!(response.text("RoleId"), Some(expected.unique_id.as_str()));
    }
    let none = iam(&aws, &alice.credentials, "Action=GetRole&RoleName=app").await;
    assert_eq!(none.error(), NO_SUCH_ENTITY);
    assert_eq!(iam(&aws, &alice.credentials, "Action=GetRole").await.error(), (400, "ValidationError"));
    assert_eq!(iam(&aws, &alice.credentials, "Action=ListUsers").await.error(), (400, "InvalidAction"));
}

#[tokio::test]
async fn instance_profiles_with_their_roles() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let (a, b) = (aws.create_role("A"), aws.create_role("B"));
    let profile = aws.create_instance_profile(Entity::named("web").path("/p/"), &[&a]);
    assert!(profile.unique_id.starts_with("AIPA"));
    aws.create_instance_profile("none", &[]);
    aws.create_instance_profile("both", &[&a, &b]);
    let get = "Action=GetInstanceProfile&InstanceProfileName=";
    let response = iam(&aws, &user.credentials, &format!("{get}web")).await;
    assert_eq!(response.text("InstanceProfileId"), Some(profile.unique_id.as_str()));
    assert!(response.body.contains("<Arn>arn:aws:iam::111122223333:instance-profile/p/web</Arn>"));
    assert!(response.body.contains(&format!("<Arn>{}</Arn>", a.arn)));
    for (name, roles) in [("web", 1), ("none", 0), ("both", 2)] {
        let response = iam(&aws, &user.credentials, &format!("{get}{name}")).await;
        assert_eq!(response.elements("member"), roles, "{name}");
    }
    assert_eq!(iam(&aws, &user.credentials, &format!("{get}x")).await.error(), NO_SUCH_ENTITY);
    aws.delete_instance_profile(&profile);
    assert_eq!(iam(&aws, &user.credentials, &format!("{get}web")).await.error(), NO_SUCH_ENTITY);
}

#[tokio::test]
async fn access_keys_are_made_and_deleted() {
    let aws = Aws::start().await;
    let user = aws.create_user("vault");
    let other = aws.create_user("other");
    let response = iam(&aws, &user.credentials, "Action=CreateAccessKey").await;
    assert_eq!((response.text("UserName"), response.text("Status")), (Some("vault"), Some("Active")));
    let created = Credentials {
        access_key_id: response.text("AccessKeyId").unwrap().to_owned(),
        secret_access_key: response.text("SecretAccessKey").unwrap().to_owned(),
        session_token: None,
    };
    assert_eq!(aws.access_keys(&user).len(), 2);
    let third = iam(&aws, &created, "Action=CreateAccessKey").await;
    assert_eq!(third.error(), (409, "LimitExceeded"));

    let foreign = format!("Action=DeleteAccessKey&AccessKeyId={}", other.credentials.access_key_id);
    assert_eq!(iam(&aws, &created, &foreign).await.error(), NO_SUCH_ENTITY);
    let named = iam(&aws, &created, &format!("{foreign}&UserName=other")).await;
    assert_eq!(named.status, 200);
    let old = format!("Action=DeleteAccessKey&AccessKeyId={}", user.credentials.access_key_id);
    let deleted = iam(&aws, &created, &old).await;
    assert_eq!((deleted.status, deleted.elements("DeleteAccessKeyResult")), (200, 0));
    assert_eq!(deleted.elements("ResponseMetadata"), 1);
    assert_eq!(iam(&aws, &created, &old).await.error(), NO_SUCH_ENTITY);
    let gone = iam(&aws, &user.credentials, "Action=GetUser").await;
    assert_eq!(gone.error(), (403, "InvalidClientTokenId"));
    assert_eq!(iam(&aws, &created, "Action=GetUser").await.status, 200);
}

#[tokio::test]
async fn an_instance_with_all_it_has() {
    let aws = Aws::start().await;
    let user = aws.create_user("vault");
    let role = aws.create_role("App");
    let profile = aws.create_instance_profile("web", &[&role]);
    let id = "i-0123456789abcdef0";
    aws.run_instance(Instance::with_id(id).profile(&profile).tag("Name", "a<b").tag("VaultRole", "v1:x"));
    let response = ec2(&aws, &user.credentials, "us-east-1", &format!("&InstanceId.1={id}")).await;
    assert_eq!(response.header("content-type"), Some("text/xml;charset=UTF-8"));
    assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse \
                 xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>";
    assert!(response.body.starts_with(start), "{}", response.body);
    for part in [
        "<reservationSet><item><reservationId>r-0123456789abcdef0</reservationId><ownerId>111122223333</ownerId><groupSet/><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId><imageId>ami-0abcdef1234567890</imageId>",
        "<instanceState><code>16</code><name>running</name></instanceState><privateDnsName>ip-10-0-0-12.ec2.internal</privateDnsName>",
        "<launchTime>2026-01-02T03:04:05.000Z</launchTime>",
        "<subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0a1b2c3d4e5f60718</vpcId>",
        "<tagSet><item><key>Name</key><value>a&lt;b</value></item><item><key>VaultRole</key><value>v1:x</value></item></tagSet>",
        &format!(
            "<iamInstanceProfile><arn>{}</arn><id>{}</id></iamInstanceProfile>",
            profile.arn, profile.unique_id
        ),
    ] {
        assert!(response.body.contains(part), "{part} in {}", response.body);
    }
    aws.set_instance_state(id, InstanceState::ShuttingDown);
    let response = ec2(&aws, &user.credentials, "us-east-1", &format!("&InstanceId.1={id}")).await;
    assert!(response.body.contains("<code>32</code><name>shutting-down</name>"));
    aws.change_instance(id, |instance| {
        let id = instance.id.clone();
        *instance = Instance {
            image_id: None,
            vpc_id: None,
            subnet_id: None,
            profile: None,
            state: None,
            private_dns_name: None,
            launch_time: None,
            tags: Vec::new(),
            ..Instance::with_id(&id)
        };
    });
    let response = ec2(&aws, &user.credentials, "us-east-1", &format!("&InstanceId.1={id}")).await;
    for name in [
        "imageId",
        "vpcId",
        "subnetId",
        "iamInstanceProfile",
        "instanceState",
        "privateDnsName",
        "launchTime",
        "tagSet",
    ] {
        assert_eq!(response.elements(name), 0, "{name}");
    }
    assert_eq!(response.text("instanceId"), Some(id));
}

#[tokio::test]
async fn instances_by_id_region_and_account() {
    let aws = Aws::start().await;
    let here = aws.create_user("vault");
    let there = aws.create_user(Entity::named("vault").account(OTHER_ACCOUNT));
    let (a, b, c, d) = ("i-0000000000000000a", "i-0000000000000000b", "i-0000000c", "i-0000000d");
    aws.run_instance(a);
    aws.run_instance(b);
    aws.run_instance(Instance::with_id(c).region("eu-west-1"));
    aws.run_instance(Instance::with_id(d).account(OTHER_ACCOUNT));

    let both = format!("&InstanceId.1={b}&InstanceId.2={a}&InstanceId.3={b}");
    let response = ec2(&aws, &here.credentials, "us-east-1", &both).await;
    assert_eq!((response.elements("reservationId"), response.elements("instanceId")), (2, 2));
    let all = ec2(&aws, &here.credentials, "us-east-1", "").await;
    assert_eq!(all.elements("instanceId"), 2);
    let presigned = LoginOptions {
        form: RequestForm::PresignedGet,
        ..LoginOptions::call(
            "ec2",
            "us-east-1",
            &format!("Action=DescribeInstances&Version=2016-11-15{both}"),
        )
    };
    let response = send(&aws, &sign(&here.credentials, &presigned)).await;
    assert_eq!(response.elements("instanceId"), 2, "{}", response.body);
    let none = ec2(&aws, &here.credentials, "sa-east-1", "").await;
    assert_eq!((none.status, none.elements("reservationSet")), (200, 1));
    for (keys, region, id) in [(&here, "eu-west-1", c), (&there, "us-east-1", d)] {
        let response = ec2(&aws, &keys.credentials, region, &format!("&InstanceId.1={id}")).await;
        assert_eq!(response.text("instanceId"), Some(id));
    }
    assert_eq!(aws.calls("DescribeInstances").last().unwrap().account, OTHER_ACCOUNT);
    assert_eq!(aws.calls("DescribeInstances")[0].account, ACCOUNT);

    for (parameters, message) in [
        (format!("&InstanceId.1={c}"), format!("The instance ID '{c}' does not exist")),
        (format!("&InstanceId.1={d}&InstanceId.2={a}"), format!("The instance ID '{d}' does not exist")),
        (format!("&InstanceId.1={d}&InstanceId.2={c}"), format!("The instance IDs '{c}, {d}' do not exist")),
    ] {
        let response = ec2(&aws, &here.credentials, "us-east-1", &parameters).await;
        assert_eq!(response.error(), (400, "InvalidInstanceID.NotFound"));
        assert_eq!(response.text("Message"), Some(message.as_str()));
        assert!(response.body.contains("\n<Response><Errors><Error><Code>"), "{}", response.body);
        assert_eq!(response.text("RequestID"), response.header("x-amzn-requestid"));
    }
    for id in ["", "session", "i-0000000000000000A", "i-00000000000", "i-0000000g", "a%20b"] {
        let parameters = format!("&InstanceId.1={a}&InstanceId.2={id}");
        let response = ec2(&aws, &here.credentials, "us-east-1", &parameters).await;
        assert_eq!(response.error(), (400, "InvalidInstanceID.Malformed"), "{id}");
    }
    for parameters in ["&InstanceId.x=i-0000000a", "&Filter.1.Name=x", "&Further=1"] {
        let response = ec2(&aws, &here.credentials, "us-east-1", parameters).await;
        assert_eq!(response.error(), (400, "UnknownParameter"), "{parameters}");
    }
    aws.remove_instance(a);
    let response = ec2(&aws, &here.credentials, "us-east-1", &format!("&InstanceId.1={a}")).await;
    assert_eq!(response.error(), (400, "InvalidInstanceID.NotFound"));
}

#[tokio::test]
async fn ec2_words_refusals_its_own_way() {
    let aws = Aws::start().await;
    let user = aws.create_user("vault");
    let role = aws.create_role("App");
    let ended = aws.session_until(&role, "one", aws.now());
    let mut wrong = user.credentials.clone();
    wrong.secret_access_key.push('x');
    let mut unknown = user.credentials.clone();
    unknown.access_key_id = "AKIAUNKNOWNUNKNOWN22".to_owned();
    for (keys, expected) in [
        (&wrong, (401, "AuthFailure")),
        (&unknown, (401, "AuthFailure")),
        (&ended.credentials, (400, "RequestExpired")),
    ] {
        let response = ec2(&aws, keys, "us-east-1", "").await;
        assert_eq!(response.error(), expected);
        assert_eq!(response.elements("Errors"), 1);
    }
    aws.set_clock_offset(time::Duration::hours(1));
    assert_eq!(ec2(&aws, &user.credentials, "us-east-1", "").await.error(), (400, "RequestExpired"));
}
