//! The requests an API client can cause on a mount, with the host's own calls around them, and the
//! requests the host makes by itself.

use std::time::SystemTime;

use serde_json::Value;
use tonic::Status;

use super::answer::Answer;
use super::flavor::Flavor;
use super::mount::Mount;
use super::request::RequestBuilder;
use crate::proto::pb::{Auth, HandleExistenceCheckReply};

impl Mount {
    /// A request as it is sent to the plugin, without the host's own calls around it. Operations of
    /// API clients carry a connection, those of the host do not.
    pub fn request(&self, operation: &str, path: &str, data: &Value) -> RequestBuilder {
        RequestBuilder::new(self, operation, path, data)
    }

    /// POST: path resolution, existence check, then create or update.
    pub async fn write(&self, path: &str, data: &Value) -> Answer {
        let path = match self.client_path(path, data).await {
            Ok(path) => path,
            Err(answer) => return *answer,
        };
        let check = self.request("update", &path, data).existence_check().await;
        match write_operation(check) {
            Ok(operation) => self.request(operation, &path, data).send().await,
            Err(answer) => *answer,
        }
    }

    /// GET.
    pub async fn read(&self, path: &str) -> Answer {
        self.ask("read", path, &Value::Null).await
    }

    /// LIST; the host adds the trailing slash.
    pub async fn list(&self, path: &str) -> Answer {
        let slash = if path.is_empty() || path.ends_with('/') { "" } else { "/" };
        self.ask("list", &format!("{path}{slash}"), &Value::Null).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask("delete", path, &Value::Null).await
    }

    /// `?help=1`; the answer's data is the whole body.
    pub async fn help(&self, path: &str) -> Answer {
        self.ask("help", path, &Value::Null).await
    }

    /// Any other request of an API client: path resolution, then the operation.
    pub async fn ask(&self, operation: &str, path: &str, data: &Value) -> Answer {
        match self.client_path(path, data).await {
            Ok(path) => self.request(operation, &path, data).send().await,
            Err(answer) => *answer,
        }
    }

    /// A login, and what the host asks after it: the role, if a service token was made.
    ///
    /// # Panics
    /// If the role is not a string, which ends a Go host.
    pub async fn login(&self, data: &Value) -> Answer {
        /// Token types that give service tokens on a mount without tuning.
        const SERVICE: [u32; 3] = [0, 1, 3];
        let mut answer = self.login_only(data).await;
        if answer.auth.as_ref().is_some_and(|auth| SERVICE.contains(&auth.token_type)) {
            let resolved = self.resolve_role(data).await;
            answer.role = resolved.succeeded().then(|| match resolved.data.get("role") {
                Some(Value::String(role)) => role.clone(),
                other => panic!("the role is {other:?}"),
            });
        }
        answer
    }

    /// A login without the role question after it.
    pub async fn login_only(&self, data: &Value) -> Answer {
        self.write("login", data).await
    }

    /// Asks which role a login would use.
    pub async fn resolve_role(&self, data: &Value) -> Answer {
        self.request("resolve-role", "login", data).send().await
    }

    /// Asks for the canonical form of a path.
    pub async fn resolve_path(&self, path: &str) -> Answer {
        self.request("resolve-path", path, &Value::Null).send().await
    }

    /// Renews the token of a login. What the answer carries replaces what the host has stored.
    pub async fn renew(&self, auth: &Auth) -> Answer {
        self.request("renew", "login", &Value::Null)
            .remote_addr(self.client_address())
            .auth(stored(auth))
            .send()
            .await
    }

    /// The host's minute timer.
    pub async fn rollback(&self) -> Answer {
        self.request("rollback", "", &Value::Null).send().await
    }

    /// The path the host uses: the plugin's canonical form where the host asks for one.
    async fn client_path(&self, path: &str, data: &Value) -> Result<String, Box<Answer>> {
        if self.flavor() == Flavor::Vault {
            return Ok(path.to_owned());
        }
        let answer = self.request("resolve-path", path, data).send().await;
        let unchanged = match &answer.raw {
            Ok(reply) => match &reply.err {
                Some(error) => matches!(error.err_type, 5 | 6),
                None => reply.response.is_none() || !answer.errors.is_empty() && answer.status == 400,
            },
            Err(_) => false,
        };
        if unchanged {
            return Ok(path.to_owned());
        }
        if answer.status != 200 {
            return Err(Box::new(answer));
        }
        match answer.data.get("path") {
            Some(Value::String(path)) => Ok(path.clone()),
            _ => Err(Box::new(Answer::refused(500, "internal error"))),
        }
    }
}

/// What the host does after an existence check.
fn write_operation(check: Result<HandleExistenceCheckReply, Status>) -> Result<&'static str, Box<Answer>> {
    const USER_ERROR: u32 = 1;
    const UNSUPPORTED_PATH: u32 = 6;
    let reply = check.map_err(|_| Box::new(Answer::refused(500, "internal error")))?;
    match reply.err {
        // The request itself then fails.
        Some(error) if error.err_type == UNSUPPORTED_PATH => Ok("update"),
        Some(error) if error.err_type == USER_ERROR => Err(Box::new(Answer::refused(400, &error.err_msg))),
        Some(_) => Err(Box::new(Answer::refused(500, "internal error"))),
        None if reply.check_found && !reply.exists => Ok("create"),
        None => Ok("update"),
    }
}

/// What the host has stored of an identity by the time it renews its token.
fn stored(auth: &Auth) -> Auth {
    /// Go's zero time, which a host has replaced when it made the token.
    const UNSET: i64 = -62_135_596_800;
    let mut auth = auth.clone();
    auth.client_token.clear();
    let lease = auth.lease_options.get_or_insert_default();
    if lease.issue_time.as_ref().is_none_or(|time| time.seconds == UNSET) {
        lease.issue_time = Some(SystemTime::now().into());
    }
    auth
}
