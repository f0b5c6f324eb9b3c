//! moto as AWS: STS, IAM and EC2 that nobody here wrote, with signatures verified.

use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;

use super::http::Http;
use super::process::{
    POLL_INTERVAL, START_DEADLINE, ServerProcess, free_port, isolated_command, short_folder,
};
use crate::aws::Credentials;

/// What IAM must grant to the server; the README lists the same.
const SERVER_POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ec2:DescribeInstances", "iam:GetInstanceProfile", "iam:GetRole", "iam:GetUser", "sts:AssumeRole"], "Resource": "*"}]}"#;

/// A trust policy that lets everybody in.
const OPEN_TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}"#;

/// A key that moto does not know, which acts in its default account as long as nothing is verified.
pub const ADMINISTRATOR: &str = "SETUP";

/// A running moto server. Verifies nothing until [`Moto::verify_signatures`]; everything a test needs is
/// created before.
pub struct Moto {
    http: Http,
    // Ends before its folder goes.
    _process: ServerProcess,
    _folder: TempDir,
}

/// A user or role, with credentials that act as it.
#[derive(Clone, Debug)]
pub struct Principal {
    /// ARN in IAM, path included.
    pub arn: String,
    /// A user's access key; of a role, one session.
    pub credentials: Credentials,
}

impl Moto {
    /// Starts the `moto_server` program.
    pub async fn start(program: &Path) -> Self {
        let folder = short_folder();
        let port = free_port();
        let http = Http::new(port);
        let mut command = isolated_command(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("HOME", folder.path());
        let mut process = ServerProcess::start(&mut command, &folder.path().join("moto.log"));
        let deadline = Instant::now() + START_DEADLINE;
        while !http
            .send("GET", "/moto-api/data.json", &[], "")
            .await
            .is_ok_and(|(status, _)| status.is_success())
        {
            assert!(
                process.exit_status().is_none() && Instant::now() < deadline,
                "no moto:\n{}",
                process.log()
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Self { http, _process: process, _folder: folder }
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.http.url()
    }

    /// From now on every request must be signed by a known key that may do what it asks for.
    pub async fn verify_signatures(&self) {
        // The body is read only if it is not declared to be a form.
        let headers = [("content-type", "text/plain")];
        let (status, _) = self.http.send("POST", "/moto-api/reset-auth", &headers, "0").await.unwrap();
        assert!(status.is_success());
    }

    /// A user with an access key.
    pub async fn create_user(&self, name: &str, path: &str) -> Principal {
        let user = self.iam("CreateUser", &[("UserName", name), ("Path", path)]).await;
        let key = self.iam("CreateAccessKey", &[("UserName", name)]).await;
        Principal {
            arn: element(&user, "Arn"),
            credentials: Credentials {
                access_key_id: element(&key, "AccessKeyId"),
                secret_access_key: element(&key, "SecretAccessKey"),
                session_token: None,
            },
        }
    }

    /// The user whose credentials the server works with.
    pub async fn create_server_user(&self) -> Principal {
        let user = self.create_user("auth-server", "/").await;
        let policy = [("UserName", "auth-server"), ("PolicyName", "auth"), ("PolicyDocument", SERVER_POLICY)];
        self.iam("PutUserPolicy", &policy).await;
        user
    }

    /// A role that anybody may assume, in the account of an access key, and one session of it.
    pub async fn create_role(&self, access_key: &str, name: &str, path: &str, session: &str) -> Principal {
        let parameters = [("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", OPEN_TRUST)];
        let role = self.query("iam", "2010-05-08", "CreateRole", &parameters, access_key).await;
        let arn = element(&role, "Arn");
        let credentials = self.assume_role(&arn, session).await;
        Principal { arn, credentials }
    }

    /// Lets sessions of a role, in the account of an access key, look principals up.
    pub async fn allow_lookups(&self, access_key: &str, role: &str) {
        let policy = [("RoleName", role), ("PolicyName", "auth"), ("PolicyDocument", SERVER_POLICY)];
        self.query("iam", "2010-05-08", "PutRolePolicy", &policy, access_key).await;
    }

    /// A session of a role; of a role in another account, one that lives there.
    pub async fn assume_role(&self, arn: &str, session: &str) -> Credentials {
        let parameters = [("RoleArn", arn), ("RoleSessionName", session)];
        let answer = self.query("sts", "2011-06-15", "AssumeRole", &parameters, ADMINISTRATOR).await;
        Credentials {
            access_key_id: element(&answer, "AccessKeyId"),
            secret_access_key: element(&answer, "SecretAccessKey"),
            session_token: Some(element(&answer, "SessionToken")),
        }
    }

    /// An IAM call of the account's administrator.
    async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.query("iam", "2010-05-08", action, parameters, ADMINISTRATOR).await
    }

    /// A request of the query protocol with a made-up signature, for the time before verification.
    async fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
        access_key: &str,
    ) -> String {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            body.push_str(&format!("&{name}={value}"));
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/20250101/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ];
        let (status, answer) = self.http.send("POST", "/", &headers, body).await.unwrap();
        let answer = String::from_utf8(answer.to_vec()).unwrap();
        assert!(status.is_success(), "{action}: {status} {answer}");
        answer
    }
}

/// The text of the first element of this name.
fn element(document: &str, name: &str) -> String {
    let (_, rest) =
        document.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {document}"));
    let (text, _) = rest.split_once("</").unwrap();
    text.to_owned()
}
