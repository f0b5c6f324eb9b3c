//! What a reply to a login holds.

use serde_json::{Value, json};

use crate::login_scene::{LoginScene, login_as, outcome};
use testkit::aws::{Entity, Fault, LoginOptions, OTHER_ACCOUNT, sign_login};
use testkit::host::{Answer, Call};

/// A reply with both a token and an error minted a token that nobody saw. Every way a login can fail
/// ends in an error alone: [`outcome`] panics over anything else.
#[tokio::test(flavor = "multi_thread")]
async fn accident_11_a_reply_holds_an_identity_or_an_error() {
    let scene = LoginScene::open().await;
    let role = scene.aws.create_role("App");
    let session = scene.aws.session(&role, "i-0123456789abcdef0");
    let foreign = scene.aws.create_user(Entity::named("bob").account(OTHER_ACCOUNT));
    let instance = |more: Value| {
        let mut role = json!({
            "auth_type": "iam",
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": "us-east-1",
            "bound_account_id": "111122223333",
        });
        for (name, value) in more.as_object().unwrap() {
            role[name] = value.clone();
        }
        role
    };
    let user = json!({"bound_iam_principal_arn": scene.alice.arn});
    scene.write_role("inferred", &instance(json!({}))).await;
    scene.write_role("profile", &instance(json!({"bound_iam_instance_profile_arn": "arn:x"}))).await;
    scene.write_role("ec2", &json!({"auth_type": "ec2", "bound_ami_id": "ami-1"})).await;
    scene
        .write_role("near", &{
            let mut role = user.clone();
            role["token_bound_cidrs"] = json!("10.0.0.0/8");
            role
        })
        .await;
    scene.write_role("wild", &json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;

    let alice = |role: &str| login_as(&scene.alice.credentials, role);
    let mut statuses = Vec::new();
    for login in [
        json!({}),
        json!({"role": "dev"}),
        json!({"pkcs7": ""}),
        sign_login(&scene.alice.credentials, &LoginOptions::presigned_get().parameters("Action=X")),
        alice("nobody"),
        alice("ec2"),
        alice("near"),
        alice("inferred"),
        login_as(&session.credentials, "dev"),
        login_as(&session.credentials, "inferred"),
        login_as(&foreign.credentials, "wild"),
        login_as(&scene.aws.root("111122223333"), "dev"),
    ] {
        for operation in ["update", "alias-lookahead", "resolve-role"] {
            let answer = scene.mount.request(operation, "login", &login).send().await;
            if operation == "update" {
                assert_eq!(outcome(&answer), None);
                statuses.push(answer.status);
            }
            assert_exclusive(&answer);
        }
    }
    assert!(statuses.contains(&403) && statuses.contains(&400), "{statuses:?}");

    // An instance that is found but cannot be judged is an error of the server's side.
    let found = scene.aws.run_instance("i-0123456789abcdef1");
    let found = scene.aws.session(&role, &found.id);
    let answer = scene.mount.login_only(&login_as(&found.credentials, "profile")).await;
    assert_eq!(answer.status, 500);
    assert_exclusive(&answer);
    for key in ["config/client", "config/identity", "role/dev"] {
        scene.mount.storage().fail(Call::Get, key, "storage is away");
        scene.mount.invalidate(key).await.unwrap();
        let answer = scene.mount.login_only(&alice("dev")).await;
        assert_eq!(answer.status, 500, "{key}");
        assert_exclusive(&answer);
        scene.mount.storage().heal();
    }
    for fault in [Fault::status(404), Fault::throttling(), Fault::Empty("Arn".to_owned())] {
        scene.aws.fault("GetCallerIdentity", 3, fault);
        assert_exclusive(&scene.mount.login_only(&alice("dev")).await);
        scene.aws.clear_faults();
    }
    let answer = scene.mount.login_only(&alice("dev")).await;
    assert_exclusive(&answer);
    assert!(outcome(&answer).is_some());
}

/// Panics if a reply holds both an identity and an error.
#[track_caller]
fn assert_exclusive(answer: &Answer) {
    let reply = answer.raw.as_ref().expect("a reply");
    let response = reply.response.clone().unwrap_or_default();
    let has_error = reply.err.is_some() || response.data.contains("\"error\"");
    assert!(!(has_error && response.auth.is_some()), "{reply:#?}");
    assert_eq!(has_error, !answer.errors.is_empty(), "{reply:#?}");
}
