//! The stand-in as tests hold it.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::calls::Call;
use super::fault::{Fault, Gate, Target, Times};
use super::listener::Server;
use super::verify::Ambiguity;
use super::world::{Clock, Shared, World};

/// How long [`Aws::wait_for_calls`] waits before it fails the test.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// A running stand-in. Clones share it; it ends with the last one.
#[derive(Clone)]
pub struct Aws {
    shared: Arc<Shared>,
    server: Arc<Server>,
}

impl Aws {
    /// Starts on a free loopback port, on a thread of its own: it answers even while the test blocks or
    /// has paused its own clock.
    pub async fn start() -> Self {
        Self::launch()
    }

    /// The same without a runtime.
    pub fn launch() -> Self {
        let shared = Arc::new(Shared::new());
        let server = Arc::new(Server::start(Arc::clone(&shared)));
        Self { shared, server }
    }

    /// `http://127.0.0.1:port`, without a slash at the end. One port serves all services: the
    /// credential scope chooses.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The same port with TLS; certificates are made for whatever name is asked for, and signed by
    /// [`Aws::ca_pem`].
    pub fn tls_url(&self) -> String {
        format!("https://{}", self.server.address())
    }

    /// The same port as a proxy: it answers CONNECT to any host by serving that host itself, with TLS.
    /// With it, requests to `https://sts.amazonaws.com` end here.
    pub fn proxy_url(&self) -> String {
        self.url()
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Certificate of the test CA, PEM.
    pub fn ca_pem(&self) -> String {
        self.server.ca_pem()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.server.accepted()
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> u64 {
        self.server.open()
    }

    /// Now, by the stand-in's clock.
    pub fn now(&self) -> OffsetDateTime {
        self.world().now()
    }

    /// Lets the clock run with an offset to the machine's.
    pub fn set_clock_offset(&self, offset: time::Duration) {
        self.world().clock = Clock::Offset(offset);
    }

    /// Stops the clock at a time.
    pub fn set_clock(&self, time: OffsetDateTime) {
        self.world().clock = Clock::Fixed(time);
    }

    /// Chooses what is done with ambiguous requests.
    pub fn set_ambiguity(&self, ambiguity: Ambiguity) {
        self.world().ambiguity = ambiguity;
    }

    /// Sets a fault behind those already set.
    pub fn fault(&self, target: impl Into<Target>, times: impl Into<Times>, fault: Fault) {
        self.world().faults.add(target.into(), times.into(), fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Answers CONNECT to a host only once the gate is open: new connections to it hang.
    pub fn hold_tunnels(&self, host: &str, gate: Gate) {
        self.world().held_tunnels.push((format!("{host}:443"), gate));
    }

    /// Publishes a document at an https URL without port; a GET of it is logged as a call of the URL. Nothing
    /// unpublishes it but an empty text.
    ///
    /// # Panics
    /// If it is none.
    pub fn publish(&self, url: &str, document: &str) {
        let place = url.strip_prefix("https://").expect("an https URL");
        self.world().documents.insert(place.to_owned(), document.to_owned());
    }

    /// The calls of an action, in order of arrival.
    pub fn calls(&self, action: &str) -> Vec<Call> {
        self.world().log.calls.iter().filter(|call| call.action == action).cloned().collect()
    }

    /// All calls, in order of arrival.
    pub fn all_calls(&self) -> Vec<Call> {
        self.world().log.calls.clone()
    }

    /// How many calls of an action arrived.
    pub fn call_count(&self, action: &str) -> usize {
        self.world().log.count(action)
    }

    /// How many calls arrived.
    pub fn total_calls(&self) -> usize {
        self.world().log.counters.values().sum()
    }

    /// Requests that were refused before they were understood, with the reason.
    pub fn malformed_requests(&self) -> Vec<String> {
        self.world().log.malformed.clone()
    }

    /// Forgets calls and counters.
    pub fn clear_calls(&self) {
        self.world().log.clear();
    }

    /// Keeps counters only, for long runs.
    pub fn keep_counters_only(&self) {
        self.world().log.counters_only = true;
    }

    /// Waits until that many calls of an action have arrived, answered or not.
    pub async fn wait_for_calls(&self, action: &str, count: usize) {
        self.wait(|world| world.log.count(action) >= count, &format!("{count} calls of {action}")).await;
    }

    /// Waits until something holds of the calls that arrived.
    pub async fn wait_until(&self, holds: impl Fn(&[Call]) -> bool) {
        self.wait(|world| holds(&world.log.calls), "such calls").await;
    }

    async fn wait(&self, done: impl Fn(&World) -> bool, what: &str) {
        let mut changes = self.shared.changes.subscribe();
        let deadline = Instant::now() + WAIT_LIMIT;
        while !done(&self.world()) {
            assert!(Instant::now() < deadline, "no {what} within {WAIT_LIMIT:?}");
            // A missed deadline is found at the head of the loop.
            let _ = tokio::time::timeout(Duration::from_millis(100), changes.changed()).await;
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}
