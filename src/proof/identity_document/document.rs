//! What an identity document says.

use serde_json::{Map, Value};
use thiserror::Error;

/// Why signed bytes are no identity document.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DocumentError {
    /// No JSON object.
    #[error("{0}")]
    Json(String),
    /// A member is no text.
    #[error("{0} of the instance identity document is no string")]
    NoString(&'static str),
}

/// The members of an instance identity document that a login needs. A missing one is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityDocument {
    /// `instanceId`.
    pub instance_id: String,
    /// `imageId`: the AMI at launch.
    pub image_id: String,
    /// `accountId`: who owns the instance.
    pub account_id: String,
    /// `region`.
    pub region: String,
    /// `pendingTime`: when the instance was last started, RFC 3339.
    pub pending_time: String,
}

impl IdentityDocument {
    /// Reads a document: one JSON object. Members that are missing or null are empty, unknown ones
    /// are ignored.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let members: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| DocumentError::Json(error.to_string()))?;
        let text = |name: &'static str| match members.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(DocumentError::NoString(name)),
        };
        Ok(Self {
            instance_id: text("instanceId")?,
            image_id: text("imageId")?,
            account_id: text("accountId")?,
            region: text("region")?,
            pending_time: text("pendingTime")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_a_document_are_read() {
        let document = IdentityDocument::parse(
            br#"{"accountId":"123456789012","architecture":"x86_64","billingProducts":null,"imageId":"ami-1",
                "instanceId":"i-1","pendingTime":"2026-01-02T03:04:05Z","region":"us-east-1","version":"2017-09-30"}"#,
        );
        let expected = IdentityDocument {
            instance_id: "i-1".to_owned(),
            image_id: "ami-1".to_owned(),
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            pending_time: "2026-01-02T03:04:05Z".to_owned(),
        };
        assert_eq!(document, Ok(expected));
    }

    #[test]
    fn missing_and_null_members_are_empty() {
        assert_eq!(IdentityDocument::parse(b"{}"), Ok(IdentityDocument::default()));
        let document = IdentityDocument::parse(br#"{"instanceId":null,"region":"r"}"#).unwrap();
        assert_eq!((document.instance_id.as_str(), document.region.as_str()), ("", "r"));
    }

    #[test]
    fn what_is_no_object_of_texts_is_refused() {
        for text in ["", "null", "[]", r#"["i-1"]"#, r#"{"instanceId":1}"#, "{} x", r#"{"a""#] {
            assert!(IdentityDocument::parse(text.as_bytes()).is_err(), "{text}");
        }
        let error = IdentityDocument::parse(br#"{"imageId":1}"#).unwrap_err();
        assert_eq!(error.to_string(), "imageId of the instance identity document is no string");
    }
}
