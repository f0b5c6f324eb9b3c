//! From the errors of the HTTP and TLS libraries to those of the port. Texts hold the chain of
//! causes; these libraries put neither headers nor bodies into them.

use std::error::Error as StdError;
use std::io;

use thiserror::Error;

use super::own_root::is_authority_as_server;
use super::peer::Peer;
use super::resolver::NotResolved;
use crate::ports::TransportError;

/// What the TLS library calls by the name of a variant.
const AUTHORITY_AS_SERVER: &str = "invalid peer certificate: a CA certificate is used as the server's, and \
                                   neither SSL_CERT_FILE nor SSL_CERT_DIR lists it";

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// Why no connection stands.
#[derive(Debug, Error)]
pub(super) enum ConnectError {
    /// The name of the peer has no address.
    #[error("{0}")]
    Resolve(String),
    /// The peer was not reached.
    #[error("{0}")]
    Connect(String),
    /// The peer was not reached through the proxy.
    #[error("{0}")]
    Tunnel(String),
    /// The peer is not trusted, or does not speak TLS as it should.
    #[error("{0}")]
    Tls(String),
}

impl ConnectError {
    /// The error of an attempt to connect to `peer`.
    pub(super) fn new(peer: &Peer, error: &(dyn StdError + 'static)) -> Self {
        let text = format!("connecting to {peer}: {}", causes(error));
        match find::<rustls::Error>(error) {
            Some(tls) if is_authority_as_server(tls) => {
                Self::Tls(text.replace(&tls.to_string(), AUTHORITY_AS_SERVER))
            }
            Some(_) => Self::Tls(text),
            None if !peer.is_behind_proxy() && find::<NotResolved>(error).is_some() => Self::Resolve(text),
            None => Self::not_reached(peer, text),
        }
    }

    /// The error of an attempt that took longer than it may, in seconds.
    pub(super) fn too_late(peer: &Peer, limit: u64) -> Self {
        Self::not_reached(peer, format!("connecting to {peer} took longer than {limit} s"))
    }

    fn not_reached(peer: &Peer, text: String) -> Self {
        if peer.is_behind_proxy() { Self::Tunnel(text) } else { Self::Connect(text) }
    }
}

/// The error of a request for which there is no connection.
pub(super) fn of_connection(error: &ConnectError) -> TransportError {
    match error {
        ConnectError::Resolve(text) => TransportError::Resolve(text.clone()),
        ConnectError::Connect(text) => TransportError::Connect(text.clone()),
        ConnectError::Tunnel(text) => TransportError::Tunnel(text.clone()),
        ConnectError::Tls(text) => TransportError::Tls(text.clone()),
    }
}

/// The error of a request that got no answer.
pub(super) fn of_request(error: &hyper_util::client::legacy::Error) -> TransportError {
    match find::<ConnectError>(error) {
        Some(error) => of_connection(error),
        // The outermost text only says in which part of the client it happened.
        None => of_exchange(error.source().unwrap_or(error)),
    }
}

/// The error of an answer whose body broke.
pub(super) fn of_body(error: &hyper::Error) -> TransportError {
    of_exchange(error)
}

fn of_exchange(error: &(dyn StdError + 'static)) -> TransportError {
    let text = format!("HTTP exchange failed: {}", causes(error));
    match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => TransportError::Tls(text),
        _ => TransportError::Exchange(text),
    }
}

/// An error and its causes, joined by colons; a cause that its error already quotes is left out.
fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut next = error.source();
    while let Some(cause) = next {
        let part = cause.to_string();
        if !last.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        last = part;
        next = cause.source();
    }
    text
}

/// The first error of a type in a chain of causes. What an I/O error wraps is not among its causes,
/// so it is looked at too.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    None
}
