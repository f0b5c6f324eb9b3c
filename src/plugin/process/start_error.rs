//! Why the plugin did not start to serve.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vault_plugin_auth_aws::https::TrustError;

/// A sentence for the operator.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The host wants no TLS.
    #[error(
        "refusing to serve without TLS: the server did not set PLUGIN_CLIENT_CERT; \
         it must use protocol version 5 with automatic mutual TLS"
    )]
    NoHostCertificate,
    /// The host's certificate is none.
    #[error("PLUGIN_CLIENT_CERT holds no usable certificate: {0}")]
    HostCertificate(String),
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    OwnCertificate(rcgen::Error),
    /// The TLS settings are refused.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The host wants locked memory.
    #[error(
        "cannot lock memory, which the server asks for: {0}; \
         give the plugin the right to do so (CAP_IPC_LOCK) or set disable_mlock in the server"
    )]
    MemoryLock(io::Error),
    /// No socket.
    #[error("cannot listen on {path}: {error}", path = .path.display())]
    Socket {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The group that shall use the socket does not exist.
    #[error("PLUGIN_UNIX_SOCKET_GROUP names the unknown group {0:?}")]
    UnknownGroup(String),
    /// No signal handlers.
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
    /// No threads.
    #[error("cannot start threads: {0}")]
    Runtime(io::Error),
    /// No random numbers.
    #[error("the random number generator of the system failed")]
    Random,
    /// AWS cannot be reached from this machine.
    #[error("cannot set up HTTPS towards AWS: {0}")]
    Transport(TrustError),
    /// Nobody reads standard output.
    #[error("cannot print the handshake line: {0}")]
    Handshake(io::Error),
}
