//! The organization of the instance's account as a binding.

use serde_json::json;

use super::{ACCOUNT, Scene};
use testkit::aws::Fault;
use testkit::stage::with;

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

const UNIT: &str = "o-abcdefghij/r-abcd/ou-abcd-11111111/";

/// Has what is known of the organization forgotten.
async fn forget(scene: &Scene, number: u32) {
    scene.stage.write_config(&json!({"sts_region": format!("eu-west-{number}")})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_strict_mode_a_renewal_compares_it_again() {
    let scene = Scene::open().await;
    let aws = &scene.stage.aws;
    scene.stage.write_config(&json!({"organizations_endpoint": aws.url(), "max_retries": 0})).await;
    aws.organization("o-abcdefghij");
    aws.put_account(ACCOUNT, UNIT, "ACTIVE");
    let bound = json!({"bound_organization_ids": "o-abcdefghij"});
    scene.named_role("first", json!({})).await;
    scene.role(bound.clone()).await;
    let first = scene.admitted(&with(&scene.login("n"), json!({"role": "first"}))).await;
    let auth = scene.admitted(&scene.login("n")).await;
    let not_bound = format!(
        "account ID \"{ACCOUNT}\" does not belong to an organization or organizational unit of the role \"ec2r\""
    );
    let not_renewed = async |what: &str, words: &str| {
        let answer = scene.stage.mount.renew(&auth).await.expect(500);
        assert_eq!(answer.auth, None, "{what}");
        assert!(answer.error().contains(words), "{what}: {}", answer.error());
    };
    for (number, (of_mount, of_role)) in [(true, false), (false, true)].into_iter().enumerate() {
        let number = 2 * u32::try_from(number).unwrap();
        scene.stage.role("ec2r", json!({"iam_strict_request": of_role})).await;
        scene.stage.write_config(&json!({"iam_strict_request": of_mount})).await;
        aws.put_account(ACCOUNT, UNIT, "ACTIVE");
        forget(&scene, number + 1).await;
        scene.stage.mount.renew(&auth).await.expect(200);
        aws.put_account(ACCOUNT, UNIT, "SUSPENDED");
        forget(&scene, number + 2).await;
        not_renewed("suspended", &not_bound).await;
        // That nobody can tell is no reason to renew either.
        forget(&scene, number + 1).await;
        aws.fault("DescribeAccount", 1, Fault::error(400, "AccessDeniedException", "no"));
        not_renewed("not to be told", "organizations:DescribeAccount").await;
        // The role of the login counts, and not that of the access list, which is the one of the first login.
        scene.stage.mount.renew(&first).await.expect(200);
    }
    // A role that is gone binds nobody, where the mount is strict.
    scene.stage.write_config(&json!({"iam_strict_request": true})).await;
    scene.stage.mount.delete("role/ec2r").await.expect(204);
    not_renewed("deleted", "role entry not found").await;
    scene.stage.write_config(&json!({"iam_strict_request": false})).await;
    scene.stage.mount.renew(&auth).await.expect(200);
    // Without strict mode nobody asks.
    scene.role(bound).await;
    aws.clear_calls();
    scene.stage.mount.renew(&auth).await.expect(200);
    assert_eq!(aws.call_count("DescribeAccount"), 0);
}
