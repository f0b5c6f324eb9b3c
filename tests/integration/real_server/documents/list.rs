//! Where each example is run.

use testkit::server::Flavor;

/// What a test does with an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// It runs as it stands, on both servers.
    Everywhere,
    /// It runs on one of them alone, for this reason.
    On(Flavor, &'static str),
    /// It runs on both, where Vault's command line is installed.
    WithVaultsCommandLine,
    /// It runs on both, where the binary is built with its client.
    WithClient,
    /// It is no command: the session looks at what it says.
    Shown,
    /// It is not run here, for this reason.
    Not(&'static str),
}

const NO_BUILT_IN: &str = "OpenBao has no built-in method to go back to";

/// By the first line of each.
const LIST: &[(&str, Run)] = &[
    ("plugin-catalog/try.sh", Run::Not("real_server::commands runs it")),
    ("tests/run.sh", Run::Not("it runs this test")),
    (
        r#"IAM Principal "arn:aws:iam::123456789012:user/eve" does not belong to the role "dev" (code iam.principal_not_bound, id 7f3a09c2d1)"#,
        Run::Not("login::iam::strict_mode sees such texts"),
    ),
    ("cargo build --release", Run::Everywhere),
    (
        "install -m 0755 target/release/vault-plugin-auth-aws /etc/vault/plugins/vault-plugin-auth-aws-0.1.0",
        Run::Everywhere,
    ),
    (
        "setcap cap_ipc_lock=+ep FILE",
        Run::Not("it takes a right of the administrator, and a file of the reader's"),
    ),
    (
        r#"vault plugin register -sha256="$SHA256" -command=vault-plugin-auth-aws-0.1.0 auth aws"#,
        Run::Everywhere,
    ),
    ("vault plugin reload -plugin=aws", Run::Everywhere),
    ("vault plugin deregister auth aws", Run::On(Flavor::Vault, NO_BUILT_IN)),
    (
        r#"vault plugin register -sha256="$SHA256" -command=vault-plugin-auth-aws-0.1.0 -version=v0.1.0 auth aws"#,
        Run::Everywhere,
    ),
    ("vault auth tune -plugin-version=v0.1.0 aws/", Run::Everywhere),
    (
        r#"BUILTIN=$(vault plugin list auth | awk '$1 == "aws" && /builtin/ { print $2 }')"#,
        Run::On(Flavor::Vault, NO_BUILT_IN),
    ),
    ("vault-plugin-auth-aws --version", Run::Everywhere),
    ("vault write auth/aws/config/client iam_server_id_header_value=vault.example.com", Run::Everywhere),
    ("vault write auth/aws/role/ci", Run::Everywhere),
    ("vault write auth/aws/config/sts/210987654321", Run::Everywhere),
    ("vault write auth/aws/role/web", Run::Everywhere),
    (
        "vault write auth/aws/role/batch auth_type=ec2 bound_ami_id=ami-0a1b2c3d role_tag=VaultRole",
        Run::Everywhere,
    ),
    ("vault write -f auth/aws/config/rotate-root", Run::Everywhere),
    ("vault path-help auth/aws/role/dev", Run::Everywhere),
    ("vault write auth/aws/config/client", Run::Everywhere),
    ("vault login -method=aws role=dev header_value=vault.example.com", Run::WithVaultsCommandLine),
    ("import os", Run::Everywhere),
    ("plugin-catalog/sign_login.py --role dev --server-id vault.example.com", Run::Everywhere),
    ("IMDS=http://169.254.169.254/latest", Run::Everywhere),
    (
        r#"[DEBUG] auth.aws.…: login refused: code=login.role_unknown mount=auth/aws/ role=nope address=10.0.0.7 id=… reason="entry for role nope not found""#,
        Run::Shown,
    ),
    ("{", Run::Shown),
    ("vault read -format=json auth/aws/status/aws", Run::Everywhere),
    ("vault path-help auth/aws/status/aws", Run::Everywhere),
    ("vault read -format=json auth/aws/config/doctor", Run::Everywhere),
    ("vault read -format=json auth/aws/migrate/report", Run::Everywhere),
    ("probe     account.444455556666", Run::Shown),
    (
        "cargo run --example verify_login --no-default-features",
        Run::Not("the tests build it, and it needs AWS"),
    ),
    ("UPDATE_OPENAPI=1 cargo test --test integration openapi", Run::Not("it changes files of the checkout")),
    ("FUZZ_SECONDS=600 cargo test --release --test fuzz", Run::Not("it takes ten minutes")),
    ("CHAOS=full cargo test --test integration chaos -- --nocapture", Run::Not("it takes ten minutes")),
    (
        "install -m 0755 target/release/vault-plugin-auth-aws /etc/openbao/plugins/vault-plugin-auth-aws-0.1.0",
        Run::WithClient,
    ),
    ("cargo build --release --features client", Run::WithClient),
    ("export BAO_ADDR=https://bao.example.com:8200", Run::WithClient),
    ("Logged in. The token is kept in /home/me/.vault-token, where `bao` finds it.", Run::Shown),
    ("vault-plugin-auth-aws sign -explain role=dev header_value=bao.example.com", Run::WithClient),
    ("# agent.hcl", Run::Everywhere),
    ("# proxy.hcl", Run::Everywhere),
    ("vault agent -config=agent.hcl", Run::WithVaultsCommandLine),
    ("# bao-agent.hcl", Run::Everywhere),
    ("umask 077", Run::Everywhere),
    (r#"path "auth/aws/role/+/explain" {"#, Run::Shown),
    ("POST /v1/auth/aws/role/dev/explain", Run::Shown),
    (r#"{ "verdict": "refused","#, Run::Shown),
    ("vault write auth/aws/config/client allowed_sts_header_values=X-Amz-Expires", Run::Everywhere),
    ("import base64", Run::Everywhere),
    ("sha256sum --check --ignore-missing SHA256SUMS", Run::Not("supply_chain::sums checks such a file")),
    (
        "plugin-catalog/reproduce.sh --commit v0.1.0 --against vault-plugin-auth-aws_0.1.0_x86_64-unknown-linux-gnu",
        Run::Not("a release build takes minutes; supply_chain::reproducible runs it with a stand-in"),
    ),
    (
        "plugin-catalog/sbom.py --binary target/release/vault-plugin-auth-aws",
        Run::Not("supply_chain::bill_of_materials runs it"),
    ),
    ("vault write auth/aws/config/issuer", Run::Everywhere),
    (
        "vault read -format=json -field=trust_policy auth/aws/issuer/export > trust-policy.json",
        Run::Not("it is for the real AWS; real_server::issuer registers the provider at the stand-in"),
    ),
    (
        "vault write auth/aws/config/client identity_token_audience=sts.amazonaws.com",
        Run::Not("real_server::issuer does it, with a provider that the stand-in knows"),
    ),
    ("ISSUER/.well-known/openid-configuration", Run::Shown),
    ("vault write auth/aws/config/issuer issuer=https://vault.example.com/v1/auth/aws/oidc", Run::Everywhere),
    ("vault read -format=json auth/aws/issuer/export", Run::Everywhere),
    (r#"{ "Version": "2012-10-17","#, Run::Shown),
    (
        "vault read -format=json -field=provider auth/aws/issuer/export > provider.json",
        Run::Not("it is for the real AWS; real_server::issuer registers the provider at the stand-in"),
    ),
    (
        r#"vault write auth/aws/config/client access_key="" secret_key="""#,
        Run::Not("real_server::issuer does it, with a provider that the stand-in knows"),
    ),
    ("vault write -f auth/aws/issuer/rotate", Run::Everywhere),
    ("vault write auth/aws/issuer/rotate immediate=true", Run::Everywhere),
    ("aws iam enable-outbound-web-identity-federation", Run::Not("it is for the real AWS")),
    ("aws iam get-outbound-web-identity-federation-info", Run::Not("it is for the real AWS")),
    ("vault write auth/aws/config/client iam_accept_evidence=true", Run::Everywhere),
    ("vault write auth/aws/config/jwt-issuer/123456789012", Run::Everywhere),
    ("vault write auth/aws/role/by-token", Run::Everywhere),
    (
        "TOKEN=$(aws sts get-web-identity-token --region eu-west-1 --audience vault.example.com",
        Run::Not("it is for the real AWS; login::jwt logs in with such tokens"),
    ),
    (r#"{ "bound_iam_principal_arn": "arn:aws:iam::111122223333:role/*","#, Run::Shown),
    (r#"{ "bound_organization_ids": "o-abcdefghij","#, Run::Shown),
    (r#"{"iam_alias_tags": ["team=aws_team", "Cost Center=cost_center"]}"#, Run::Shown),
    (
        r#"{"iam_audit_metadata": ["aws_request_id", "aws_access_key_id", "aws_signed_at", "aws_region"]}"#,
        Run::Shown,
    ),
    (r#"{"type": "response", "auth": {"display_name": "aws-App/web", "metadata": {"#, Run::Shown),
    (r#"{ "Version": "2012-10-17", "Statement": [{"#, Run::Shown),
    ("aws cloudtrail lookup-events --region eu-west-1", Run::Shown),
    (
        r#"{"eventSource": "sts.amazonaws.com", "eventName": "GetCallerIdentity", "awsRegion": "eu-west-1","#,
        Run::Shown,
    ),
    ("import hashlib, json, os", Run::Not("login::iam::evidence runs it")),
    ("vault write auth/aws/login -", Run::Not("it reads what the script before it prints")),
    (r#"{ "rotate_in_plugin": true,"#, Run::Shown),
    (r#"{ "rotation_schedule": "0 4 * * SAT","#, Run::Shown),
    (r#"{ "next_rotation": "2026-02-01T04:00:00Z","#, Run::Shown),
];

/// The row of an example.
pub(super) fn run(key: &str) -> Option<Run> {
    LIST.iter().find(|(listed, _)| *listed == key).map(|(_, run)| *run)
}

/// The first lines that have a row.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    LIST.iter().map(|(key, _)| *key)
}
