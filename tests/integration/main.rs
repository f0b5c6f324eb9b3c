//! Integration tests: one binary of modules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a broken assumption in a test must stop the test"
)]
#![allow(unreachable_pub, reason = "`pub` in a support module marks what the other modules may use")]

mod accidents;
mod aws_stand_in;
mod bad_input;
mod dependencies;
mod login_scene;
mod outgoing_calls;
mod protocol;
mod real_server_commands;
mod real_server_lifecycle;
mod real_server_login;
mod real_server_moto;
mod real_server_policy;
mod signed_login_property;
mod support;
