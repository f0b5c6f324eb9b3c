//! Generates the messages, servers and clients of the plugin protocol from the `proto/` of the plugin.
//!
//! The plugin generates its own: what the test host says is then compiled once for all tests and
//! benchmarks, and the library of the plugin needs no public module that only tests would use.

use std::error::Error;

const ROOT: &str = "../../proto";
const FILES: [&str; 9] = [
    "logical/environment.proto",
    "logical/version.proto",
    "pb/backend.proto",
    "pb/storage.proto",
    "pb/system_view.proto",
    "plugin/broker.proto",
    "plugin/controller.proto",
    "plugin/stdio.proto",
    "pluginutil/multiplexing.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .btree_map(".")
        .include_file("mod.rs")
        .compile_fds(descriptors)?;
    Ok(())
}
