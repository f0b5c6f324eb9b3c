//! The shell around the core: speaks the plugin protocol of HashiCorp Vault and OpenBao. No decision
//! about callers is made here.
//!
//! A host starts the process with a few environment variables ([`process::launch`]), reads one line from
//! its standard output ([`process::handshake`]) and connects to the unix socket named there ([`link::socket`]) with
//! mutual TLS ([`link::tls`]). Over that connection it calls the services of the plugin ([`services`]), above all
//! the backend service ([`services::backend`]) for each of its mounts ([`services::instances`]). For each mount it
//! announces, through the [`link::broker`], a second connection on which the plugin calls the host's storage
//! and system view.

mod host;
mod link;
mod process;
mod serve;
mod services;
mod wire;

use std::io::{self, Write};
use std::process::ExitCode;

use process::arguments::{self, Command};
use process::launch::LaunchEnvironment;
use process::lifecycle::Exit;
use process::start_error::StartError;
use process::{confinement, handshake, log, memory_lock, open_files, panics};

/// Whether some host of plugins started this process, of backends or of others. If none did, somebody
/// called it by hand.
#[cfg(feature = "client")]
pub(crate) fn is_started_by_a_host() -> bool {
    LaunchEnvironment::has_traces()
}

/// The whole program.
pub(crate) fn run() -> ExitCode {
    match arguments::command(std::env::args_os().skip(1)) {
        Command::Version => {
            return print(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        Command::Help => return print(&arguments::help()),
        Command::Serve => {}
    }
    let launch = LaunchEnvironment::of_process();
    if !launch.has_cookie {
        let _ = io::stderr().write_all(handshake::NOTICE.as_bytes());
        return ExitCode::FAILURE;
    }
    heap::use_one_arena();
    // Before anything secret is read, and before there are threads, which have of it what this one has.
    let refused = confinement::confine();
    let _last_lines = log::install();
    confinement::tell(&refused);
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
