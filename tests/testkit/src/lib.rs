//! What the tests and benchmarks of the plugin stand on: a host that drives plugin binaries, a strict
//! stand-in for AWS, real servers, and stand-ins for the ports of the core.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a broken assumption in a test must stop the test"
)]
#![allow(clippy::disallowed_methods, reason = "what tests stand on sets processes up, and waits for them")]

pub mod aws;
mod binary;
pub mod core;
pub mod host;
pub mod identity;
pub mod proto;
pub mod server;
pub mod stage;
pub mod statistics;
