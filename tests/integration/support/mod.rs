//! What the tests stand on: a host that drives plugin binaries, a strict stand-in for AWS, and real
//! servers.

pub mod aws;
pub mod host;
pub mod server;
