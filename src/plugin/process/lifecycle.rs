//! When the process ends: on the host's word, on SIGTERM, or because the host is gone. A host that
//! is killed cannot say so, and nobody else would end its plugins.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::start_error::StartError;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::lifecycle");

/// How long the process waits for an authenticated connection, at start and later.
const ABSENCE_LIMIT: Duration = Duration::from_secs(60);
/// Between the end of the broker stream and the end of the process: a host that ends the plugin in
/// order closes the stream just before it asks for the shutdown.
const BROKER_GRACE: Duration = Duration::from_millis(500);

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The host asked for it.
    Shutdown,
    /// SIGTERM.
    Terminated,
    /// The host's broker stream has ended, or its last connection long ago.
    HostGone,
    /// No host has ever connected and authenticated.
    NobodyCame,
    /// The gRPC server has failed.
    ServerFailed,
}

impl Exit {
    /// How the process reports it.
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Shutdown | Self::Terminated | Self::HostGone => ExitCode::SUCCESS,
            Self::NobodyCame | Self::ServerFailed => ExitCode::FAILURE,
        }
    }
}

/// Knows whether the host is there and whether the process shall end.
pub(crate) struct Lifecycle {
    exit: watch::Sender<Option<Exit>>,
    connections: watch::Sender<usize>,
    broker_streams: watch::Sender<usize>,
}

impl Lifecycle {
    /// Of a process that goes on.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            exit: watch::Sender::new(None),
            connections: watch::Sender::new(0),
            broker_streams: watch::Sender::new(0),
        })
    }

    /// Asks for the end of the process; the first reason counts.
    pub(crate) fn end(&self, reason: Exit) {
        self.exit.send_if_modified(|exit| {
            let first = exit.is_none();
            if first {
                *exit = Some(reason);
            }
            first
        });
    }

    /// Completes when the process shall end.
    pub(crate) async fn ended(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        loop {
            if let Some(reason) = *exit.borrow_and_update() {
                return reason;
            }
            if exit.changed().await.is_err() {
                return Exit::ServerFailed;
            }
        }
    }

    /// An authenticated connection counts as long as the value lives.
    pub(crate) fn connection(self: &Arc<Self>) -> PeerPresence {
        PeerPresence::new(self.clone(), |lifecycle| &lifecycle.connections)
    }

    /// A broker stream counts as long as the value lives.
    pub(crate) fn broker_stream(self: &Arc<Self>) -> PeerPresence {
        PeerPresence::new(self.clone(), |lifecycle| &lifecycle.broker_streams)
    }

    /// Ends the process once the host is gone.
    pub(crate) async fn watch_host(&self) {
        let reason = tokio::select! {
            reason = self.absence() => reason,
            () = self.end_of_broker() => Exit::HostGone,
        };
        self.end(reason);
    }

    async fn absence(&self) -> Exit {
        let mut connections = self.connections.subscribe();
        let mut reason = Exit::NobodyCame;
        loop {
            match timeout(ABSENCE_LIMIT, connections.wait_for(|count| *count > 0)).await {
                Ok(_) => reason = Exit::HostGone,
                Err(_) => return reason,
            }
            if connections.wait_for(|count| *count == 0).await.is_err() {
                return reason;
            }
        }
    }

    async fn end_of_broker(&self) {
        let mut streams = self.broker_streams.subscribe();
        loop {
            let opened_and_closed = async {
                streams.wait_for(|count| *count > 0).await.is_ok()
                    && streams.wait_for(|count| *count == 0).await.is_ok()
            };
            if !opened_and_closed.await {
                return;
            }
            sleep(BROKER_GRACE).await;
            if *streams.borrow_and_update() == 0 {
                return;
            }
        }
    }
}

/// Something of the host's that is there; it stops counting when dropped.
pub(crate) struct PeerPresence {
    lifecycle: Arc<Lifecycle>,
    counter: fn(&Lifecycle) -> &watch::Sender<usize>,
}

impl PeerPresence {
    fn new(lifecycle: Arc<Lifecycle>, counter: fn(&Lifecycle) -> &watch::Sender<usize>) -> Self {
        counter(&lifecycle).send_modify(|count| *count = count.saturating_add(1));
        Self { lifecycle, counter }
    }
}

impl Drop for PeerPresence {
    fn drop(&mut self) {
        (self.counter)(&self.lifecycle).send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// The signals the process handles, from the moment this exists.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes over SIGINT and SIGTERM.
    pub(crate) fn install() -> Result<Self, StartError> {
        let take = |kind| signal(kind).map_err(StartError::Signals);
        Ok(Self { interrupt: take(SignalKind::interrupt())?, terminate: take(SignalKind::terminate())? })
    }

    /// Ends the process on SIGTERM. SIGINT is ignored: at a terminal it reaches the host and all its
    /// plugins, and the host still needs them to clean up.
    pub(crate) async fn handle(mut self, lifecycle: Arc<Lifecycle>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => tracing::debug!(target: LOG, "interrupt ignored, the server ends its plugins"),
                _ = self.terminate.recv() => lifecycle.end(Exit::Terminated),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    async fn watched(lifecycle: &Lifecycle) -> (Exit, Duration) {
        let start = Instant::now();
        lifecycle.watch_host().await;
        (lifecycle.ended().await, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn ends_when_nobody_comes() {
        let (exit, after) = watched(&Lifecycle::new()).await;
        assert_eq!(exit, Exit::NobodyCame);
        assert!(after >= ABSENCE_LIMIT && after < LONG, "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn lives_while_somebody_is_connected() {
        let lifecycle = Lifecycle::new();
        let connection = lifecycle.connection();
        assert!(timeout(LONG, watched(&lifecycle)).await.is_err());
        drop(connection);
    }

    #[tokio::test(start_paused = true)]
    async fn ends_some_time_after_the_last_connection() {
        let lifecycle = Lifecycle::new();
        let first = lifecycle.connection();
        let leave = async {
            sleep(Duration::from_secs(100)).await;
            let second = lifecycle.connection();
            drop(first);
            sleep(Duration::from_secs(100)).await;
            drop(second);
        };
        let ((exit, after), ()) = tokio::join!(watched(&lifecycle), leave);
        assert_eq!(exit, Exit::HostGone);
        assert!(after >= Duration::from_secs(260), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn ends_soon_after_the_broker_stream() {
        let lifecycle = Lifecycle::new();
        let connection = lifecycle.connection();
        let stream = lifecycle.broker_stream();
        let leave = async {
            sleep(Duration::from_secs(300)).await;
            drop(stream);
        };
        let ((exit, after), ()) = tokio::join!(watched(&lifecycle), leave);
        assert_eq!(exit, Exit::HostGone);
        assert!(after < Duration::from_secs(302), "{after:?}");
        drop(connection);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_stream_may_be_opened_anew() {
        let lifecycle = Lifecycle::new();
        let _connection = lifecycle.connection();
        let first = lifecycle.broker_stream();
        let swap = async {
            sleep(Duration::from_secs(1)).await;
            drop(first);
            let _second = lifecycle.broker_stream();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            (exit, _) = watched(&lifecycle) => panic!("ended: {exit:?}"),
            () = swap => {}
            () = sleep(LONG) => {}
        }
    }

    #[tokio::test]
    async fn the_first_reason_counts() {
        let lifecycle = Lifecycle::new();
        lifecycle.end(Exit::Shutdown);
        lifecycle.end(Exit::HostGone);
        assert_eq!(lifecycle.ended().await, Exit::Shutdown);
    }
}
