//! What the tests stand on: a host that drives plugin binaries, a strict stand-in for AWS, and real
//! servers.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_macros,
    reason = "written like a library; each test or benchmark binary uses a part of it"
)]

pub mod aws;
pub mod host;
pub mod identity;
pub mod proto;
pub mod server;
pub mod stage;
