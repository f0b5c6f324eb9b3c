//! Every command of the README and of `docs/`, as it is printed there, against a real server.

mod examples;
mod list;
mod session;

use serde_json::{Value, json};

use examples::Example;
use list::Run;
use session::Session;
use testkit::server::{errors, on_each_server};

on_each_server! {
    Session:
    what_the_documents_show_works_in_their_order,
}

/// A new example has to be listed, with its reason where it is not run; a row without example is struck.
#[test]
fn every_example_is_listed() {
    let examples = examples::all();
    let unknown = examples.iter().filter(|example| list::run(example.key()).is_none());
    let unknown: Vec<(&str, &str)> =
        unknown.map(|example| (example.document.as_str(), example.key())).collect();
    assert!(unknown.is_empty(), "shown, and no test knows: {unknown:#?}");
    for key in list::keys() {
        let shown = examples.iter().filter(|example| example.key() == key).count();
        assert_eq!(shown, 1, "{key}: one document shows it, once");
    }
}

async fn what_the_documents_show_works_in_their_order(mut session: Session) {
    for example in examples::all() {
        match list::run(example.key()).unwrap() {
            Run::Not(_) => continue,
            Run::On(flavor, _) if flavor != session.flavor => continue,
            Run::WithClient if !cfg!(feature = "client") => continue,
            Run::WithVaultsCommandLine if !session.has_vault => continue,
            _ => {}
        }
        let calls = session.aws.total_calls();
        before(&session, example.key()).await;
        let output = match example.language.as_str() {
            "console" | "inline" => session.shell(&example.script()),
            "python" => session.python(&format!("{}\n{}", example.text, token_of(&example))),
            "hcl" => {
                session.file(&example.text);
                String::new()
            }
            "json" | "text" => String::new(),
            other => panic!("nobody knows what to do with {other}"),
        };
        after(&mut session, &example, &output, calls).await;
    }
}

/// Prints the token that a program of the documents has got.
fn token_of(example: &Example) -> &'static str {
    if example.text.contains("hvac.Client") {
        "print(client.lookup_token()['data']['path'])"
    } else {
        "print(token)"
    }
}

async fn before(session: &Session, key: &str) {
    match key {
        // Its reader has no mount yet.
        "install -m 0755 target/release/vault-plugin-auth-aws /etc/openbao/plugins/vault-plugin-auth-aws-0.1.0" =>
        {
            session.shell("vault auth move auth/aws/ auth/before-client/");
        }
        "vault write -f auth/aws/config/rotate-root" => session.configure_key().await,
        "IMDS=http://169.254.169.254/latest" => {
            let certificate = json!({"aws_public_cert": session.signer.pem(), "type": "pkcs7"});
            session.server.root("POST", "auth/aws/config/certificate/instances", &certificate).await;
        }
        _ => {}
    }
}

