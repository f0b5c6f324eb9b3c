//! Between the messages of the backend protocol and the types of the core.

mod auth;
pub(crate) mod codec;
pub(crate) mod protocol;
mod reply;
mod request;

pub(crate) use reply::{existence_reply, failure_error, internal_error, request_reply};
pub(crate) use request::{Untranslatable, core_request};
