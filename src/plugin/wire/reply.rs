//! Replies of the core. The host rejects a whole reply over small things: data must be JSON text and
//! never empty, and error numbers it does not know are silently taken for success.

use serde_json::{Map, Value, json};
use vault_plugin_auth_aws::framework::{ErrorKind, Existence, Failure, Reply, Response, Status};

use super::auth;
use crate::plugin::wire::protocol::pb;

/// Told when a request ended in a way only the log explains.
const INTERNAL_ERROR: &str = "internal error";

/// The reply to a request.
pub(crate) fn request_reply(reply: Reply) -> pb::HandleRequestReply {
    match reply {
        Reply::Empty => pb::HandleRequestReply::default(),
        Reply::Answer(response) => {
            pb::HandleRequestReply { response: Some(response_to_wire(*response)), err: None }
        }
        Reply::Refusal { text, kind } => pb::HandleRequestReply {
            err: kind.map(|kind| proto_error(kind, text.clone())),
            response: Some(pb::Response {
                data: json!({ "error": text }).to_string(),
                ..pb::Response::default()
            }),
        },
        Reply::Error { kind, text } => {
            pb::HandleRequestReply { response: None, err: Some(proto_error(kind, text)) }
        }
    }
}

/// The reply to an existence check.
pub(crate) fn existence_reply(existence: Existence) -> pb::HandleExistenceCheckReply {
    let reply = pb::HandleExistenceCheckReply::default();
    match existence {
        Existence::NotChecked => reply,
        Existence::Exists(exists) => pb::HandleExistenceCheckReply { check_found: true, exists, ..reply },
        Existence::Failed(failure) => {
            pb::HandleExistenceCheckReply { err: Some(failure_error(failure)), ..reply }
        }
    }
}

/// A failure where no response can go with it: in an existence check or at initialisation. The
/// user kind keeps the text and makes the client's status 400.
pub(crate) fn failure_error(failure: Failure) -> pb::ProtoError {
    let kind = match failure.status() {
        Status::BadRequest | Status::Invalid | Status::User => ErrorKind::User,
        Status::PermissionDenied => ErrorKind::PermissionDenied,
        Status::Conflict => ErrorKind::Conflict,
        Status::TooManyRequests => ErrorKind::TooManyRequests,
        Status::UnsupportedPath => ErrorKind::UnsupportedPath,
        Status::UnsupportedOperation => ErrorKind::UnsupportedOperation,
        Status::Internal | Status::ReadOnly => ErrorKind::Unknown,
    };
    proto_error(kind, failure.into_text())
}

/// An error whose reason stands in the log.
pub(crate) fn internal_error() -> pb::ProtoError {
    proto_error(ErrorKind::Unknown, INTERNAL_ERROR.to_owned())
}

fn proto_error(kind: ErrorKind, text: String) -> pb::ProtoError {
    pb::ProtoError { err_type: kind.number(), err_msg: text, err_code: kind.status() }
}

fn response_to_wire(response: Response) -> pb::Response {
    pb::Response {
        data: data_to_wire(response.data),
        auth: response.auth.map(auth::to_wire),
        warnings: response.warnings,
        ..pb::Response::default()
    }
}

fn data_to_wire(data: Option<Map<String, Value>>) -> String {
    data.map_or(Value::Null, Value::Object).to_string()
}

#[cfg(test)]
mod tests {
    use thiserror::Error;
    use vault_plugin_auth_aws::framework::{Auth, HandlerResult};
    use vault_plugin_auth_aws::refusal::{Code, Coded};

    use super::*;

    #[derive(Debug, Error)]
    #[error("{0}")]
    struct Says(&'static str);

    impl Coded for Says {
        fn code(&self) -> Code {
            Code::PluginDefect
        }
    }

    fn error(err_type: u32, err_msg: &str) -> Option<pb::ProtoError> {
        Some(pb::ProtoError { err_type, err_msg: err_msg.to_owned(), err_code: 0 })
    }

    #[test]
    fn an_empty_reply_is_neither_response_nor_error() {
        assert_eq!(request_reply(Reply::Empty), pb::HandleRequestReply::default());
    }

    #[test]
    fn data_is_an_object_or_null_but_never_empty() {
        let data = |data| request_reply(Reply::Answer(Box::new(Response { data, ..Response::default() })));
        assert_eq!(data(None).response.unwrap().data, "null");
        assert_eq!(data(Some(Map::new())).response.unwrap().data, "{}");
        let keys = Map::from_iter([("keys".to_owned(), json!(["a"]))]);
        assert_eq!(data(Some(keys)).response.unwrap().data, r#"{"keys":["a"]}"#);
    }

    #[test]
    fn identity_and_warnings_are_carried() {
        let reply = request_reply(Reply::Answer(Box::new(Response {
            auth: Some(Auth { display_name: "d".to_owned(), ..Auth::default() }),
            warnings: vec!["w".to_owned()],
            ..Response::default()
        })));
        let response = reply.response.unwrap();
        assert_eq!(reply.err, None);
        assert_eq!(response.auth.unwrap().display_name, "d");
        assert_eq!(response.warnings, ["w"]);
        assert_eq!(response.data, "null");
    }

    #[test]
    fn refusals_are_error_responses() {
        let plain = request_reply(Reply::from(HandlerResult::Err(Failure::refused(&Says("no \"x\"")))));
        assert_eq!(plain.response.unwrap().data, r#"{"error":"no \"x\""}"#);
        assert_eq!(plain.err, None);
        let invalid = Failure::new(Status::Invalid, &Says("bad"));
        let invalid = request_reply(Reply::from(HandlerResult::Err(invalid)));
        assert_eq!(invalid.response.unwrap().data, r#"{"error":"bad"}"#);
        assert_eq!(invalid.err, error(7, "bad"));
    }

    #[test]
    fn errors_travel_alone() {
        for (failure, expected) in [
            (Failure::permission_denied(Code::LoginAddress), error(8, "permission denied")),
            (Failure::unsupported_path(), error(6, "unsupported path")),
            (Failure::unsupported_operation(), error(5, "unsupported operation")),
            (Failure::internal(&Says("x")), error(0, "x")),
            (Failure::read_only(), error(0, "cannot write to readonly storage")),
        ] {
            let reply = request_reply(Reply::from(HandlerResult::Err(failure.clone())));
            assert_eq!(reply.response, None, "{failure:?}");
            assert_eq!(reply.err, expected, "{failure:?}");
            assert_eq!(Some(failure_error(failure)), expected);
        }
    }

    #[test]
    fn a_status_of_its_own_travels_beside_the_number_of_its_kind() {
        for (status, err_code) in [(Status::Conflict, 409), (Status::TooManyRequests, 429)] {
            let reply = request_reply(Reply::from(HandlerResult::Err(Failure::new(status, &Says("x")))));
            let expected = pb::ProtoError { err_type: 3, err_msg: "x".to_owned(), err_code };
            assert_eq!((reply.response, reply.err), (None, Some(expected)));
        }
    }

    #[test]
    fn existence_checks_tell_found_and_exists_apart() {
        let reply = |check_found, exists| pb::HandleExistenceCheckReply { check_found, exists, err: None };
        assert_eq!(existence_reply(Existence::NotChecked), reply(false, false));
        assert_eq!(existence_reply(Existence::Exists(false)), reply(true, false));
        assert_eq!(existence_reply(Existence::Exists(true)), reply(true, true));
        let failed = existence_reply(Existence::Failed(Failure::new(Status::User, &Says("bad"))));
        assert_eq!(failed, pb::HandleExistenceCheckReply { err: error(1, "bad"), ..reply(false, false) });
    }
}
