//! HTTPS towards AWS: pooled HTTP/1.1 connections over TLS, through a proxy where the environment
//! names one.
//!
//! What leaves and what comes back is bounded: connecting takes at most [`CONNECT_TIMEOUT`], an
//! answer's head at most [`MAX_HEAD_BYTES`], its body as much as the request allows. Redirects are
//! answers like any other, compressed answers are never asked for, and nothing is sent twice.

mod chosen_names;
mod connector;
mod environment;
mod error;
mod own_root;
mod peer;
mod proxy;
mod quick_ack;
mod resolver;
mod server_tls;
mod socks;
mod transport;
mod trust;

#[cfg(test)]
#[cfg(feature = "plugin")]
mod test_servers;
#[cfg(test)]
#[cfg(feature = "plugin")]
mod tests;

pub use connector::CONNECT_TIMEOUT;
pub use environment::Environment;
pub use server_tls::{Authorities, ClientCertificate, ServerTls, ServerTlsError};
pub use transport::{
    HttpsTransport, IDLE_TIMEOUT, MAX_HEAD_BYTES, MAX_HEADERS, MAX_IDLE_PER_ENDPOINT, MAX_PER_ENDPOINT,
};
pub use trust::TrustError;
