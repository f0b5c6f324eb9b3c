//! Requests to a mount, as they arrive behind the plugin protocol.

use std::sync::Arc;

use divan::Bencher;
use http::StatusCode;
use serde_json::json;
use vault_plugin_auth_aws::framework::{Operation, Reply};
use vault_plugin_auth_aws::mount::Mount;

use crate::answers::CALLER;
use testkit::core::{Aws, MemoryStorage, block_on, mount, request};

/// What the signed header `X-Vault-AWS-IAM-Server-ID` has to say.
pub(crate) const SERVER_ID: &str = "vault.example.com";
/// A login in the form of Vault's command line, with a session token of the usual length.
pub(crate) const LOGIN: &str = include_str!("login.json");

/// A mount with the role `app`, and AWS behind it.
struct Scene {
    aws: Arc<Aws>,
    mount: Arc<Mount>,
}

impl Scene {
    fn new() -> Self {
        let aws = Arc::new(Aws::answering(StatusCode::OK, CALLER.as_bytes()));
        let mount = mount(&aws, Arc::new(MemoryStorage::default()));
        let scene = Self { aws, mount };
        let config = json!({"iam_server_id_header_value": SERVER_ID});
        scene.ask(Operation::Create, "config/client", &config.to_string());
        let role = json!({
            "auth_type": "iam",
            "bound_iam_principal_arn": "arn:aws:iam::123456789012:role/App",
            "resolve_aws_unique_ids": false,
            "token_policies": ["app", "metrics"],
        });
        scene.ask(Operation::Create, "role/app", &role.to_string());
        scene
    }

    fn ask(&self, operation: Operation, path: &str, data: &str) -> Reply {
        let reply = block_on(self.mount.handle_request(request(operation, path, data)));
        self.aws.take_requests();
        assert!(matches!(reply, Reply::Empty | Reply::Answer(_)), "{reply:?}");
        reply
    }

    fn bench(bencher: Bencher, operation: Operation, path: &str, data: &str) {
        let scene = Self::new();
        scene.ask(operation, path, data);
        bencher.bench_local(|| scene.ask(operation, path, data));
    }
}

/// All of a login but the transport: AWS answers at once.
#[divan::bench]
fn login(bencher: Bencher) {
    Scene::bench(bencher, Operation::Update, "login", LOGIN);
}

/// What the host asks around a login.
#[divan::bench]
fn resolve_role(bencher: Bencher) {
    Scene::bench(bencher, Operation::ResolveRole, "login", LOGIN);
}

#[divan::bench]
fn role_read(bencher: Bencher) {
    Scene::bench(bencher, Operation::Read, "role/app", "");
}
