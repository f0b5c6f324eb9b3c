//! One request of a host to a mount.

use serde_json::Value;
use tonic::Status;

use super::answer::{Answer, Asked};
use super::flavor::Flavor;
use super::ids::random_uuid;
use super::mount::Mount;
use crate::proto::pb::{
    Auth, Connection, HandleExistenceCheckArgs, HandleExistenceCheckReply, HandleRequestArgs,
    HandleRequestReply, Header, Request,
};

/// Operations that come from an API client, and so carry its connection and token.
const CLIENT_OPERATIONS: [&str; 9] =
    ["create", "update", "read", "patch", "delete", "list", "scan", "header", "help"];

/// A request being put together; made by [`Mount::request`].
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    mount: Mount,
    request: Request,
    login: bool,
}

impl RequestBuilder {
    pub(super) fn new(mount: &Mount, operation: &str, path: &str, data: &Value) -> Self {
        let login = mount.is_unauthenticated(path);
        let mut request = Request {
            id: random_uuid(),
            operation: operation.to_owned(),
            path: path.to_owned(),
            data: data.to_string(),
            mount_point: mount.mount_point(),
            mount_type: mount.plugin_name().to_owned(),
            ..Request::default()
        };
        if CLIENT_OPERATIONS.contains(&operation) {
            request.unauthenticated = login;
            // A salted hash stands here even if the client sent no token.
            request.client_token = "hmac-of-a-token".to_owned();
            request.connection = Some(Connection {
                remote_addr: mount.client_address().to_owned(),
                // Vault does not fill the port.
                remote_port: if mount.flavor() == Flavor::OpenBao { 40_000 } else { 0 },
                ..Connection::default()
            });
            for (name, value) in mount.client_headers() {
                request.headers.entry(name.clone()).or_default().header.push(value.clone());
            }
        }
        Self { mount: mount.clone(), request, login }
    }

    /// The client's address.
    pub fn remote_addr(mut self, address: &str) -> Self {
        address.clone_into(&mut self.request.connection.get_or_insert_default().remote_addr);
        self
    }

    /// Leaves the connection out, as hosts do on their own requests.
    pub fn without_connection(mut self) -> Self {
        self.request.connection = None;
        self
    }

    /// Adds a request header, as if the mount let it pass.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let header: &mut Header = self.request.headers.entry(name.to_owned()).or_default();
        header.header.push(value.to_owned());
        self
    }

    /// Sets the identity, as on renewals.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.request.auth = Some(auth);
        self
    }

    /// Sets the data as text, for what `serde_json` cannot hold.
    pub fn data_text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.request.data);
        self
    }

    /// Changes the message itself.
    pub fn message(mut self, change: impl FnOnce(&mut Request)) -> Self {
        change(&mut self.request);
        self
    }

    /// Sends the request and reads the answer as a host does.
    pub async fn send(self) -> Answer {
        let (vault, login, operation) =
            (self.mount.flavor() == Flavor::Vault, self.login, self.request.operation.clone());
        let reply = self.reply().await;
        Answer::read(Asked { operation: &operation, login, vault }, reply)
    }

    /// Sends the request and gives the bare reply.
    ///
    /// # Errors
    /// The gRPC status.
    pub async fn reply(self) -> Result<HandleRequestReply, Status> {
        let message = HandleRequestArgs { storage_id: 0, request: Some(self.request) };
        let call = self.mount.call(message);
        Ok(self.mount.backend().handle_request(call).await?.into_inner())
    }

    /// Asks whether the entry exists, with this request.
    ///
    /// # Errors
    /// The gRPC status.
    pub async fn existence_check(self) -> Result<HandleExistenceCheckReply, Status> {
        let message = HandleExistenceCheckArgs { storage_id: 0, request: Some(self.request) };
        let call = self.mount.call(message);
        Ok(self.mount.backend().handle_existence_check(call).await?.into_inner())
    }
}
