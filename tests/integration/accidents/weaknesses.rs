//! Where configuration and roles behave better than the method they replace. The number in a name is that
//! of the known weakness.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{
    Aws, Credentials, Entity, Fault, LoginOptions, OTHER_ACCOUNT, User, WebIdentity, sign_login,
};
use testkit::host::{
    Answer, Flavor, Host, HostView, Launch, MemoryStorage, Mount, MountOptions, PERFORMANCE_SECONDARY,
    PERFORMANCE_STANDBY, READ_ONLY,
};

const CLIENT: &str = "config/client";
const BOTH: &str = "mutually exclusive fields rotation_schedule and rotation_period were both specified; only one of them can be provided";

struct Scene {
    aws: Aws,
    mount: Mount,
    server: User,
    _host: Host,
}

impl Scene {
    async fn open() -> Self {
        Self::launch(under_test::open_bao()).await
    }

    async fn launch(launch: Launch) -> Self {
        let aws = Aws::start().await;
        Self::with(aws, launch).await
    }

    async fn with(aws: Aws, launch: Launch) -> Self {
        let server = aws.create_user("vault");
        let host = Host::launch(launch).await;
        let mount = host.mount("aws", MountOptions::default()).await;
        let scene = Self { aws, mount, server, _host: host };
        let url = scene.aws.url();
        let keys = keys_of(&scene.server.credentials);
        let mut fields = json!({"iam_endpoint": url, "sts_endpoint": url, "endpoint": url});
        fields.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        scene.configure(&fields).await;
        scene
    }

    async fn configure(&self, fields: &Value) {
        self.mount.write(CLIENT, fields).await.expect(204);
    }

    /// Writes the role `x`, for which a principal must be looked up.
    async fn bind(&self, arn: &str) -> Answer {
        self.mount.write("role/x", &json!({"auth_type": "iam", "bound_iam_principal_arn": arn})).await
    }

    fn stored(&self) -> Value {
        self.mount.storage().json(CLIENT).expect("a configuration")
    }
}

fn keys_of(credentials: &Credentials) -> Value {
    json!({"access_key": credentials.access_key_id, "secret_key": credentials.secret_access_key})
}

fn unresolved(arn: &str, cause: &str) -> String {
    format!("unable to resolve ARN \"{arn}\" to internal ID: {cause}")
}

