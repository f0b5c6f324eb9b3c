//! What the host asks around a login: role and alias.

use serde_json::{Value, json};

use super::{IMAGE, INSTANCE, Scene, document};
use crate::login::hints::no_role_named;
use testkit::aws::InstanceState;
use testkit::host::Answer;
use testkit::identity::base64;
use testkit::stage::with;

impl Scene {
    async fn role_of(&self, data: &Value) -> Answer {
        self.stage.mount.resolve_role(data).await
    }

    async fn look_ahead(&self, data: &Value) -> Answer {
        self.stage.mount.request("alias-lookahead", "login", data).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_is_told_without_aws() {
    let scene = Scene::open().await;
    let named = with(&scene.login("a"), json!({"role": "EC2R"}));
    assert_eq!(scene.role_of(&named).await.expect(200).data, json!({"role": "ec2r"}));
    let nameless = with(&scene.login("a"), json!({"role": Value::Null}));
    let text = format!("entry for role \"{IMAGE}\" not found; {}", no_role_named("the AMI id", IMAGE));
    assert_eq!(scene.role_of(&nameless).await.expect(400).error(), text);
    scene.named_role(IMAGE, json!({})).await;
    assert_eq!(scene.role_of(&nameless).await.expect(200).data, json!({"role": IMAGE}));
    let detached = with(&scene.signature(&document(json!({}))), json!({"role": ""}));
    assert_eq!(scene.role_of(&detached).await.expect(200).data, json!({"role": IMAGE}));

    let none = with(&detached, json!({"identity": base64(&document(json!({"imageId": "ami-2"})))}));
    let text = format!("entry for role \"ami-2\" not found; {}", no_role_named("the AMI id", "ami-2"));
    assert_eq!(scene.role_of(&none).await.expect(400).error(), text);
    let forged = with(
        &detached,
        json!({"identity": base64(&document(json!({"pendingTime": "2030-01-01T00:00:00Z"})))}),
    );
    let text = "instance identity verification using SHA256 RSA signature is unsuccessful";
    assert_eq!(scene.role_of(&forged).await.expect(500).error(), text);
    assert_eq!(scene.stage.aws.total_calls(), 0);
    assert_eq!(scene.entry(INSTANCE), None, "asking is not logging in");

    let answer = scene.stage.mount.login(&named).await.expect(200);
    assert_eq!(answer.role.as_deref(), Some("ec2r"));
    assert_eq!(scene.stage.aws.total_calls(), 2, "one for the server's own account, one for the instance");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alias_is_told_without_aws_and_without_a_trace() {
    let scene = Scene::open().await;
    let look_ahead = async |data: &Value| scene.look_ahead(data).await;
    let login = scene.login("a");
    for (alias, name) in [("instance_id", INSTANCE), ("image_id", IMAGE)] {
        scene.stage.mount.write("config/identity", &json!({"ec2_alias": alias})).await.expect(204);
        let auth = look_ahead(&login).await.expect(200).auth.unwrap();
        assert_eq!(auth.alias.unwrap().name, name);
        assert!(auth.metadata.is_empty() && auth.policies.is_empty() && auth.client_token.is_empty());
    }
    // Neither the instance nor earlier logins count yet.
    scene.stage.aws.set_instance_state(INSTANCE, InstanceState::Stopped);
    look_ahead(&login).await.expect(200);

    let refused = async |data: &Value, status: u16, text: &str| {
        let answer = scene.look_ahead(data).await.expect(status);
        assert_eq!((answer.error(), answer.auth.clone()), (text, None));
    };
    refused(&with(&login, json!({"role": "nope"})), 400, "entry for role \"nope\" not found").await;
    scene.stage.role_for("iamr", "arn:aws:iam::111122223333:user/x").await;
    let text = "auth method ec2 not allowed for role iamr";
    refused(&with(&login, json!({"role": "iamr"})), 400, text).await;
    // The host sends no address with the question.
    scene.role(json!({"token_bound_cidrs": "0.0.0.0/0"})).await;
    refused(&login, 403, "permission denied").await;
    assert_eq!(scene.stage.aws.total_calls(), 0);
    assert_eq!(scene.entry(INSTANCE), None);
}
