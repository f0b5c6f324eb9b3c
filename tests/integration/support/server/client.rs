//! Clients that log in: the exact payload of `vault login -method=aws`, hvac, boto3, and the command
//! line itself.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::process::isolated_command;
use super::vault::Server;
use crate::support::aws::sigv4::{self, Credentials, Scope, Signable};

const URL: &str = "https://sts.amazonaws.com/";
const HOST: &str = "sts.amazonaws.com";
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// What a client is told before it logs in.
#[derive(Clone, Debug)]
pub struct ClientLogin<'a> {
    /// Path of the mount under `auth/`.
    pub mount: &'a str,
    /// Role, if one is named.
    pub role: Option<&'a str>,
    /// Value of `X-Vault-AWS-IAM-Server-ID`, if the mount wants one.
    pub server_id: Option<&'a str>,
    /// Region of the credential scope.
    pub region: &'a str,
    /// Credentials.
    pub credentials: &'a Credentials,
}

impl ClientLogin<'_> {
    /// The payload of `vault login -method=aws`: no `Host` entry, values as lists, `role` always there,
    /// the server id in canonical casing, the global URL whatever the region.
    pub fn vault_cli_payload(&self) -> Value {
        let now = OffsetDateTime::now_utc();
        let date = now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap();
        let mut headers = vec![
            ("Content-Length".to_owned(), BODY.len().to_string()),
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
            ("Host".to_owned(), HOST.to_owned()),
            ("X-Amz-Date".to_owned(), date.clone()),
        ];
        if let Some(token) = &self.credentials.session_token {
            headers.push(("X-Amz-Security-Token".to_owned(), token.clone()));
        }
        if let Some(server_id) = self.server_id {
            headers.push(("X-Vault-Aws-Iam-Server-Id".to_owned(), server_id.to_owned()));
        }
        let signed_headers: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let scope =
            Scope { date: date[..8].to_owned(), region: self.region.to_owned(), service: "sts".to_owned() };
        let canonical = sigv4::canonical_request(&Signable {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            signed_headers: &signed_headers,
            body: BODY.as_bytes(),
        });
        let text = sigv4::string_to_sign(&date, &scope, &canonical);
        let authorization = format!(
            "{} Credential={}/{}, SignedHeaders={}, Signature={}",
            sigv4::ALGORITHM,
            self.credentials.access_key_id,
            scope.text(),
            signed_headers.join(";"),
            sigv4::signature(&self.credentials.secret_access_key, &scope, &text),
        );
        headers.push(("Authorization".to_owned(), authorization));
        headers.push(("User-Agent".to_owned(), "aws-sdk-go/1.55.6 (go1.23.4; linux; amd64)".to_owned()));

        let entries: serde_json::Map<String, Value> = headers
            .into_iter()
            .filter(|(name, _)| name != "Host")
            .map(|(name, value)| (name, json!([value])))
            .collect();
        json!({
            "role": self.role.unwrap_or_default(),
            "iam_http_request_method": "POST",
            "iam_request_url": STANDARD.encode(URL),
            "iam_request_body": STANDARD.encode(BODY),
            "iam_request_headers": STANDARD.encode(Value::Object(entries).to_string()),
        })
    }

    /// Runs a script of `tests/clients` with these settings; its output is JSON.
    fn run_script(&self, python: &Path, script: &str, server: &Server) -> Result<Value, String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
        let mut command = isolated_command(python);
        command
            .arg(file)
            .env("HOME", server.home())
            .env("VAULT_ADDR", server.url())
            .env("AWS_ACCESS_KEY_ID", &self.credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.credentials.secret_access_key)
            .env("AWS_DEFAULT_REGION", self.region)
            .envs(self.credentials.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)))
            .env("LOGIN_MOUNT", self.mount)
            .envs(self.role.map(|role| ("LOGIN_ROLE", role)))
            .envs(self.server_id.map(|id| ("LOGIN_SERVER_ID", id)));
        answer_of(command)
    }
}

/// Logs in with hvac; the answer of the server, or what hvac says.
pub fn login_with_hvac(python: &Path, server: &Server, login: &ClientLogin<'_>) -> Result<Value, String> {
    login.run_script(python, "hvac_login.py", server)
}

/// The payload of a script on top of boto3: header values as plain strings, no `Host`.
pub fn boto3_payload(python: &Path, server: &Server, login: &ClientLogin<'_>) -> Value {
    login.run_script(python, "boto3_payload.py", server).unwrap()
}

/// Logs in with `vault login -method=aws`; the answer of the server, or what the command says.
pub fn login_with_vault_cli(vault: &Path, server: &Server, login: &ClientLogin<'_>) -> Result<Value, String> {
    let mut command = isolated_command(vault);
    command
        .args(["login", "-no-store", "-format=json", "-method=aws"])
        .arg(format!("-path={}", login.mount))
        .args(login.role.map(|role| format!("role={role}")))
        .args(login.server_id.map(|id| format!("header_value={id}")))
        .env("HOME", server.home())
        .env("VAULT_ADDR", server.url())
        .env("AWS_ACCESS_KEY_ID", &login.credentials.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &login.credentials.secret_access_key)
        .envs(login.credentials.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)));
    answer_of(command)
}

fn answer_of(mut command: std::process::Command) -> Result<Value, String> {
    let output = command.output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
