//! Why there is no connection to the host.

use std::io;

use thiserror::Error;

use super::broker::NO_CONNECTION_INFO;
use super::tls::HandshakeError;

/// Why there is no connection to a service of the host. The text is for the host.
///
/// What is wrapped is no [source](std::error::Error::source) but stands in the text: the transport
/// shows the innermost text alone.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    /// The host did not say in time where the service is.
    #[error("{NO_CONNECTION_INFO}")]
    NotAnnounced,
    /// The host said that it is somewhere else than on a socket.
    #[error("unknown network in connection info: {0:?}")]
    UnknownNetwork(String),
    /// No connection to its socket.
    #[error("{0}")]
    Socket(io::Error),
    /// No TLS over it.
    #[error("{0}")]
    Handshake(HandshakeError),
    /// The streams of the one connection need TLS.
    #[error("multiplexed connections need TLS")]
    WithoutTls,
    /// The host refused the stream.
    #[error("{0}")]
    Refused(String),
    /// The one connection has ended.
    #[error("the connection to the server is closed")]
    Closed,
    /// No channel over it.
    #[error("cannot connect to the server: {0}")]
    Channel(String),
    /// It took too long.
    #[error("cannot connect to the server: timed out")]
    TimedOut,
}
