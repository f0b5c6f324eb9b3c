//! Connections that are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::transport::server::Connected;

use super::guarded::Guarded;
use super::transport::BoxedStream;

/// A connection to one of the host's servers, counted while it is open.
pub(super) type ServerStream = Guarded<BoxedStream, Counted>;

impl ServerStream {
    /// Counts a connection until it is dropped.
    #[must_use]
    pub fn counted(stream: BoxedStream, open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self::new(stream, Counted(open))
    }
}

/// One in a count of open connections.
pub struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connected for ServerStream {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}
