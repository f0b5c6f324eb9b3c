//! Generates the messages, servers and clients of the plugin protocol from `proto/`, when the shell
//! is built at all. Nothing but Rust is needed: no `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "plugin")]
    protocol::generate()?;
    Ok(())
}

#[cfg(feature = "plugin")]
mod protocol {
    use std::error::Error;

    const ROOT: &str = "proto";
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

    /// Writes one file per protobuf package to `OUT_DIR`, and `mod.rs` with a module for each. The
    /// clients of the plugin's own services are for the integration tests, which play the host.
    pub(super) fn generate() -> Result<(), Box<dyn Error>> {
        println!("cargo::rerun-if-changed={ROOT}");
        let descriptors = protox::compile(FILES, [ROOT])?;
        tonic_prost_build::configure()
            .build_transport(false)
            .codec_path("crate::plugin::wire::codec::MessageCodec")
            .btree_map(".")
            .include_file("mod.rs")
            .compile_fds(descriptors)?;
        Ok(())
    }
}
