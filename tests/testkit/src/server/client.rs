//! Client programs that nobody here wrote: hvac, boto3, the command line of Vault.

use std::fs;
use std::path::Path;
use std::process::Command;

use http::StatusCode;
use serde_json::Value;

use super::http::Http;
use super::process::{POLL_INTERVAL, START_DEADLINE, ServerProcess, free_port, isolated_command};
use super::vault::Server;
use crate::aws::Credentials;
use crate::stage::SERVER_ID;

/// What a client is told before it logs in to the mount `aws` of a server that wants [`SERVER_ID`].
#[derive(Clone, Debug)]
pub struct ClientLogin<'a> {
    /// Credentials.
    pub credentials: &'a Credentials,
    /// Role, if one is named.
    pub role: Option<&'a str>,
    /// Region of the credential scope.
    pub region: &'a str,
}

impl<'a> ClientLogin<'a> {
    /// In the region `us-east-1`.
    pub fn new(credentials: &'a Credentials, role: &'a str) -> Self {
        Self { credentials, role: Some(role), region: "us-east-1" }
    }

    /// Logs in with hvac; the answer of the server, or what hvac says.
    pub fn with_hvac(&self, python: &Path, server: &Server) -> Result<Value, String> {
        self.run_script(python, "hvac_login.py", server)
    }

    /// The payload of a script on top of boto3.
    pub fn boto3_payload(&self, python: &Path, server: &Server) -> Value {
        self.run_script(python, "boto3_payload.py", server).unwrap()
    }

    /// Logs in with `vault login -method=aws`; the answer of the server, or what the command says.
    pub fn with_vault_cli(&self, vault: &Path, server: &Server) -> Result<Value, String> {
        let mut command = self.command(vault, server);
        command
            .args(["login", "-no-store", "-format=json", "-method=aws"])
            .arg(format!("header_value={SERVER_ID}"))
            .arg(format!("region={}", self.region))
            .args(self.role.map(|role| format!("role={role}")));
        answer_of(command)
    }

    /// Logs in with a program that `tests/clients/install.sh` made; the answer of the server, or what the client
    /// says.
    pub fn with_program(&self, login: &Path, server: &Server) -> Result<Value, String> {
        answer_of(self.program(login, server))
    }

    /// Logs in with `vault agent`, which writes the token to a file and ends; the token, or what it says.
    pub fn with_vault_agent(&self, vault: &Path, server: &Server) -> Result<String, String> {
        let sink = server.home().join("agent-token");
        let file = format!(r#"sink "file" {{ config = {{ path = "{}" }} }}"#, sink.display());
        let config = format!("exit_after_auth = true\n{}", self.auto_auth(server, &file));
        let output = self.with_config(vault, "agent", server, &config).output().unwrap();
        if output.status.success() {
            Ok(fs::read_to_string(sink).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Starts `vault proxy`, which logs in and adds its token to the requests it passes on.
    pub fn vault_proxy(&self, vault: &Path, server: &Server) -> Proxy {
        let port = free_port();
        let listener = format!(r#"listener "tcp" {{ address = "127.0.0.1:{port}", tls_disable = true }}"#);
        let auth = self.auto_auth(server, "");
        let config = format!("api_proxy {{ use_auto_auth_token = true }}\n{listener}\n{auth}");
        let mut command = self.with_config(vault, "proxy", server, &config);
        let log = server.home().join("proxy.log");
        Proxy { process: ServerProcess::start(&mut command, &log), http: Http::new(port) }
    }

    /// A command of Vault that wants a file of configuration.
    fn with_config(&self, vault: &Path, name: &str, server: &Server, config: &str) -> Command {
        let file = server.home().join(format!("{name}.hcl"));
        fs::write(&file, config).unwrap();
        let mut command = self.command(vault, server);
        command.arg(name).arg(format!("-config={}", file.display()));
        command
    }

    /// What `vault agent` and `vault proxy` log in with; the credentials are in their environment.
    fn auto_auth(&self, server: &Server, sink: &str) -> String {
        let (url, region, role) = (server.url(), self.region, self.role.unwrap_or_default());
        format!(
            r#"vault {{ address = "{url}" }}
            auto_auth {{
              method "aws" {{
                mount_path = "auth/aws"
                config = {{ type = "iam", role = "{role}", region = "{region}", header_value = "{SERVER_ID}" }}
              }}
              {sink}
            }}"#
        )
    }

    /// Runs a script of `tests/clients`.
    fn run_script(&self, python: &Path, script: &str, server: &Server) -> Result<Value, String> {
        let mut command = self.program(python, server);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients").join(script));
        answer_of(command)
    }

    /// A program that reads its settings from the environment and prints JSON.
    fn program(&self, program: &Path, server: &Server) -> Command {
        let mut command = self.command(program, server);
        command
            .env("AWS_DEFAULT_REGION", self.region)
            .env("LOGIN_SERVER_ID", SERVER_ID)
            .envs(self.role.map(|role| ("LOGIN_ROLE", role)));
        command
    }

    fn command(&self, program: &Path, server: &Server) -> Command {
        let mut command = isolated_command(program);
        command
            .env("HOME", server.home())
            .env("VAULT_ADDR", server.url())
            .env("AWS_ACCESS_KEY_ID", &self.credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.credentials.secret_access_key)
            .envs(self.credentials.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)));
        command
    }
}

/// A running `vault proxy`, ended when dropped.
pub struct Proxy {
    process: ServerProcess,
    http: Http,
}

impl Proxy {
    /// What a path reads as through it, once it has logged in.
    pub async fn read(&mut self, path: &str) -> Value {
        let path = format!("/v1/{path}");
        let waiting = async {
            loop {
                match self.http.send("GET", &path, &[("x-vault-request", "true")], "").await {
                    Ok((StatusCode::OK, answer)) => return serde_json::from_slice(&answer).unwrap(),
                    _ => tokio::time::sleep(POLL_INTERVAL).await,
                }
                assert_eq!(self.process.exit_status(), None, "{}", self.process.log());
            }
        };
        match tokio::time::timeout(START_DEADLINE, waiting).await {
            Ok(answer) => answer,
            Err(_) => panic!("{}", self.process.log()),
        }
    }
}

fn answer_of(mut command: Command) -> Result<Value, String> {
    let output = command.output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
