//! The plugin process of the AWS auth method: launched by a HashiCorp Vault or OpenBao server, it
//! serves the core crate over the plugin protocol. Built with the feature `client` and called
//! by hand, it is the client of the method.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests measure how long something takes"))]

#[cfg(feature = "client")]
mod command;
mod plugin;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "client")]
    if !plugin::is_started_by_a_host() {
        return command::run();
    }
    plugin::run()
}
