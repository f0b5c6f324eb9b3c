//! Client programs that nobody here wrote: hvac, boto3, the command line of Vault.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::process::isolated_command;
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

    /// The payload of a GET that botocore signs in the Authorization header.
    pub fn botocore_get(&self, python: &Path, server: &Server) -> Value {
        self.run_script(python, "botocore_get.py", server).unwrap()
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

fn answer_of(mut command: Command) -> Result<Value, String> {
    let output = command.output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
