//! Alias, metadata and token of an instance that was admitted.

use serde_json::{Value, json};

use super::{HOUR, IMAGE, INSTANCE, MOUNT_MAX, SECOND, Scene, document, times};
use testkit::aws::ACCOUNT;
use testkit::stage::with;

impl Scene {
    async fn identity(&self, fields: Value) {
        self.stage.mount.write("config/identity", &fields).await.expect(204);
    }

    async fn role_id(&self) -> String {
        let role = self.stage.mount.read("role/ec2r").await.expect(200);
        role.data["role_id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alias_is_what_is_configured() {
    let scene = Scene::open().await;
    let role_id = scene.role_id().await;
    let image = scene.message(&document(json!({"imageId": "ami-3"})));
    let login = with(&image, json!({"nonce": "a"}));
    assert_eq!(scene.admitted(&login).await.alias.unwrap().name, role_id, "the default");
    for (configured, name) in
        [("instance_id", INSTANCE), ("image_id", "ami-3"), ("role_id", role_id.as_str())]
    {
        scene.identity(json!({"ec2_alias": configured})).await;
        let auth = scene.admitted(&login).await;
        assert_eq!(auth.alias.unwrap().name, name);
        assert!(auth.group_aliases.is_empty());
    }
    // As releases before the names with underscores have stored them.
    for (stored, name) in [("instance-id", INSTANCE), ("image-id", "ami-3")] {
        scene.stage.mount.storage().put_json("config/identity", &json!({"ec2_alias": stored}));
        scene.stage.mount.invalidate("config/identity").await.unwrap();
        assert_eq!(scene.admitted(&login).await.alias.unwrap().name, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_is_what_is_chosen() {
    let scene = Scene::open().await;
    let all = json!({
        "account_id": ACCOUNT, "ami_id": IMAGE, "auth_type": "ec2", "instance_id": INSTANCE, "region": "us-east-1",
    });
    for (chosen, names) in [
        (json!(["default"]), vec!["account_id", "auth_type"]),
        (json!([]), vec![]),
        (json!(["region"]), vec!["region"]),
        (
            json!(["account_id", "auth_type", "ami_id", "instance_id", "region"]),
            vec!["account_id", "ami_id", "auth_type", "instance_id", "region"],
        ),
    ] {
        scene.identity(json!({"ec2_metadata": chosen})).await;
        let auth = scene.admitted(&scene.login("a")).await;
        let expected: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), all[*name].clone())).collect();
        assert_eq!(json!(auth.alias.unwrap().metadata), json!(expected), "{chosen}");
        let token = with(&json!(expected), json!({"role": "ec2r", "role_tag_max_ttl": "0s"}));
        assert_eq!(json!(auth.metadata), token, "{chosen}");
        let internal: Value = serde_json::from_str(&auth.internal_data).unwrap();
        let expected = json!({"account_id": ACCOUNT, "instance_id": INSTANCE, "region": "us-east-1"});
        assert_eq!(internal, expected, "a renewal does not depend on what is chosen");
        assert_eq!(auth.display_name, "");
    }
    let imageless = with(&scene.message(&document(json!({"imageId": Value::Null}))), json!({"nonce": "a"}));
    assert_eq!(scene.admitted(&imageless).await.metadata.get("ami_id"), None, "nothing empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_the_role_is_shown_as_it_was_given() {
    let scene = Scene::open().await;
    let auth = scene.admitted(&with(&scene.login("a"), json!({"role": "EC2R"}))).await;
    assert_eq!(auth.metadata["role"], "EC2R");
    assert_eq!(scene.entry(INSTANCE).unwrap()["role"], "EC2R");
    scene.stage.mount.renew(&auth).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_that_of_the_role() {
    let scene = Scene::open().await;
    let auth = scene.admitted(&scene.login("a")).await;
    assert_eq!(times(&auth), (0, MOUNT_MAX));
    assert_eq!((auth.policies.as_slice(), auth.token_type), (&[][..], 0));
    scene
        .role(json!({
            "token_policies": "dev,prod", "token_ttl": "20m", "token_max_ttl": "2h", "token_explicit_max_ttl": "3h",
            "token_period": "5m", "token_num_uses": 7, "token_no_default_policy": true, "token_type": "service",
        }))
        .await;
    let auth = scene.admitted(&scene.login("a")).await;
    assert_eq!(auth.policies, ["dev", "prod"]);
    assert_eq!(times(&auth), (HOUR / 3, 2 * HOUR));
    assert!(auth.lease_options.as_ref().unwrap().renewable);
    assert_eq!((auth.explicit_max_ttl, auth.period), (3 * HOUR, 300 * SECOND));
    assert_eq!((auth.num_uses, auth.no_default_policy, auth.token_type), (7, true, 1));
}
