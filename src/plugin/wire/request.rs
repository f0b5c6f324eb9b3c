//! Requests of the host.

use thiserror::Error;
use vault_plugin_auth_aws::framework::{Connection, Operation, Request};
use vault_plugin_auth_aws::refusal::{Code, Coded};

use super::auth;
use crate::plugin::wire::protocol::pb;

/// Why a message is no request for the core.
#[derive(Debug, Error)]
pub(crate) enum Untranslatable {
    /// The message is empty.
    #[error("missing request")]
    Missing,
    /// The operation is not known.
    #[error("unsupported operation")]
    Operation(String),
    /// The identity to renew cannot be read. The data stays out of the text.
    #[error("malformed internal data in the identity to renew")]
    InternalData,
}

impl Coded for Untranslatable {
    fn code(&self) -> Code {
        match self {
            Self::Missing | Self::InternalData => Code::HostProtocol,
            Self::Operation(_) => Code::UnsupportedOperation,
        }
    }
}

/// The part of a request the core uses.
pub(crate) fn core_request(request: Option<pb::Request>) -> Result<Request, Untranslatable> {
    let request = request.ok_or(Untranslatable::Missing)?;
    let operation = Operation::from_wire(&request.operation)
        .ok_or_else(|| Untranslatable::Operation(request.operation.clone()))?;
    let auth = request.auth.map(auth::from_wire).transpose().map_err(|_| Untranslatable::InternalData)?;
    Ok(Request {
        id: request.id,
        operation,
        path: request.path,
        data: if request.data.is_empty() { "null".to_owned() } else { request.data },
        data_digest: [0; 32],
        mount_point: request.mount_point,
        mount_type: request.mount_type,
        connection: request.connection.map(|connection| Connection { remote_addr: connection.remote_addr }),
        auth,
        unauthenticated: request.unauthenticated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> pb::Request {
        pb::Request {
            id: "id".to_owned(),
            operation: "update".to_owned(),
            path: "role/dev".to_owned(),
            data: r#"{"big":1e400}"#.to_owned(),
            mount_point: "auth/aws/".to_owned(),
            mount_type: "aws".to_owned(),
            unauthenticated: true,
            connection: Some(pb::Connection {
                remote_addr: "10.0.0.1".to_owned(),
                ..pb::Connection::default()
            }),
            ..pb::Request::default()
        }
    }

    #[test]
    fn what_the_core_uses_arrives_unchanged() {
        let request = core_request(Some(wire())).unwrap();
        assert_eq!(request.id, "id");
        assert_eq!(request.operation, Operation::Update);
        assert_eq!(request.path, "role/dev");
        assert_eq!(request.data, r#"{"big":1e400}"#);
        assert_eq!(request.mount_point, "auth/aws/");
        assert_eq!(request.mount_type, "aws");
        assert_eq!(request.connection, Some(Connection { remote_addr: "10.0.0.1".to_owned() }));
        assert_eq!(request.auth, None);
        assert!(request.unauthenticated);
    }

    #[test]
    fn empty_data_counts_as_null() {
        let request = core_request(Some(pb::Request { data: String::new(), ..wire() })).unwrap();
        assert_eq!(request.data, "null");
    }

    #[test]
    fn unknown_operations_are_named() {
        let result = core_request(Some(pb::Request { operation: "recover".to_owned(), ..wire() }));
        assert!(matches!(result, Err(Untranslatable::Operation(name)) if name == "recover"));
    }

    #[test]
    fn an_unreadable_identity_is_refused_without_quoting_it() {
        let auth = pb::Auth { internal_data: "{secret".to_owned(), ..pb::Auth::default() };
        let error = core_request(Some(pb::Request { auth: Some(auth), ..wire() })).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
