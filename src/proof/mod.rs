//! What a caller hands over to show who it is, and how that is verified.

pub mod identity_document;
pub mod role_tag;
pub mod signed_request;
pub mod verified_caller;
pub mod web_identity_token;
