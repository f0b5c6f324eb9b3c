//! From a raw connection to one the gRPC server may trust.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::sleep;

use super::peer_stream::PeerStream;
use super::tls::PeerTls;
use crate::plugin::process::lifecycle::Lifecycle;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::admission");

/// Handshakes that run at the same time; further connections wait in the socket's queue.
const MAX_HANDSHAKES: usize = 64;
/// Admitted connections the gRPC server has not taken yet.
const ADMITTED_QUEUE: usize = 16;
/// Pause after a failed accept, which mostly means that file descriptors are used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Admits connections to the gRPC server: through the TLS handshake, or as they are when the plugin
/// serves without TLS.
pub(crate) struct Admission {
    tls: Option<Arc<PeerTls>>,
    lifecycle: Arc<Lifecycle>,
    handshakes: Arc<Semaphore>,
    admitted: mpsc::Sender<PeerStream>,
}

impl Admission {
    /// Also returns the end from which the gRPC server takes its connections.
    pub(crate) fn new(
        tls: Option<Arc<PeerTls>>,
        lifecycle: Arc<Lifecycle>,
    ) -> (Arc<Self>, mpsc::Receiver<PeerStream>) {
        let (admitted, connections) = mpsc::channel(ADMITTED_QUEUE);
        let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
        (Arc::new(Self { tls, lifecycle, handshakes, admitted }), connections)
    }

    /// Accepts connections for ever. Each handshake has its own task, so that a stalled peer holds
    /// up nobody else.
    pub(crate) async fn accept_from(self: Arc<Self>, listener: UnixListener) {
        loop {
            let Ok(permit) = self.handshakes.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((socket, _)) => self.admit(socket, permit),
                Err(error) => {
                    tracing::warn!(target: LOG, %error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Admits one stream of a multiplexed connection, unless too many wait already.
    pub(crate) fn try_admit(self: &Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        match self.handshakes.clone().try_acquire_owned() {
            Ok(permit) => self.admit(stream, permit),
            Err(_) => tracing::warn!(target: LOG, "stream refused: too many handshakes are running"),
        }
    }

    fn admit(
        self: &Arc<Self>,
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        permit: OwnedSemaphorePermit,
    ) {
        let admission = self.clone();
        tokio::spawn(async move {
            let stream = match &admission.tls {
                None => PeerStream::new(io),
                Some(tls) => match tls.accept(io).await {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::warn!(target: LOG, %error, "connection refused");
                        return;
                    }
                },
            };
            drop(permit);
            let stream = stream.with_presence(admission.lifecycle.connection());
            // Fails only when the server has ended, and the process with it.
            let _ = admission.admitted.send(stream).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::net::UnixStream;

    use super::*;
    use crate::plugin::link::certificate::OwnCertificate;

    #[tokio::test]
    async fn a_stalled_peer_and_a_stranger_hold_up_nobody() {
        let own = |_| OwnCertificate::generate(SystemTime::now()).unwrap();
        let [plugin, host, stranger] = [(); 3].map(own);
        let tls = |own: &OwnCertificate, peer: &OwnCertificate| {
            Arc::new(PeerTls::new(own, peer.certificate.clone()).unwrap())
        };
        let (admission, mut connections) = Admission::new(Some(tls(&plugin, &host)), Lifecycle::new());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let accepting = tokio::spawn(admission.accept_from(UnixListener::bind(&path).unwrap()));

        let _stalled = UnixStream::connect(&path).await.unwrap();
        let refused = tls(&stranger, &plugin).connect(UnixStream::connect(&path).await.unwrap()).await;
        let admitted = tls(&host, &plugin).connect(UnixStream::connect(&path).await.unwrap()).await;
        assert!(connections.recv().await.is_some());
        assert!(connections.try_recv().is_err(), "nobody else is admitted");
        assert!(admitted.is_ok());
        drop(refused);
        accepting.abort();
    }
}
