//! The commands of the README against a real server.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::under_test::PLUGIN;
use testkit::server::{Flavor, Installation, ServerBinary};

#[test]
fn try_shows_every_step_up_to_a_login() {
    let test = concat!(module_path!(), "::try_shows_every_step_up_to_a_login");
    let installation = Installation::of_this_checkout();
    let Some(server) = installation.server(test, Flavor::OpenBao) else { return };
    if installation.python_tool(test, "moto_server").is_none() {
        return;
    }
    let output = try_with(&server, &["--plugin", PLUGIN]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for command in [
        "bao plugin register -sha256=",
        "bao auth enable -path=aws aws",
        "bao write auth/aws/config/client ",
        "bao write auth/aws/role/dev ",
        "bao write auth/aws/login -",
    ] {
        assert!(text.contains(command), "no {command} in\n{text}");
    }
    assert!(text.contains("token_policies"), "the result of the login is shown:\n{text}");
    let shown_key = text.lines().find(|line| line.contains("access_key=AKIA")).unwrap();
    assert!(shown_key.ends_with("secret_key=..."), "secrets are not shown:\n{text}");
    let token = text.lines().find_map(|line| line.trim().strip_prefix("token ")).unwrap();
    assert!(token.ends_with("..."), "tokens are shown shortened:\n{text}");
}

#[test]
fn try_fails_with_a_sentence() {
    let broken = ServerBinary { flavor: Flavor::OpenBao, path: "/nonexistent/bao".into() };
    for arguments in [&["--plugin", PLUGIN][..], &["--plugin", "/nonexistent"], &["--plugin"], &["--bogus"]] {
        let output = try_with(&broken, arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.starts_with("error: ") && text.lines().count() == 1, "{arguments:?}: {text}");
    }
}

/// Runs `plugin-catalog/try.sh` without AWS credentials.
fn try_with(server: &ServerBinary, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin-catalog/try.sh");
    let mut command = Command::new(script);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_") || name == "VAULT_BIN") {
            command.env_remove(name);
        }
    }
    command.args(arguments).env("BAO_BIN", &server.path).stdin(Stdio::null()).output().unwrap()
}
