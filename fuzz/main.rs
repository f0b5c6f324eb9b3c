//! Hostile input for the parsers: one module for each. See the README in this folder.

// All of it is test code, to clippy.toml as well.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "an overflow stops the test")]
#![allow(clippy::disallowed_methods, reason = "a target runs for a time that the environment may set")]

mod arn;
mod authorization;
mod ec2_answer;
mod endpoint;
mod error_document;
mod evidence;
mod form_reading;
mod go_duration;
mod iam_answer;
mod key_set;
mod login;
mod login_headers;
mod login_requests;
mod mutation;
mod outgoing_calls;
mod pkcs7;
mod role_tag;
mod signed_request;
mod sts_answer;
mod target;
mod web_identity_token;
mod xml_reading;
