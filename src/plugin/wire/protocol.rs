//! The messages, servers and clients generated from `proto/`.

#![allow(
    clippy::all,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "generated code; the clients of the plugin's own services are for tests that play the host"
)]

include!(concat!(env!("OUT_DIR"), "/mod.rs"));
