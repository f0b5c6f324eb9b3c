//! Integration tests: one binary of modules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a broken assumption in a test must stop the test"
)]

mod accidents;
mod aws;
mod dependencies;
mod hostile;
mod identity_document;
mod login;
mod login_scene;
mod path;
mod protocol;
mod real_server;
mod storage;
mod under_test;
