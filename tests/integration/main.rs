//! Integration tests: one binary of modules.

// All of it is test code, to clippy.toml as well.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "an overflow stops the test")]
#![allow(clippy::disallowed_methods, reason = "tests set processes up and measure them")]

mod accidents;
mod architecture;
mod aws;
#[cfg(feature = "client")]
mod client;
mod dependencies;
mod faults;
mod hostile;
mod identity_document;
mod login;
mod login_scene;
mod path;
mod plugin_catalog;
mod protocol;
mod real_server;
mod refusals;
mod storage;
mod stub;
mod supply_chain;
mod under_test;
