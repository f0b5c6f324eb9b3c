//! Host names to addresses.
//!
//! The system resolves names on threads that nobody can call back. So there is one look-up per name
//! at a time, however many connections wait for it: a name server that does not answer costs one
//! thread, not one for each login.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tower_service::Service;

use crate::concurrency::single_flight::SingleFlight;

type Addresses = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// A name that has no address, with what the system says of it.
#[derive(Debug, Error)]
#[error(transparent)]
pub(super) struct NotResolved(Arc<io::Error>);

impl From<Arc<io::Error>> for NotResolved {
    fn from(error: Arc<io::Error>) -> Self {
        Self(error)
    }
}

/// Resolves names through the system.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    flights: Arc<SingleFlight<String, Addresses>>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// The addresses of a name.
    ///
    /// # Errors
    /// It has none, by [`NotResolved`].
    pub(super) async fn resolve(self, name: String) -> io::Result<std::vec::IntoIter<SocketAddr>> {
        let asked = name.clone();
        let look_up = async move {
            // The port is set by whoever connects.
            match tokio::net::lookup_host((asked.as_str(), 0)).await {
                Ok(addresses) => Ok(addresses.collect()),
                Err(error) => Err(Arc::new(error)),
            }
        };
        let addresses: Addresses = self.flights.run_to_end(name, look_up).await;
        addresses.map(Vec::into_iter).map_err(|error| io::Error::other(NotResolved(error)))
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().resolve(name.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_of_this_machine_are_known_and_invented_ones_are_not() {
        let addresses = Resolver::default().resolve("localhost".to_owned()).await.unwrap();
        assert!(addresses.into_iter().any(|address| address.ip().is_loopback()));
        assert!(Resolver::default().resolve("no-such-host.invalid".to_owned()).await.is_err());
    }
}
