//! The plugin process of the AWS auth method: launched by a HashiCorp Vault or OpenBao server, it
//! serves the core crate over the plugin protocol.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests measure how long something takes"))]

mod plugin;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin::run()
}
