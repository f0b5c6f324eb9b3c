//! What IAM answers about users, roles and instance profiles.

use http::StatusCode;
use vault_plugin_auth_aws::aws::arn::AccountId;
use vault_plugin_auth_aws::aws::endpoint::{Endpoint, Service};
use vault_plugin_auth_aws::aws::error::{CallError, NoResult};
use vault_plugin_auth_aws::aws::iam::IamClient;
use vault_plugin_auth_aws::aws::region::Partition;

use crate::target::{Target, Verdict, XML};
use crate::xml_reading::{elements, only, read, text, texts};
use testkit::core::{Aws, block_on, credentials};

const TARGET: Target<1> = Target {
    accepted: &[
        [
            r#"<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult><User><Path>/p/</Path><UserName>u</UserName><UserId>AIDA</UserId><Arn>arn:aws:iam::1:user/p/u</Arn></User></GetUserResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetUserResponse>"#,
        ],
        [
            "<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName><RoleId>AROA</RoleId><Arn>arn:aws:iam::1:role/r</Arn></Role></GetRoleResult></GetRoleResponse>",
        ],
        [
            "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><InstanceProfileId>AIPA</InstanceProfileId><Arn>p</Arn><Roles><member><RoleName>a</RoleName><Arn>arn:aws:iam::1:role/a</Arn></member><member><Arn>b</Arn></member></Roles></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>",
        ],
        [
            "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><InstanceProfileId>AIPA</InstanceProfileId><Roles/></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>",
        ],
    ],
    refused: &[
        [
            "<GetUserResponse><GetUserResult><User><UserId>AIDA</UserId><Arn>a</Arn></User><User><Arn>b</Arn></User></GetUserResult></GetUserResponse>",
        ],
        [
            "<GetRoleResponse><GetRoleResult><Role><RoleId>AROA</RoleId><Arn></Arn></Role></GetRoleResult></GetRoleResponse>",
        ],
        [
            "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><InstanceProfileId>AIPA</InstanceProfileId><Roles><member/></Roles></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>",
        ],
        ["<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>"],
    ],
    tokens: &[
        XML,
        &[
            "<GetUserResult>",
            "</GetUserResult>",
            "<User>",
            "</User>",
            "<UserId>x</UserId>",
            "<UserId/>",
            "<Arn>x</Arn>",
            "<Arn/>",
            "<Arn>",
            "</Arn>",
            "<GetRoleResult>",
            "</GetRoleResult>",
            "<Role>",
            "</Role>",
            "<RoleId>x</RoleId>",
            "<InstanceProfileId>x</InstanceProfileId>",
            "<Roles>",
            "</Roles>",
            "<Roles/>",
            "<member>",
            "</member>",
            "<member/>",
            "<member><Arn>c</Arn></member>",
        ],
    ],
    check,
};

#[test]
fn iam_answer() {
    TARGET.run();
}

fn check([input]: [&[u8]; 1]) -> Verdict {
    let region = Partition::Aws.iam_region();
    let endpoint = Endpoint::of_service(Service::Iam, &region).unwrap();
    let client = IamClient { account: AccountId::new("1"), endpoint, region, credentials: credentials() };
    let aws = Aws::answering(StatusCode::OK, input);
    // By their roots, an answer answers one of the questions at most.
    let user = block_on(client.get_user("n", aws.context()));
    let role = block_on(client.get_role("n", aws.context()));
    let profile = block_on(client.get_instance_profile("n", aws.context()));
    for error in [user.as_ref().err(), role.as_ref().err(), profile.as_ref().err()].into_iter().flatten() {
        assert!(matches!(error, CallError::Failed(call) if call.cause == NoResult::Unreadable));
    }
    assert!([user.is_ok(), role.is_ok(), profile.is_ok()].iter().filter(|ok| **ok).count() <= 1);
    let entity = match (&user, &role) {
        (Ok(user), _) => Some((user, ["GetUserResult", "User", "UserId"])),
        (_, Ok(role)) => Some((role, ["GetRoleResult", "Role", "RoleId"])),
        _ => None,
    };
    if entity.is_none() && profile.is_err() {
        return Verdict::refused("unreadable");
    }
    let document = std::str::from_utf8(input).expect("what was read is UTF-8");
    let Some(document) = read(document.trim()) else {
        return Verdict::accepted("with a namespace of its own");
    };
    let root = document.root_element();
    if let Some((entity, [result, element, id])) = entity {
        assert_eq!(texts(root, &[result, element, "Arn"]), [entity.arn.as_str()]);
        assert_eq!(texts(root, &[result, element, id]), [entity.unique_id.as_str()]);
        assert!(!entity.arn.is_empty() && !entity.unique_id.is_empty());
        return Verdict::accepted(element);
    }
    let profile = profile.unwrap();
    let path = ["GetInstanceProfileResult", "InstanceProfile"];
    assert_eq!(texts(root, &[path[0], path[1], "InstanceProfileId"]), [profile.unique_id.as_str()]);
    let members = elements(root, &[path[0], path[1], "Roles", "member"]);
    let roles: Vec<String> =
        members.into_iter().map(|member| text(only(member, "Arn").expect("an ARN"))).collect();
    assert_eq!(roles, profile.role_arns);
    assert!(!roles.contains(&String::new()));
    Verdict::accepted("instance profile")
}
