//! Ids of instances, and what EC2 says of those that are of none.

use http::StatusCode;

use super::calls::Api;
use super::error::{CallError, ServiceError};

const NOT_FOUND: &str = "InvalidInstanceID.NotFound";
const MALFORMED: &str = "InvalidInstanceID.Malformed";

/// Whether a text is of the form of instance ids: `i-` with 8 or 17 hexadecimal digits in lower case.
#[must_use]
pub fn is_instance_id(text: &str) -> bool {
    text.strip_prefix("i-").is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// What EC2 says of an id that no instance can have. It is not asked, so there is no request id.
#[must_use]
pub fn malformed(id: &str) -> CallError {
    let expecting = if id.starts_with("i-") { "" } else { " (expecting \"i-...\")" };
    let error = ServiceError {
        code: MALFORMED.to_owned(),
        message: format!("Invalid id: \"{id}\"{expecting}"),
        status: StatusCode::BAD_REQUEST,
        request_id: String::new(),
        call: Some(Api::DescribeInstances),
    };
    error.into()
}

/// Whether a call for instances failed because of ids that are of none.
#[must_use]
pub fn is_about_ids(error: &CallError) -> bool {
    about_ids(error).is_some()
}

/// What EC2 says of this id, if it named it as one that is of no instance.
#[must_use]
pub fn own_refusal(error: &CallError, id: &str) -> Option<CallError> {
    let error = about_ids(error)?;
    let named = names(&error.message)?;
    if !named.split(", ").any(|named| named == id) {
        return None;
    }
    if named == id {
        return Some(error.clone().into());
    }
    let message = format!("The instance ID '{id}' does not exist");
    Some(ServiceError { message, ..error.clone() }.into())
}

fn about_ids(error: &CallError) -> Option<&ServiceError> {
    match error {
        CallError::Service(error) if [NOT_FOUND, MALFORMED].contains(&error.code.as_str()) => Some(error),
        _ => None,
    }
}

/// The ids in a message of EC2. Of a message that was too long to be kept whole the last one is left out: it may
/// be the beginning of another.
fn names(message: &str) -> Option<&str> {
    let many = message.strip_prefix("The instance IDs '");
    let one = message.strip_prefix("The instance ID '").or_else(|| message.strip_prefix("Invalid id: \""));
    match (many, one) {
        (Some(many), _) => many.split_once('\'').or_else(|| many.rsplit_once(", ")).map(|(ids, _)| ids),
        (None, Some(one)) => one.split_once(['\'', '"']).map(|(id, _)| id),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_ids_are_told_from_other_names() {
        for id in ["i-0123456789abcdef0", "i-0123abcd"] {
            assert!(is_instance_id(id), "{id}");
        }
        for other in [
            "",
            "i-",
            "my-session",
            "i-0123abcg",
            "i-0123456789ABCDEF0",
            "i-0123456789abcdef",
            "0123456789abcdef0",
            "i-0123456789abcdefg",
        ] {
            assert!(!is_instance_id(other), "{other}");
        }
    }

    #[test]
    fn an_id_that_no_instance_can_have_is_refused_in_the_words_of_ec2() {
        let text = |id| malformed(id).to_string();
        assert_eq!(
            text("i-laptop"),
            "InvalidInstanceID.Malformed: Invalid id: \"i-laptop\"\n\tstatus code: 400, request id: "
        );
        assert_eq!(
            text("laptop"),
            "InvalidInstanceID.Malformed: Invalid id: \"laptop\" (expecting \"i-...\")\n\tstatus code: 400, request id: "
        );
    }

    fn refused(code: &str, message: &str) -> CallError {
        let (code, message, request_id) = (code.to_owned(), message.to_owned(), "r".to_owned());
        ServiceError { code, message, status: StatusCode::BAD_REQUEST, request_id, call: None }.into()
    }

    #[test]
    fn of_many_ids_that_are_named_each_gets_its_own_text() {
        let message = |error: CallError| match error {
            CallError::Service(error) => error.message,
            other => panic!("{other:?}"),
        };
        let one = "The instance ID 'i-1' does not exist";
        for (code, text, named) in [
            (NOT_FOUND, one, &[("i-1", one)][..]),
            (
                NOT_FOUND,
                "The instance IDs 'i-1, i-2' do not exist",
                &[("i-1", one), ("i-2", "The instance ID 'i-2' does not exist")],
            ),
            (
                NOT_FOUND,
                "The instance IDs 'i-1, i-2, i-3",
                &[("i-1", one), ("i-2", "The instance ID 'i-2' does not exist")],
            ),
            (MALFORMED, "Invalid id: \"i-1\"", &[("i-1", "Invalid id: \"i-1\"")]),
            (MALFORMED, "Invalid id: \"i-1\" (x)", &[("i-1", "Invalid id: \"i-1\" (x)")]),
        ] {
            let error = refused(code, text);
            assert!(is_about_ids(&error));
            for (id, own) in named {
                assert_eq!(message(own_refusal(&error, id).unwrap()), *own);
            }
            for other in ["i-3", "i-", "i-1, i-2", ""] {
                assert_eq!(own_refusal(&error, other), None, "{text}: {other}");
            }
        }
    }

    #[test]
    fn a_refusal_that_names_nobody_is_nobodys() {
        assert_eq!(own_refusal(&refused(NOT_FOUND, "no i-1"), "i-1"), None);
        let other = refused("UnauthorizedOperation", "The instance ID 'i-1' does not exist");
        assert_eq!((own_refusal(&other, "i-1"), is_about_ids(&other)), (None, false));
    }
}