fn not_the_default(account: &str, default: &str) -> String {
    format!(
        "unable to fetch client for account ID \"{account}\" -- default client is for account \"{default}\""
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_one_account_never_answers_for_another_b1() {
    let scene = Scene::open().await;
    let here = scene.aws.create_role("app");
    let there = scene.aws.create_role(Entity::named("app").account(OTHER_ACCOUNT));
    scene.bind(&here.arn).await.expect(204);
    let cause = not_the_default(OTHER_ACCOUNT, &scene.server.entity.account);
    assert_eq!(scene.bind(&there.arn).await.expect(400).error(), unresolved(&there.arn, &cause));
    assert_eq!(scene.aws.call_count("GetRole"), 1);

    // Two accounts that are reached through one role of a third: each has a client of its own, and
    // neither takes the name of its role for the one of the account that answers.
    let look_up = scene.aws.create_role("look-up");
    let third = "333344445555";
    for account in [OTHER_ACCOUNT, third] {
        scene
            .mount
            .write(&format!("config/sts/{account}"), &json!({"sts_role": look_up.arn}))
            .await
            .expect(204);
        let arn = format!("arn:aws:iam::{account}:role/app");
        let answers = &scene.server.entity.account;
        let cause = format!("the role for account ID \"{account}\" looks into account \"{answers}\"");
        assert_eq!(scene.bind(&arn).await.expect(400).error(), unresolved(&arn, &cause));
    }
    assert_eq!(scene.aws.call_count("AssumeRole"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_read_as_they_are_stored_b2() {
    let scene = Scene::open().await;
    let role = json!({"auth_type": "ec2", "bound_ami_id": "ami-1"});
    scene.mount.write("role/Mixed", &role).await.expect(204);
    let mut stored = scene.mount.storage().json("role/mixed").unwrap();
    scene.mount.read("role/mixed").await.expect(200);
    stored["bound_ami_id_list"] = json!(["ami-2"]);
    scene.mount.storage().put_json("role/mixed", &stored);
    scene.mount.invalidate("role/mixed").await.unwrap();
    assert_eq!(scene.mount.read("role/MIXED").await.expect(200).data["bound_ami_id"], json!(["ami-2"]));
    scene.mount.delete("role/MIXED").await.expect(204);
    scene.mount.read("role/mixed").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_alone_is_stored_b3() {
    let scene = Scene::launch(under_test::vault()).await;
    for (field, value, stored) in [
        ("rotation_period", json!("24h"), json!(86_400_000_000_000_i64)),
        ("disable_automated_rotation", json!(true), json!(true)),
        ("rotation_period", json!(0), json!(0)),
        ("rotation_schedule", json!("0 3 * * 6"), json!("0 3 * * 6")),
        ("disable_automated_rotation", json!(false), json!(false)),
        ("identity_token_ttl", json!(1800), json!(1_800_000_000_000_i64)),
        ("role_arn", json!("arn:aws:iam::1:role/r"), json!("arn:aws:iam::1:role/r")),
        ("access_key", json!(""), json!("")),
        ("identity_token_audience", json!("sts"), json!("sts")),
        ("identity_token_audience", json!(""), json!("")),
    ] {
        scene.configure(&json!({field: value})).await;
        assert_eq!(scene.stored()[field], stored, "{field}");
    }
    let window = json!({"rotation_schedule": "0 4 * * 6", "rotation_window": 3600});
    scene.configure(&window).await;
    assert_eq!(scene.stored()["rotation_window"], json!(3_600_000_000_000_i64));
}

/// AWS, and a mount that proves itself by tokens of its host, in a process that has keys as well.
async fn workload_identity() -> (Scene, String) {
    let aws = Aws::start().await;
    let other = aws.create_user("of-the-environment").credentials;
    let launch = under_test::vault()
        .env("AWS_ACCESS_KEY_ID", other.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", other.secret_access_key);
    let scene = Scene::with(aws, launch).await;
    let role = scene.aws.create_role("server");
    for (token, audience) in [("header.claims.signature", "one"), ("another.token.signature", "two")] {
        scene.aws.register_web_identity(WebIdentity {
            token: token.to_owned(),
            role_arn: role.arn.clone(),
            subject: "plugin-identity:aws".to_owned(),
            audience: audience.to_owned(),
            provider: "https://vault.example".to_owned(),
        });
    }
    let fields =
        json!({"access_key": "", "secret_key": "", "role_arn": role.arn, "identity_token_audience": "one"});
    scene.configure(&fields).await;
    (scene, role.arn)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_workload_identity_is_in_force_at_once_b3() {
    let (scene, _) = workload_identity().await;
    let app = scene.aws.create_role("app");
    let tokens = || {
        let calls = scene.aws.calls("AssumeRoleWithWebIdentity");
        calls.iter().map(|call| call.parameter("WebIdentityToken").unwrap()).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        scene.bind(&app.arn).await.expect(204);
    }
    assert_eq!(tokens(), ["header.claims.signature"], "once for all calls");
    scene
        .mount
        .system_view()
        .update(|values| values.identity_token = Some(Ok("another.token.signature".to_owned())));
    scene.configure(&json!({"identity_token_audience": "two", "identity_token_ttl": 900})).await;
    scene.bind(&app.arn).await.expect(204);
    assert_eq!(tokens(), ["header.claims.signature", "another.token.signature"]);
    let asked = scene.mount.system_view().identity_tokens();
    let last = asked.last().unwrap();
    assert_eq!((last.audience.as_str(), last.ttl.as_secs()), ("two", 900));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_audience_nothing_but_the_identity_token_counts_b25() {
    let (scene, _) = workload_identity().await;
    let app = scene.aws.create_role("app");
    scene
        .mount
        .system_view()
        .update(|values| values.identity_token = Some(Err("no key to sign with".to_owned())));
    let answer = scene.bind(&app.arn).await.expect(400);
    let cause = "failed to generate plugin identity token: ";
    assert!(answer.error().starts_with(&unresolved(&app.arn, cause)), "{}", answer.error());
    assert!(answer.error().contains("no key to sign with"), "{}", answer.error());
    assert_eq!(scene.aws.total_calls(), 0, "neither the keys of the environment nor others were tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_tokens_are_exchanged_at_the_configured_endpoint_b26() {
    let (scene, role_arn) = workload_identity().await;
    let app = scene.aws.create_role("app");
    scene.bind(&app.arn).await.expect(204);
    let exchange = scene.aws.calls("AssumeRoleWithWebIdentity").pop().expect("an exchange at the stand-in");
    assert_eq!(exchange.parameter("RoleArn"), Some(role_arn));
    assert_eq!(exchange.header("Host"), Some(scene.aws.address().to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_account_is_in_force_at_once_b4() {
    let scene = Scene::open().await;
    let path = format!("config/sts/{OTHER_ACCOUNT}");
    let look_up = scene.aws.create_role(Entity::named("look-up").account(OTHER_ACCOUNT));
    let app = scene.aws.create_role(Entity::named("app").account(OTHER_ACCOUNT));
    for id in ["number-one", "number-two"] {
        scene.aws.require_external_id(&look_up, Some(id));
        scene.mount.write(&path, &json!({"sts_role": look_up.arn, "external_id": id})).await.expect(204);
        scene.bind(&app.arn).await.expect(204);
    }
    let ids =
        scene.aws.calls("AssumeRole").iter().map(|call| call.parameter("ExternalId")).collect::<Vec<_>>();
    assert_eq!(ids, [Some("number-one".to_owned()), Some("number-two".to_owned())]);
    scene.mount.delete(&path).await.expect(204);
    let cause = not_the_default(OTHER_ACCOUNT, &scene.server.entity.account);
    assert_eq!(scene.bind(&app.arn).await.expect(400).error(), unresolved(&app.arn, &cause));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_retries_is_in_force_at_once_b5() {
    let scene = Scene::open().await;
    let app = scene.aws.create_role("app");
    for (retries, calls, status) in [(0, 1, 400), (1, 2, 204)] {
        scene.configure(&json!({"max_retries": retries})).await;
        scene.aws.clear_calls();
        scene.aws.fault("GetRole", 1, Fault::throttling());
        scene.bind(&app.arn).await.expect(status);
        assert_eq!(scene.aws.call_count("GetRole"), calls);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_of_a_partition_is_always_asked_in_the_same_region_b27() {
    let scene = Scene::open().await;
    for (partition, region) in [
        ("aws", "us-east-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
        ("aws-eusc", "eusc-de-east-1"),
    ] {
        let user = scene.aws.create_user(Entity::named(&format!("of-{partition}")).partition(partition));
        scene.configure(&keys_of(&user.credentials)).await;
        scene.aws.clear_calls();
        scene.bind(&user.arn).await.expect(204);
        let regions = scene.aws.all_calls().into_iter().map(|call| call.region).collect::<Vec<_>>();
        assert_eq!(regions, [region, region], "{partition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_makes_no_role_id_b30() {
    let storage = MemoryStorage::new();
    let old =
        json!({"version": 2, "auth_type": "iam", "bound_iam_principal_arn_list": ["arn:aws:iam::1:user/*"]});
    storage.put_json("role/old", &old);
    storage.set_read_only(true);
    let view = HostView::new(Flavor::OpenBao, "2.7.2");
    view.update(|values| values.replication_state = PERFORMANCE_SECONDARY);
    let host = under_test::host().await;
    let options = MountOptions {
        storage: Some(Arc::clone(&storage)),
        system_view: Some(view),
        ..MountOptions::default()
    };
    let mount = host.mount("aws", options).await;
    assert_eq!(mount.read("role/old").await.expect(500).error(), READ_ONLY);
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    storage.put_json(CLIENT, &json!({"sts_endpoint": aws.url()}));
    mount.invalidate(CLIENT).await.unwrap();
    let login = sign_login(&user.credentials, &LoginOptions::vault_cli().role("old"));
    let answer = mount.login_only(&serde_json::to_value(login).unwrap()).await.expect(500);
    assert_eq!(answer.error(), READ_ONLY);
    assert_eq!(storage.json("role/old").unwrap(), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_and_period_are_never_both_stored_b32() {
    let scene = Scene::launch(under_test::vault()).await;
    for (first, second) in [
        (json!({"rotation_schedule": "0 3 * * 6"}), json!({"rotation_period": 3600})),
        (
            json!({"rotation_schedule": "", "rotation_period": 3600}),
            json!({"rotation_schedule": "0 3 * * 6"}),
        ),
    ] {
        scene.configure(&first).await;
        let (stored, jobs) = (scene.stored(), scene.mount.system_view().registered_jobs());
        assert_eq!(scene.mount.write(CLIENT, &second).await.expect(400).error(), BOTH);
        assert_eq!(scene.stored(), stored);
        assert_eq!(scene.mount.system_view().registered_jobs(), jobs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_does_not_ask_aws_for_a_role_b35() {
    let scene = Scene::open().await;
    for state in [PERFORMANCE_STANDBY, PERFORMANCE_SECONDARY] {
        scene.mount.system_view().update(|values| values.replication_state = state);
        assert_eq!(scene.bind(&scene.server.arn).await.expect(500).error(), READ_ONLY);
    }
    assert_eq!(scene.aws.total_calls(), 0);
    assert_eq!(scene.mount.storage().get("role/x"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_configuration_leaves_no_rotation_job_b36() {
    let scene = Scene::launch(under_test::vault()).await;
    let view = scene.mount.system_view();
    scene.mount.delete(CLIENT).await.expect(204);
    assert_eq!(view.calls("DeregisterRotationJob"), 0, "there was none");
    scene.configure(&json!({"rotation_period": 3600})).await;
    let job = view.registered_jobs().pop().unwrap();
    assert_eq!(
        (job.mount_point.as_str(), job.path.as_str(), job.rotation_period),
        ("auth/aws/", CLIENT, 3600)
    );
    scene.mount.delete(CLIENT).await.expect(204);
    let gone = view.deregistered_jobs().pop().unwrap();
    assert_eq!((gone.mount_point.as_str(), gone.req_path.as_str()), ("auth/aws/", CLIENT));

    // What cannot be deregistered is not deleted.
    scene.configure(&json!({"rotation_period": 3600})).await;
    view.update(|values| values.rotation_error = "busy".to_owned());
    let answer = scene.mount.delete(CLIENT).await.expect(400);
    assert!(answer.error().starts_with("error deregistering rotation job: "), "{}", answer.error());
    assert_eq!(scene.stored()["rotation_period"], json!(3_600_000_000_000_i64));
}
