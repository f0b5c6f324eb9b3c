//! Requests to a mount, as they arrive behind the plugin protocol.

use std::sync::Arc;

use divan::Bencher;
use serde_json::json;
use vault_plugin_auth_aws::framework::{Operation, Reply};

use crate::answers::CALLER;
use testkit::core::{MemoryStorage, Stage};

/// What the signed header `X-Vault-AWS-IAM-Server-ID` has to say.
pub(crate) const SERVER_ID: &str = "vault.example.com";
/// A login in the form of Vault's command line, with a session token of the usual length.
pub(crate) const LOGIN: &str = include_str!("login.json");

/// A mount with the role `app`, and AWS behind it.
fn stage() -> Stage {
    let stage = Stage::over(Arc::new(MemoryStorage::default()), CALLER);
    stage.write("config/client", &json!({"iam_server_id_header_value": SERVER_ID}));
    let role = json!({
        "auth_type": "iam",
        "bound_iam_principal_arn": "arn:aws:iam::123456789012:role/App",
        "resolve_aws_unique_ids": false,
        "token_policies": ["app", "metrics"],
    });
    stage.write("role/app", &role);
    stage
}

fn bench(bencher: Bencher, operation: Operation, path: &str, data: &str) {
    let stage = stage();
    let ask = || {
        let (reply, _) = stage.ask(operation, path, data);
        assert!(matches!(reply, Reply::Empty | Reply::Answer(_)), "{reply:?}");
        reply
    };
    ask();
    bencher.bench_local(ask);
}

/// All of a login but the transport: AWS answers at once.
#[divan::bench]
fn login(bencher: Bencher) {
    bench(bencher, Operation::Update, "login", LOGIN);
}

/// What the host asks around a login.
#[divan::bench]
fn resolve_role(bencher: Bencher) {
    bench(bencher, Operation::ResolveRole, "login", LOGIN);
}

#[divan::bench]
fn role_read(bencher: Bencher) {
    bench(bencher, Operation::Read, "role/app", "");
}
