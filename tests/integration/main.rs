//! Integration tests: one binary of modules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test ends by panicking; the lints guard the code that runs inside servers"
)]

mod dependencies;
mod protocol;
mod support;
