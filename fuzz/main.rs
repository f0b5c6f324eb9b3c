//! Hostile input for the parsers: one module for each. See the README in this folder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a broken assumption in a test must stop the test"
)]

mod arn;
mod authorization;
mod ec2_answer;
mod endpoint;
mod error_document;
mod form_reading;
mod go_duration;
mod iam_answer;
mod login;
mod login_headers;
mod login_requests;
mod mutation;
mod pkcs7;
mod role_tag;
mod signed_request;
mod sts_answer;
mod target;
mod xml_reading;
