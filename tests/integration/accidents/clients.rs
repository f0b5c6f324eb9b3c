//! Which account an AWS client speaks for.

use serde_json::{Value, json};

use crate::login_scene::{LoginScene, login_as};
use testkit::aws::{ACCOUNT, Entity, OTHER_ACCOUNT, Role};

/// A role name that exists in both accounts.
struct Namesakes {
    own: Role,
    foreign: Role,
}

impl Namesakes {
    fn create(scene: &LoginScene, name: &str) -> Self {
        let foreign = Entity::named(name).account(OTHER_ACCOUNT);
        Self { own: scene.aws.create_role(name), foreign: scene.aws.create_role(foreign) }
    }

    fn own_login(&self, scene: &LoginScene, role: &str) -> Value {
        login_as(&scene.aws.session(&self.own, "s").credentials, role)
    }

    fn foreign_login(&self, scene: &LoginScene, role: &str) -> Value {
        login_as(&scene.aws.session(&self.foreign, "s").credentials, role)
    }
}

fn pattern(account: &str) -> Value {
    json!({"bound_iam_principal_arn": format!("arn:aws:iam::{account}:role/*")})
}

/// The client of the server's own account was cached under a key without an account, and answered for
/// a caller of another one, about its own role of the same name.
#[tokio::test(flavor = "multi_thread")]
async fn accident_06_the_client_of_one_account_never_answers_for_another() {
    for warm in [false, true] {
        let scene = LoginScene::open().await;
        let app = Namesakes::create(&scene, "App");
        scene.write_role("wild", &pattern(ACCOUNT)).await;
        if warm {
            scene.admitted(&app.own_login(&scene, "wild")).await;
        }
        let text = scene.refused(&app.foreign_login(&scene, "wild")).await;
        assert!(
            text.ends_with(&format!(
                "unable to fetch client for account ID \"{OTHER_ACCOUNT}\" -- default client is for account \
                 \"{ACCOUNT}\""
            )),
            "{text}"
        );
        // Nor is anything left behind that helps, or harms, the next caller.
        scene.admitted(&app.own_login(&scene, "wild")).await;
        scene.refused(&app.foreign_login(&scene, "wild")).await;
    }
}

/// Exact bindings are affected too, through the unique id that is looked up for them.
#[tokio::test(flavor = "multi_thread")]
async fn accident_06_a_role_of_an_account_without_a_client_is_not_resolved() {
    for warm in [false, true] {
        let scene = LoginScene::open().await;
        let app = Namesakes::create(&scene, "App");
        if warm {
            scene.write_role("own", &json!({"bound_iam_principal_arn": app.own.arn})).await;
        }
        let answer =
            scene.mount.write("role/foreign", &json!({"bound_iam_principal_arn": app.foreign.arn})).await;
        assert_eq!(answer.status, 400);
        assert!(answer.error().contains("unable to fetch client for account ID"), "{}", answer.error());
        assert_eq!(scene.mount.storage().get("role/foreign"), None);
    }
}

/// A session name of another account's making that is the id of one of our instances.
#[tokio::test(flavor = "multi_thread")]
async fn accident_06_an_instance_is_looked_up_in_the_account_of_the_caller() {
    const INSTANCE: &str = "i-0123456789abcdef0";
    for warm in [false, true] {
        let scene = LoginScene::open().await;
        let app = Namesakes::create(&scene, "App");
        scene.aws.run_instance(INSTANCE);
        let inferred = json!({
            "auth_type": "iam",
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": "us-east-1",
            "bound_ami_id": "ami-0abcdef1234567890",
        });
        scene.write_role("inferred", &inferred).await;
        if warm {
            let own = scene.aws.session(&app.own, INSTANCE);
            scene.admitted(&login_as(&own.credentials, "inferred")).await;
        }
        let foreign = scene.aws.session(&app.foreign, INSTANCE);
        let text = scene.refused(&login_as(&foreign.credentials, "inferred")).await;
        assert!(text.contains("unable to fetch client for account ID"), "{text}");
    }
}

/// With the other account configured, each caller's role is looked up with a session in its own.
#[tokio::test(flavor = "multi_thread")]
async fn accident_06_each_account_is_asked_with_its_own_client() {
    let scene = LoginScene::open().await;
    let app = Namesakes::create(&scene, "App");
    let reader = scene.aws.create_role(Entity::named("Reader").account(OTHER_ACCOUNT));
    let sts = json!({"sts_role": reader.arn});
    scene.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
    scene.write_role("own", &pattern(ACCOUNT)).await;
    scene.write_role("foreign", &pattern(OTHER_ACCOUNT)).await;

    // Both orders, each with nothing known yet.
    for foreign_first in [false, true] {
        scene.mount.invalidate("config/client").await.unwrap();
        scene.aws.clear_calls();
        let own = (app.own_login(&scene, "own"), &app.own);
        let foreign = (app.foreign_login(&scene, "foreign"), &app.foreign);
        for (login, role) in if foreign_first { [foreign, own] } else { [own, foreign] } {
            assert_eq!(scene.admitted(&login).await.alias, role.unique_id);
        }
        let accounts: Vec<String> = scene.aws.calls("GetRole").into_iter().map(|call| call.account).collect();
        let expected = if foreign_first { [OTHER_ACCOUNT, ACCOUNT] } else { [ACCOUNT, OTHER_ACCOUNT] };
        assert_eq!(accounts, expected);
        // The wildcard of one account does not admit the namesake of the other.
        scene.refused(&app.own_login(&scene, "foreign")).await;
        scene.refused(&app.foreign_login(&scene, "own")).await;
    }
}
