//! Between the messages of the backend protocol and the types of the core.

mod auth;
mod reply;
mod request;

pub(super) use reply::{existence_reply, failure_error, internal_error, request_reply};
pub(super) use request::{Untranslatable, core_request};
