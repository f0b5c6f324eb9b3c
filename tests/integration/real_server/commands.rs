//! What the plugin's own programs print to be typed, against a real server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::under_test::PLUGIN;
use testkit::server::{Flavor, Installation, Server, ServerBinary};

/// How long a server may take to end.
const END_DEADLINE: Duration = Duration::from_secs(20);

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
    assert!(shown_key.ends_with("secret_key=\"$SERVER_SECRET_KEY\""), "secrets are not shown:\n{text}");
    let token = text.lines().find_map(|line| line.trim().strip_prefix("token ")).unwrap();
    assert!(token.ends_with("..."), "tokens are shown shortened:\n{text}");
}

#[test]
fn what_try_prints_works_in_a_shell_of_the_user_openbao() {
    what_try_prints_works_in_a_shell_of_the_user(
        concat!(module_path!(), "::what_try_prints_works_in_a_shell_of_the_user_openbao"),
        Flavor::OpenBao,
    );
}

#[test]
fn what_try_prints_works_in_a_shell_of_the_user_vault() {
    what_try_prints_works_in_a_shell_of_the_user(
        concat!(module_path!(), "::what_try_prints_works_in_a_shell_of_the_user_vault"),
        Flavor::Vault,
    );
}

fn what_try_prints_works_in_a_shell_of_the_user(test: &str, flavor: Flavor) {
    let installation = Installation::of_this_checkout();
    let Some(server) = installation.server(test, flavor) else { return };
    if installation.python_tool(test, "moto_server").is_none() {
        return;
    }
    let output = try_with(&server, &["--keep", "--plugin", PLUGIN]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let kept = Kept::of(&text);
    for prefix in if flavor == Flavor::OpenBao { &["BAO", "VAULT"][..] } else { &["VAULT"] } {
        assert!(kept.exports.contains(&format!("export {prefix}_ADDR=http://")), "{}", kept.exports);
        assert!(kept.exports.contains(&format!(" {prefix}_TOKEN=root\n")), "{}", kept.exports);
    }

    // All but the first two, which started what is still there.
    let commands: Vec<&String> = kept
        .commands
        .iter()
        .filter(|command| !command.ends_with('&') && !command.contains("stand_in.py"))
        .collect();
    assert_eq!(commands.len(), 6, "{commands:?}");
    let cli = flavor.command();
    let mut script = format!("set -euxo pipefail\n{}{cli} auth disable aws\n", kept.exports);
    for command in commands {
        script.push_str(command);
        script.push('\n');
    }
    let output = shell(&script);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("token_policies"));

    let output = shell(&kept.end);
    assert!(output.status.success(), "{output:?}");
    let deadline = Instant::now() + END_DEADLINE;
    while kept.processes.iter().any(|id| Path::new("/proc").join(id).join("exe").read_link().is_ok()) {
        assert!(Instant::now() < deadline, "{:?} still run", kept.processes);
        std::thread::sleep(testkit::server::POLL_INTERVAL);
    }
    assert!(!kept.folder.exists());
}

/// What `--keep` leaves, ended when dropped.
struct Kept {
    /// The commands it has shown, each with its further lines.
    commands: Vec<String>,
    exports: String,
    end: String,
    processes: Vec<String>,
    folder: PathBuf,
}

