//! The shell around the core: speaks the plugin protocol of HashiCorp Vault and OpenBao. No decision
//! about callers is made here.
//!
//! A host starts the process with a few environment variables ([`environment`]), reads one line from
//! its standard output ([`handshake`]) and connects to the unix socket named there ([`socket`]) with
//! mutual TLS ([`tls`]). Over that connection it calls the services of the plugin ([`services`]), above all
//! the backend service ([`backend_service`]) for each of its mounts ([`instances`]). For each mount it
//! announces, through the [`broker`], a second connection on which the plugin calls the host's storage
//! and system view.

mod admission;
mod arguments;
mod backend_service;
mod broker;
mod capabilities;
mod certificate;
mod controller;
mod dialer;
mod environment;
mod handshake;
mod host_connection;
mod host_storage;
mod host_system_view;
mod instances;
mod lifecycle;
mod log;
mod memory_lock;
mod multiplexed_broker;
mod open_files;
mod panics;
mod peer_stream;
mod protocol;
mod serve;
mod services;
mod socket;
mod start_error;
mod stdio;
mod tls;
mod translate;
mod transport;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::Command;
use environment::LaunchEnvironment;
use lifecycle::Exit;
use start_error::StartError;

/// The whole program.
pub(crate) fn run() -> ExitCode {
    match arguments::command(std::env::args_os().skip(1)) {
        Command::Version => {
            return print(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        Command::Help => return print(arguments::HELP),
        Command::Serve => {}
    }
    let launch = LaunchEnvironment::of_process();
    if !launch.has_cookie {
        let _ = io::stderr().write_all(handshake::NOTICE.as_bytes());
        return ExitCode::FAILURE;
    }
    log::install();
    panics::install_hook();
    match serve(launch) {
        Ok(exit) => exit.code(),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(launch: LaunchEnvironment) -> Result<Exit, StartError> {
    for version in &launch.unreadable_versions {
        tracing::warn!(version, "skipped an entry of PLUGIN_PROTOCOL_VERSIONS that is no number");
    }
    if launch.lock_memory {
        memory_lock::lock_memory()?;
    }
    open_files::raise_limit();
    // One thread runs all requests: they wait for AWS and the host far more than they compute, and
    // threads that wake each other cost more than they give. benches/README.md has the figures.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Runtime)?;
    let result = runtime.block_on(serve::serve(launch));
    // Work that still runs has lost its host.
    runtime.shutdown_background();
    result
}
