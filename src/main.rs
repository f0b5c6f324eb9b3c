//! The plugin process of the AWS auth method: launched by a HashiCorp Vault or OpenBao server, it
//! serves the core crate over the plugin protocol.

mod plugin;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin::run()
}