impl Kept {
    fn of(text: &str) -> Self {
        let mut commands: Vec<String> = Vec::new();
        let mut open = false;
        for line in text.lines() {
            match line.strip_prefix("   $ ") {
                Some(command) => commands.push(command.to_owned()),
                None if open => {
                    let command = commands.last_mut().unwrap();
                    command.push('\n');
                    command.push_str(line);
                }
                None => continue,
            }
            open = line.ends_with('\\') || line.ends_with('|');
        }
        let exports = text.lines().filter(|line| line.starts_with("   export "));
        let exports = exports.map(|line| format!("{}\n", line.trim())).collect();
        let end = text.lines().find(|line| line.starts_with("   kill ")).unwrap().trim().to_owned();
        let (kill, remove) = end.split_once("; rm -r ").unwrap();
        Self {
            commands,
            exports,
            processes: kill.split(' ').skip(1).map(str::to_owned).collect(),
            folder: remove.into(),
            end,
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.folder.exists() {
            shell(&self.end);
        }
    }
}

/// A shell at the top of the checkout with nothing of this process's environment but `PATH`.
fn shell(script: &str) -> Output {
    isolated("bash").args(["-c", script]).output().unwrap()
}

fn isolated(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

#[tokio::test]
async fn the_commands_of_help_register_and_mount_openbao() {
    let test = concat!(module_path!(), "::the_commands_of_help_register_and_mount_openbao");
    the_commands_of_help_register_and_mount(test, Flavor::OpenBao).await;
}

#[tokio::test]
async fn the_commands_of_help_register_and_mount_vault() {
    let test = concat!(module_path!(), "::the_commands_of_help_register_and_mount_vault");
    the_commands_of_help_register_and_mount(test, Flavor::Vault).await;
}

async fn the_commands_of_help_register_and_mount(test: &str, flavor: Flavor) {
    let Some(binary) = Installation::of_this_checkout().server(test, flavor) else { return };
    let help = isolated(PLUGIN).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("for OpenBao say bao"));
    let commands: Vec<&str> = help
        .lines()
        .take_while(|line| *line != "Options:")
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    assert_eq!(commands.len(), 3, "{help}");
    let commands = commands.join("\n").replace("\nvault ", &format!("\n{} ", flavor.command()));

    let server = Server::start(&binary, PLUGIN).await;
    let bin = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(&binary.path, bin.path().join(flavor.command())).unwrap();
    fs::copy(PLUGIN, server.plugin_folder().join("vault-plugin-auth-aws")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = isolated("bash")
        .args(["-euxc", &commands])
        .current_dir(server.plugin_folder())
        .env("PATH", format!("{}:{path}", bin.path().display()))
        .envs(["VAULT", "BAO"].map(|prefix| (format!("{prefix}_ADDR"), server.url())))
        .envs(["VAULT", "BAO"].map(|prefix| (format!("{prefix}_TOKEN"), server.root_token().to_owned())))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}\n{}", server.log());
    server.root("GET", "auth/aws/status/aws", &Value::Null).await;
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

#[test]
fn sign_login_takes_what_the_aws_tools_take() {
    let test = concat!(module_path!(), "::sign_login_takes_what_the_aws_tools_take");
    let Some(python) = Installation::of_this_checkout().python_tool(test, "python") else { return };
    let home = tempfile::tempdir().unwrap();
    let sign = |arguments: &[&str]| {
        let mut command = isolated(python.to_str().unwrap());
        command.args(arguments).arg("plugin-catalog/sign_login.py").env("HOME", home.path());
        command
    };
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let nothing =
        "error: there are no AWS credentials, neither in the environment nor where boto3 looks for them.\n";
    assert_eq!(said(&mut sign(&[])), nothing);
    // Without site-packages there is no boto3.
    assert!(
        said(&mut sign(&["-S"]))
            .starts_with("error: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set")
    );
    let text = said(sign(&[]).env("AWS_PROFILE", "absent"));
    assert!(
        text.starts_with("error: boto3 could not get AWS credentials: ") && text.lines().count() == 1,
        "{text}"
    );

    let profile =
        "[work]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\naws_session_token = t\n";
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/credentials"), profile).unwrap();
    let output = sign(&[]).env("AWS_PROFILE", "work").output().unwrap();
    let headers = headers_of(&output);
    assert!(headers["Authorization"][0].as_str().unwrap().contains("Credential=AKIAPROFILE/"), "{headers}");
    assert_eq!(headers["X-Amz-Security-Token"], json!(["t"]));

    let keys = BTreeMap::from([("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "s")]);
    let headers = headers_of(&sign(&["-S"]).envs(&keys).output().unwrap());
    assert!(headers["Authorization"][0].as_str().unwrap().contains("Credential=AKIAENV/"), "{headers}");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = sign(&["-S"]).envs(&keys).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "a closed pipe is no news");
}

/// The headers of the request that `sign_login.py` has printed.
fn headers_of(output: &Output) -> Value {
    use base64::Engine as _;
    let login: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let headers = login["iam_request_headers"].as_str().unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(headers).unwrap()).unwrap()
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
    let variable = if server.flavor == Flavor::Vault { "VAULT_BIN" } else { "BAO_BIN" };
    command.args(arguments).env(variable, &server.path).stdin(Stdio::null()).output().unwrap()
}
