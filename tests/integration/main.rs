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
mod client;
mod concurrent_logins;
mod config_certificate;
mod config_changes;
mod config_client;
mod config_identity;
mod config_rotation;
mod config_standby;
mod config_sts;
mod config_workload_identity;
mod configuration;
mod dependencies;
mod ec2_login;
mod identity_document;
mod initialize;
mod instance_batches;
mod lists;
mod load_statistics;
mod login;
mod login_scene;
mod openapi;
mod outgoing_calls;
mod protocol;
mod real_server_commands;
mod real_server_lifecycle;
mod real_server_login;
mod real_server_moto;
mod real_server_policy;
mod real_server_round_trip;
mod renewal;
mod role_fields;
mod role_refusals;
mod role_upgrade;
mod rotate_root;
mod signed_login_property;
mod status_aws;
mod support;
mod upgrade_fixtures;