async fn after(session: &mut Session, example: &Example, output: &str, calls_before: usize) {
    let server = &session.server;
    match example.key() {
        "vault plugin deregister auth aws" => assert!(!session.plugin_serves().await),
        "vault auth tune -plugin-version=v0.1.0 aws/" => {
            assert!(session.plugin_serves().await);
            assert_eq!(version(session).await, "v0.1.0");
        }
        key if key.starts_with("BUILTIN=") => {
            assert!(!session.plugin_serves().await);
            assert!(version(session).await.ends_with("+builtin.vault"));
            session.server.seal_and_unseal().await;
            assert_eq!(version(session).await, "", "Vault keeps no pin to a built-in version");
            let entry = "-sha256=$SHA256 -command=vault-plugin-auth-aws-0.1.0 auth aws";
            session.shell(&format!("vault plugin register {entry}; vault plugin reload -plugin=aws"));
            assert!(session.plugin_serves().await, "the unversioned entry takes the mount");
            session.shell("vault auth tune -plugin-version=v0.1.0 aws/; vault plugin reload -plugin=aws");
        }
        "vault plugin reload -plugin=aws" => assert!(session.plugin_serves().await),
        "vault-plugin-auth-aws --version" => {
            assert_eq!(output, concat!("vault-plugin-auth-aws ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        "vault write auth/aws/config/client iam_server_id_header_value=vault.example.com" => {
            let role = server.root("GET", "auth/aws/role/dev", &Value::Null).await;
            assert_eq!(role["data"]["bound_iam_principal_id"], json!([session.dev.unique_id]));
        }
        "vault write auth/aws/role/ci" => {
            assert_eq!(session.aws.total_calls(), calls_before, "it needs no credentials");
        }
        "vault write auth/aws/role/batch auth_type=ec2 bound_ami_id=ami-0a1b2c3d role_tag=VaultRole" => {
            session.tag_instance();
        }
        "vault write auth/aws/config/client" => {
            let client = server.root("GET", "auth/aws/config/client", &Value::Null).await;
            assert_eq!(client["data"]["sts_region"], json!("eu-west-1"));
            assert_eq!(client["data"]["use_sts_region_from_client"], json!(true));
        }
        "cargo build --release --features client" => {
            for place in ["~/.vault-token", "/run/vault/dev"] {
                let token = session.shell(&format!("cat {place}; rm {place}"));
                let (_, own) = server.call("GET", "auth/token/lookup-self", &Value::Null, token.trim()).await;
                assert_eq!(own["data"]["path"], json!("auth/aws/login"), "{place}: {token}");
            }
        }
        "vault login -method=aws role=dev header_value=vault.example.com" => {
            assert!(output.contains("token_policies"))
        }
        "plugin-catalog/sign_login.py --role dev --server-id vault.example.com" => {
            assert!(output.contains("\"client_token\"") && output.contains("token_policies"), "{output}");
        }
        "import os" => assert_eq!(output, "auth/aws/login\n"),
        "import base64" => {
            let (_, own) = server.call("GET", "auth/token/lookup-self", &Value::Null, output.trim()).await;
            assert_eq!(own["data"]["path"], json!("auth/aws/login"));
        }
        "IMDS=http://169.254.169.254/latest" => the_nonce_counts(session, &example.script(), output).await,
        key if key.starts_with("[DEBUG] auth.aws.…: login refused: code=login.role_unknown") => {
            a_refused_login_is_logged_as_shown(session, &example.text).await;
        }
        "{" => {
            let policy: Value = serde_json::from_str(&example.text).unwrap();
            assert_eq!(policy["Version"], json!("2012-10-17"));
        }
        "vault read -format=json auth/aws/status/aws" => {
            let status: Value = serde_json::from_str(output).unwrap();
            assert!(status["data"]["calls"].is_array(), "{status}");
        }
        "vault read -format=json auth/aws/config/doctor" => {
            let report: Value = serde_json::from_str(output).unwrap();
            assert!(report["data"]["healthy"].is_boolean(), "{report}");
            assert_eq!(report["data"]["probes"][0]["verdict"], json!("ok"), "{report}");
        }
        "export BAO_ADDR=https://bao.example.com:8200" => {
            let token = session.shell("cat ~/.vault-token");
            let (_, own) = server.call("GET", "auth/token/lookup-self", &Value::Null, token.trim()).await;
            assert_eq!(own["data"]["path"], json!("auth/aws/login"), "{token}");
        }
        key if key.starts_with("Logged in. The token is kept in ") && cfg!(feature = "client") => {
            let said = session.shell(
                "env -u BAO_TOKEN -u VAULT_TOKEN \\
                     vault-plugin-auth-aws login role=dev header_value=bao.example.com 2>&1 >/dev/null",
            );
            let home = session.shell("echo $HOME");
            let said = said.replace(home.trim(), "/home/me").replace("`vault`", "`bao`");
            assert_eq!(said.trim(), example.text);
            session.shell("rm ~/.vault-token");
        }
        "vault-plugin-auth-aws sign -explain role=dev header_value=bao.example.com" => {
            assert!(output.contains("token_policies"), "{output}");
            session.shell("vault auth disable aws; vault auth move auth/before-client/ auth/aws/");
        }
        "vault agent -config=agent.hcl" | "umask 077" => {
            let token = session.shell("cat /run/vault/token; rm /run/vault/token");
            let (_, own) = server.call("GET", "auth/token/lookup-self", &Value::Null, token.trim()).await;
            assert_eq!(own["data"]["path"], json!("auth/aws/login"), "{token}");
        }
        _ => {}
    }
}

/// The version that the mount is pinned to.
async fn version(session: &Session) -> String {
    let mounts = session.server.root("GET", "sys/auth", &Value::Null).await;
    mounts["data"]["aws/"]["plugin_version"].as_str().unwrap().to_owned()
}

/// A first login without a nonce gets one, and the login as shown sends it the next time.
async fn the_nonce_counts(session: &Session, login: &str, first: &str) {
    let first: Value = serde_json::from_str(first).unwrap();
    assert_eq!(first["auth"]["token_policies"], json!(["default", "logs"]), "as the tag says: {first}");
    let nonce = first["auth"]["metadata"]["nonce"].as_str().unwrap();
    let again: Value = serde_json::from_str(&session.shell(&format!("NONCE={nonce}\n{login}"))).unwrap();
    assert!(again["auth"]["client_token"].is_string(), "{again}");
    assert_eq!(again["auth"]["metadata"]["nonce"], Value::Null);

    let entry =
        session.server.root("GET", "auth/aws/identity-accesslist/i-0a1b2c3d4e5f60718", &Value::Null).await;
    assert_eq!(entry["data"]["disallow_reauthentication"], json!(false));
    let failed =
        session.shell(&format!("NONCE=another\n{}", login.replace("aws/login\"\n", "aws/login\" || true\n")));
    let failed: Value = serde_json::from_str(&failed).unwrap();
    assert_eq!(errors(&failed), "client nonce mismatch");
}

async fn a_refused_login_is_logged_as_shown(session: &Session, shown: &str) {
    session.shell(
        "plugin-catalog/sign_login.py --role nope --server-id vault.example.com |
            curl --data @- \"$VAULT_ADDR/v1/auth/aws/login\" || true",
    );
    let log = session.server.log();
    let line = log.lines().rfind(|line| line.contains("login refused: ")).unwrap_or_else(|| panic!("{log}"));
    for part in [
        "[DEBUG]",
        "code=login.role_unknown",
        "mount=auth/aws/",
        "role=nope",
        "reason=\"entry for role nope not found\"",
    ] {
        assert!(line.contains(part) && shown.lines().next().unwrap().contains(part), "{part}: {line}");
    }
    for name in [" address=", " id="] {
        assert!(line.contains(name), "{name}: {line}");
    }
}
