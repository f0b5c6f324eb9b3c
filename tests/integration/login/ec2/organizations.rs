//! The organization of the instance's account as a binding.

use serde_json::json;

use super::{ACCOUNT, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn the_account_of_the_instance_is_compared() {
    let scene = Scene::open().await;
    let aws = &scene.stage.aws;
    scene.stage.write_config(&json!({"organizations_endpoint": aws.url()})).await;
    aws.organization("o-abcdefghij");
    aws.put_account(ACCOUNT, "o-abcdefghij/r-abcd/ou-abcd-11111111/", "ACTIVE");
    let not_bound = format!(
        "account ID \"{ACCOUNT}\" does not belong to an organization or organizational unit of the role \"ec2r\""
    );
    for (fields, is_bound) in [
        (json!({"bound_organization_ids": "o-zzzzzzzzzz"}), false),
        (json!({"bound_organization_unit_paths": "o-abcdefghij/r-abcd/ou-abcd-22222222/"}), false),
        (json!({"bound_organization_unit_paths": "o-abcdefghij/r-abcd/"}), true),
        (json!({"bound_organization_ids": "o-abcdefghij", "bound_ami_id": null}), true),
    ] {
        scene.role(fields.clone()).await;
        if is_bound {
            scene.admitted(&scene.login("n")).await;
        } else {
            scene.refused(&scene.login("n"), 400, &not_bound, &fields.to_string()).await;
        }
    }
    assert_eq!(aws.call_count("DescribeAccount"), 0, "it is known by now");
}
