//! Logins to a cluster of three real servers: whichever node they come to, AWS is asked once in all of it.

use http::StatusCode;
use serde_json::{Value, json};

use testkit::aws::{Aws, Entity, LoginOptions, User, sign_login};
use testkit::server::{Cluster, Flavor, Installation, SERVER_ID, Server, configure, on_each_server};

on_each_server! {
    ClusterScene:
    a_login_asks_sts_once_at_whichever_node,
    a_used_request_is_refused_with_409_at_every_node,
}

/// A cluster with the plugin mounted as `aws`, which works with the strict stand-in for AWS.
struct ClusterScene {
    flavor: Flavor,
    aws: Aws,
    cluster: Cluster,
    alice: User,
    mallory: User,
}

impl ClusterScene {
    async fn open(test: &'static str, flavor: Flavor, plugin: &str) -> Option<Self> {
        let binary = Installation::of_this_checkout().server(test, flavor)?;
        let mut cluster = Cluster::start(&binary, plugin).await;
        let aws = Aws::start().await;
        let server_user = aws.create_user("auth-server");
        let alice = aws.create_user(Entity::named("alice").path("/people/"));
        let mallory = aws.create_user("mallory");
        cluster.enable("aws", "aws").await;
        configure(&cluster.leader, "aws", &aws.url(), &server_user.credentials).await;
        for (role, token_type) in [("dev", "default"), ("alice", "default"), ("batch", "batch")] {
            let fields = json!({"bound_iam_principal_arn": alice.arn, "token_type": token_type});
            cluster.leader.root("POST", &format!("auth/aws/role/{role}"), &fields).await;
        }
        cluster.wait_for("auth/aws/role/batch").await;
        Some(Self { flavor, aws, cluster, alice, mallory })
    }

    /// The status of a login, and how often AWS was asked for it.
    async fn login(&self, node: &Server, login: &Value) -> (StatusCode, usize) {
        self.aws.clear_calls();
        let (status, answer) = node.login("aws", login).await;
        assert_eq!(answer["auth"]["client_token"].is_string(), status == StatusCode::OK, "{answer}");
        assert_eq!(self.aws.call_count("GetCallerIdentity"), self.aws.total_calls());
        (status, self.aws.total_calls())
    }

    /// Logs in at every node, with signatures of which no two are alike.
    async fn log_in_everywhere(&self, when: &str) {
        let Self { alice, mallory, .. } = self;
        for (number, (name, node)) in self.cluster.nodes().enumerate() {
            for (user, role, status) in [
                (alice, "dev", StatusCode::OK),
                (alice, "", StatusCode::OK),
                (alice, "batch", StatusCode::OK),
                (alice, "nope", StatusCode::BAD_REQUEST),
                (mallory, "dev", StatusCode::BAD_REQUEST),
                (mallory, "", StatusCode::BAD_REQUEST),
            ] {
                let options = LoginOptions::vault_cli()
                    .server_id(SERVER_ID)
                    .role(role)
                    .signed_header("X-Login", &format!("{when} {number}"));
                let login = sign_login(&user.credentials, &options);
                for time in ["first", "same bytes again"] {
                    let found = self.login(node, &login).await;
                    let name = format!("{when}, {name} {number}, {} as {role:?}, {time}", user.arn);
                    assert_eq!(found, (status, 1), "{name}: status and calls of AWS");
                }
            }
        }
    }
}

async fn a_login_asks_sts_once_at_whichever_node(mut scene: ClusterScene) {
    scene.log_in_everywhere("without quota").await;

    // The host then asks for the role before the login instead of after it.
    let quota = json!({"path": "auth/aws", "role": "dev", "rate": 100_000});
    scene.cluster.leader.root("POST", "sys/quotas/rate-limit/dev", &quota).await;
    scene.cluster.wait_for("sys/quotas/rate-limit/dev").await;
    scene.log_in_everywhere("with a quota").await;

    // The standbys of OpenBao have plugins of their own, which have left their logins to the leader's.
    for standby in &scene.cluster.standbys {
        assert_eq!(standby.plugin_ids().len(), usize::from(scene.flavor == Flavor::OpenBao));
    }
    assert_eq!(scene.cluster.leader.plugin_ids().len(), 1);
}

/// The text of a refusal for a use before ends with its code and an id, by which the log line is found.
async fn assert_used(node: &Server, login: &Value, what: &str) {
    let (status, answer) = node.login("aws", login).await;
    assert_eq!(status, StatusCode::CONFLICT, "{what}: {answer}");
    assert!(answer["auth"].is_null(), "{what}: {answer}");
    let text = answer["errors"][0].as_str().unwrap_or_default();
    assert!(text.starts_with("the signed request was used before: "), "{what}: {answer}");
    assert!(text.contains(" (code iam.request_used, id "), "{what}: {answer}");
}

async fn a_used_request_is_refused_with_409_at_every_node(mut scene: ClusterScene) {
    let config = json!({"iam_request_single_use": true, "iam_strict_request": true});
    scene.cluster.leader.root("POST", "auth/aws/config/client", &config).await;
    scene.cluster.wait_for("auth/aws/config/client").await;
    // Signed after the moment from which on uses are kept.
    let date = time::OffsetDateTime::now_utc() + time::Duration::seconds(5);
    let nodes: Vec<(&str, &Server)> = scene.cluster.nodes().collect();
    for (number, (name, node)) in nodes.iter().enumerate() {
        for role in ["dev", "batch", ""] {
            let options = LoginOptions::vault_cli()
                .server_id(SERVER_ID)
                .role(role)
                .date(date)
                .signed_header("X-Vault-AWS-IAM-Nonce", &format!("{number} {role}"));
            let login = sign_login(&scene.alice.credentials, &options);
            let what = format!("first at {name} {number} as {role:?}");
            let (status, answer) = node.login("aws", &login).await;
            assert_eq!(status, StatusCode::OK, "{what}: {answer}");
            assert!(answer["auth"]["client_token"].is_string(), "{what}: {answer}");
            scene.aws.clear_calls();
            for (again, (name, node)) in nodes.iter().enumerate() {
                assert_used(node, &login, &format!("{what}, then at {name} {again}")).await;
            }
        }
    }
}
