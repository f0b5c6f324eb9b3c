//! A live mount of Vault's built-in method goes to the plugin and back: every field of every entry stays what it was.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use crate::under_test::PLUGIN;
use testkit::aws::{Aws, Entity, User};
use testkit::server::{
    Flavor, Installation, Mounted, SERVER_ID, Server, client_token, configure, vault_cli_login,
};

/// What is written through whichever method serves the mount; `ARN` stands for a user of the stand-in.
fn writes() -> Vec<(&'static str, Value)> {
    let ami = json!({"auth_type": "ec2", "bound_ami_id": "ami-1"});
    let with = |more: Value| {
        let mut fields = ami.clone();
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    vec![
        (
            "config/identity",
            json!({"iam_alias": "unique_id", "iam_metadata": ["client_arn", "auth_type"], "ec2_alias": "instance_id"}),
        ),
        (
            "config/sts/210987654321",
            json!({"sts_role": "arn:aws:iam::210987654321:role/l", "external_id": "x"}),
        ),
        ("config/tidy/identity-accesslist", json!({"safety_buffer": "100h", "disable_periodic_tidy": true})),
        ("config/tidy/roletag-denylist", json!({"safety_buffer": "50h"})),
        ("role/iam", json!({"bound_iam_principal_arn": "ARN", "token_policies": "a,b", "token_ttl": "10m"})),
        ("role/unresolved", json!({"bound_iam_principal_arn": "ARN", "resolve_aws_unique_ids": false})),
        (
            "role/wild",
            json!({"auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::111122223333:user/*"}),
        ),
        (
            "role/inferred",
            json!({
                "bound_iam_principal_arn": "ARN", "inferred_entity_type": "ec2_instance",
                "inferred_aws_region": "eu-west-1", "bound_vpc_id": "vpc-1,vpc-2", "bound_account_id": "111122223333",
            }),
        ),
        (
            "role/ec2",
            with(json!({"role_tag": "VaultRole", "allow_instance_migration": true, "token_period": "1h"})),
        ),
        ("role/once", with(json!({"disallow_reauthentication": true, "token_type": "batch"}))),
        ("role/deprecated", with(json!({"policies": "b,A", "ttl": 60, "max_ttl": "2m", "period": 30}))),
        (
            "role/token",
            with(json!({
                "token_bound_cidrs": "10.0.0.0/8,127.0.0.1", "token_explicit_max_ttl": "3h", "token_num_uses": 3,
                "token_no_default_policy": true, "token_max_ttl": 7200,
            })),
        ),
        (
            "role/every-bound",
            with(json!({
                "bound_account_id": "1,2", "bound_region": "us-east-1", "bound_subnet_id": "subnet-1",
                "bound_vpc_id": "vpc-1", "bound_ec2_instance_id": "i-0123456789abcdef0",
                "bound_iam_role_arn": "arn:aws:iam::1:role/a*",
                "bound_iam_instance_profile_arn": "arn:aws:iam::1:instance-profile/b",
            })),
        ),
    ]
}

/// A real Vault with a mount of the type `aws` that its built-in method has filled.
struct Scene {
    server: Server,
    mount: Mounted,
    alice: User,
    _aws: Aws,
}

impl Scene {
    async fn open(test: &str) -> Option<Self> {
        let vault = Installation::of_this_checkout().server(test, Flavor::Vault)?;
        let server = Server::start(&vault, PLUGIN).await;
        let aws = Aws::start().await;
        let owner = aws.create_user("auth-server");
        let alice = aws.create_user(Entity::named("alice").path("/people/"));
        let mount = server.enable("aws", "aws").await;
        configure(&server, "aws", &aws.url(), &owner.credentials).await;
        Some(Self { server, mount, alice, _aws: aws })
    }

    async fn write(&self, path: &str, fields: &Value) {
        let fields = fields.to_string().replace("\"ARN\"", &format!("\"{}\"", self.alice.arn));
        let fields: Value = serde_json::from_str(&fields).unwrap();
        self.server.root("POST", &format!("auth/aws/{path}"), &fields).await;
    }

    /// What each path reads as, and what is stored under its key. Newer fields of the plugin's reads are left out.
    async fn everything(&self) -> BTreeMap<String, (Value, Option<Value>)> {
        let mut found = BTreeMap::new();
        for path in ["config/client"].into_iter().chain(writes().into_iter().map(|(path, _)| path)) {
            let read = self.server.root("GET", &format!("auth/aws/{path}"), &Value::Null).await;
            let mut data = read["data"].clone();
            if path.starts_with("config/") {
                data.as_object_mut()
                    .unwrap()
                    .retain(|name, _| name != "external_id" && !name.contains("rotation"));
            }
            let key = path
                .replace("tidy/identity-accesslist", "tidy/identity-whitelist")
                .replace("tidy/roletag-denylist", "tidy/roletag-blacklist");
            found.insert(path.to_owned(), (data, self.server.stored(&self.mount, &key).await));
        }
        assert!(found.values().all(|(_, stored)| stored.is_some()));
        found
    }

    /// Writes all again without a change.
    async fn touch(&self) {
        self.write("config/client", &json!({"iam_server_id_header_value": SERVER_ID})).await;
        for (path, _) in writes().iter().filter(|(path, _)| path.starts_with("role/")) {
            self.write(path, &json!({})).await;
        }
    }

    async fn to_the_plugin(&self) {
        self.server.register("aws", "aws", b"").await;
        self.server.reload("aws").await;
        assert_eq!(self.server.plugin_ids().len(), 1);
    }

    async fn to_the_built_in_method(&self) {
        self.server.root("DELETE", "sys/plugins/catalog/auth/aws", &Value::Null).await;
        self.server.reload("aws").await;
        assert!(self.server.plugin_ids().is_empty());
    }

    async fn log_in(&self, role: &str) -> String {
        let (status, answer) =
            self.server.login("aws", &vault_cli_login(&self.alice.credentials, role)).await;
        assert_eq!(status, StatusCode::OK, "{role}: {answer}");
        client_token(&answer)
    }

    async fn renew(&self, token: &str) {
        let (status, answer) = self.server.call("POST", "auth/token/renew-self", &json!({}), token).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

/// Entries are what the built-in method wrote, but for members that it does not know.
fn assert_same(
    now: &BTreeMap<String, (Value, Option<Value>)>,
    before: &BTreeMap<String, (Value, Option<Value>)>,
    when: &str,
) {
    assert!(now.keys().eq(before.keys()));
    for (path, (read, stored)) in now {
        let (read_before, stored_before) = &before[path];
        assert_eq!(read, read_before, "{when}: {path}");
        let (Some(Value::Object(stored)), Some(Value::Object(expected))) = (stored, stored_before) else {
            panic!("{when}: {path}");
        };
        let known: serde_json::Map<String, Value> = stored
            .iter()
            .filter(|(name, _)| path.starts_with("role/") || expected.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        assert_eq!(&known, expected, "{when}: {path} as stored");
    }
}

#[tokio::test]
async fn a_mount_goes_to_the_plugin_and_back_and_nothing_changes() {
    let Some(scene) = Scene::open(concat!(module_path!(), "::a_mount_goes_to_the_plugin_and_back")).await
    else {
        return;
    };
    for (path, fields) in writes() {
        scene.write(path, &fields).await;
    }
    let written = scene.everything().await;
    let first = scene.log_in("iam").await;

    scene.to_the_plugin().await;
    assert_same(&scene.everything().await, &written, "under the plugin");
    scene.renew(&first).await;
    let second = scene.log_in("wild").await;
    scene.touch().await;
    assert_same(&scene.everything().await, &written, "written by the plugin");

    scene.to_the_built_in_method().await;
    assert_same(&scene.everything().await, &written, "back under the built-in method");
    for token in [&first, &second] {
        scene.renew(token).await;
    }
    scene.log_in("iam").await;
    scene.touch().await;
    assert_same(&scene.everything().await, &written, "written by the built-in method again");
}

#[tokio::test]
async fn what_the_plugin_writes_the_built_in_method_serves_as_its_own() {
    let Some(scene) = Scene::open(concat!(module_path!(), "::what_the_plugin_writes")).await else { return };
    scene.to_the_plugin().await;
    for (path, fields) in writes() {
        scene.write(path, &fields).await;
    }
    let written = scene.everything().await;
    let token = scene.log_in("iam").await;

    scene.to_the_built_in_method().await;
    assert_same(&scene.everything().await, &written, "under the built-in method");
    scene.renew(&token).await;
    scene.log_in("wild").await;
}

/// Path and code of each finding of the report, sorted.
async fn findings(scene: &Scene) -> Vec<(String, String)> {
    let report = scene.server.root("GET", "auth/aws/migrate/report", &Value::Null).await;
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = report["data"]["findings"].as_array().unwrap().iter();
    let mut findings: Vec<_> =
        findings.map(|finding| (text(finding, "path"), text(finding, "code"))).collect();
    findings.sort();
    findings.dedup();
    findings
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(path, code)| ((*path).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn the_report_names_what_the_two_methods_take_otherwise() {
    let Some(scene) = Scene::open(concat!(module_path!(), "::the_report_names")).await else { return };
    let login = async |role: &str| {
        scene.server.login("aws", &vault_cli_login(&scene.alice.credentials, role)).await.0
    };
    for (path, fields) in [
        ("config/identity", json!({"iam_metadata": ["client_arn", "auth_type"]})),
        ("role/plain", json!({"bound_iam_principal_arn": "ARN"})),
        ("role/unresolved", json!({"bound_iam_principal_arn": "ARN", "resolve_aws_unique_ids": false})),
        (
            "role/wild",
            json!({"auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::111122223333:user/*"}),
        ),
        ("role/v6", json!({"bound_iam_principal_arn": "ARN", "token_bound_cidrs": "2001:db8::/32"})),
        ("role/mask", json!({"bound_iam_principal_arn": "ARN", "token_bound_cidrs": "10.0.0.0/33"})),
    ] {
        scene.write(path, &fields).await;
    }
    let mut nothing = scene.server.stored(&scene.mount, "role/plain").await.unwrap();
    for list in ["bound_iam_principal_arn_list", "bound_iam_principal_id_list"] {
        nothing[list] = Value::Null;
    }
    scene.server.store(&scene.mount, "role/nothing", &nothing.to_string()).await;
    for (role, status) in
        [("plain", StatusCode::OK), ("nothing", StatusCode::OK), ("unresolved", StatusCode::BAD_REQUEST)]
    {
        assert_eq!(login(role).await, status, "{role} under the built-in method");
    }

    scene.to_the_plugin().await;
    let config = [("config/client", "config.static_keys"), ("config/identity", "config.long_metadata")];
    let roles = [
        ("role/mask", "role.network_matches_nothing"),
        ("role/nothing", "role.binds_nothing"),
        ("role/unresolved", "role.arn_with_path"),
        ("role/v6", "role.ipv6_network_rewritten"),
        ("role/wild", "role.account_not_configured"),
        ("role/wild", "role.wildcard"),
    ];
    assert_eq!(findings(&scene).await, pairs(&[&config[..], &roles[..]].concat()));
    for (role, admitted) in [("plain", true), ("nothing", false), ("unresolved", false)] {
        assert_eq!(login(role).await == StatusCode::OK, admitted, "{role} under the plugin");
    }
    for role in ["mask", "nothing", "unresolved", "wild"] {
        scene.server.root("DELETE", &format!("auth/aws/role/{role}"), &Value::Null).await;
    }
    scene.write("role/plain", &json!({"bound_organization_ids": "o-abcdefghij"})).await;
    assert_ne!(login("plain").await, StatusCode::OK);
    let own = ("role/plain", "own.role.bound_organization_ids");
    assert_eq!(findings(&scene).await, pairs(&[&config[..], &[own, roles[3]]].concat()));

    scene.to_the_built_in_method().await;
    assert_eq!(login("plain").await, StatusCode::OK, "what only the plugin has is ignored");
    for role in ["role/plain", "role/v6"] {
        scene.write(role, &json!({})).await;
    }
    let plain = scene.server.stored(&scene.mount, "role/plain").await.unwrap();
    assert_eq!(plain.get("bound_organization_ids_list"), None, "and dropped by a write");

    scene.to_the_plugin().await;
    assert_eq!(findings(&scene).await, pairs(&[&config[..], &[("role/v6", "role.all_ipv6")]].concat()));
}
