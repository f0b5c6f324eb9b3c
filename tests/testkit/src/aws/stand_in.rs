//! The stand-in as tests hold it, and what it does with a request.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::watch;

use super::answer::{Answer, Delivery, Draft};
use super::calls::{Call, Log, Outcome};
use super::endpoint::{Service, endpoint_of_host};
use super::fault::{Fault, Faults, Gate, Target, Times};
use super::http::Request;
use super::inventory::Inventory;
use super::listener::{Peer, Server};
use super::operation::{Caller, Operation, parameters};
use super::refusal::Refusal;
use super::sts;
use super::verify::{Ambiguity, Presented};

/// How long [`Aws::wait_for_calls`] waits before it fails the test.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// A running stand-in. Clones share it; it ends with the last one.
#[derive(Clone)]
pub struct Aws {
    shared: Arc<Shared>,
    server: Arc<Server>,
}

/// What tests and connections share.
pub(super) struct Shared {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
}

/// Everything that can be set and read.
#[derive(Default)]
pub(super) struct World {
    pub(super) inventory: Inventory,
    pub(super) log: Log,
    faults: Faults,
    held_tunnels: Vec<(String, Gate)>,
    clock: Clock,
    ambiguity: Ambiguity,
    answers: u64,
}

enum Clock {
    Offset(time::Duration),
    Fixed(OffsetDateTime),
}

impl Default for Clock {
    fn default() -> Self {
        Self::Offset(time::Duration::ZERO)
    }
}

impl Aws {
    /// Starts on a free loopback port, on a thread of its own: it answers even while the test blocks or
    /// has paused its own clock.
    pub async fn start() -> Self {
        Self::launch()
    }

    /// The same without a runtime.
    pub fn launch() -> Self {
        let shared = Arc::new(Shared { world: Mutex::new(World::default()), changes: watch::Sender::new(0) });
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

impl World {
    fn now(&self) -> OffsetDateTime {
        match self.clock {
            Clock::Offset(offset) => OffsetDateTime::now_utc() + offset,
            Clock::Fixed(time) => time,
        }
    }
}

/// What a connection does with a request.
pub(super) struct Plan {
    /// Delays before the answer.
    pub(super) delays: Vec<Fault>,
    /// The answer.
    pub(super) answer: Answer,
    /// How it is sent.
    pub(super) delivery: Delivery,
    /// Name of the call in the log.
    pub(super) number: usize,
}

impl Shared {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panics while it holds the lock")
    }

    /// Notes what became of a call.
    pub(super) fn finish(&self, number: usize, outcome: Outcome) {
        self.world().log.finish(number, outcome);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Waits until a tunnel to `host:port` may be opened.
    pub(super) async fn tunnel_allowed(&self, target: &str) {
        let held = |(host, gate): &(String, Gate)| (host == target).then(|| gate.clone());
        let gates: Vec<Gate> = self.world().held_tunnels.iter().filter_map(held).collect();
        for gate in gates {
            gate.opened().await;
        }
    }

    /// Notes a request that could not be read.
    pub(super) fn malformed(&self, reason: String) {
        self.world().log.malformed.push(reason);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Logs a request and makes its answer.
    pub(super) fn plan(&self, request: Request, peer: &Peer) -> Plan {
        let plan = plan(&mut self.world(), request, peer);
        self.changes.send_modify(|count| *count += 1);
        plan
    }
}

fn plan(world: &mut World, request: Request, peer: &Peer) -> Plan {
    world.answers += 1;
    let request_id = format!("00000000-0000-4000-8000-{:012x}", world.answers);
    let presented = Presented::of(&request, world.ambiguity);
    let service = service_of(&request, presented.as_ref().ok());
    let json = service == Service::Sts
        && request.header("Accept").is_some_and(|accept| accept.contains("application/json"));
    let action = action(&request);
    let before = world.faults.may_refuse(&action).then(|| world.inventory.clone());
    let result = perform(world, &request, service, presented.as_ref());
    let call = log_entry(world, action, request, presented.as_ref().ok(), result.as_ref().err(), peer);
    let draft = match &result {
        Ok(result) => Draft::result(service, &call.action, result.clone(), &request_id),
        Err(refusal) => Draft::refusal(service, refusal, &request_id),
    };
    let draft = if json { draft.json() } else { draft };
    let struck = world.faults.strike(&call);
    let number = world.log.add(call);
    let (delays, others): (Vec<Fault>, Vec<Fault>) = struck.into_iter().partition(Fault::is_delay);
    let (answer, delivery) = match others.last() {
        Some(Fault::Answer(raw)) => (Answer::raw(raw), Delivery::Whole),
        Some(Fault::Error { status, code, message, headers }) => {
            world.inventory = before.expect("kept, because it may be refused");
            let refusal = Refusal::new(*status, code, message);
            let draft = Draft::refusal(service, &refusal, &request_id);
            let draft = if json { draft.json() } else { draft };
            (draft.finish(&[], headers.clone()), Delivery::Whole)
        }
        last => {
            let delivery = match last {
                Some(Fault::Hang) => Delivery::Hang,
                Some(Fault::Close) => Delivery::Close,
                Some(Fault::CloseAfterAnswer) => Delivery::ThenClose,
                Some(Fault::Truncated) => Delivery::Truncated,
                Some(Fault::Endless) => Delivery::Endless,
                _ => Delivery::Whole,
            };
            (draft.finish(&others, Vec::new()), delivery)
        }
    };
    Plan { delays, answer, delivery, number }
}

/// Verifies the request and does what it asks.
fn perform(
    world: &mut World,
    request: &Request,
    service: Service,
    presented: Result<&Presented, &Refusal>,
) -> Result<Option<super::document::Element>, Refusal> {
    let repeated = world.ambiguity.repeated_parameter;
    let now = world.now();
    let mut operation = Operation {
        service,
        region: presented.map(|presented| presented.scope.region.clone()).unwrap_or_default(),
        action: String::new(),
        parameters: parameters(request),
        repeated,
        caller: None,
        now,
    };
    operation.action = operation.parameter("Action")?.unwrap_or_default();
    if !(service == Service::Sts && sts::is_unsigned(&operation.action)) {
        let caller = presented
            .map_err(Clone::clone)
            .and_then(|presented| verify(world, request, presented, now))
            .map_err(|refusal| refusal.for_service(service))?;
        operation.caller = Some(caller);
    }
    operation.perform(&mut world.inventory)
}

/// Whose signature it is, if it holds.
fn verify(
    world: &World,
    request: &Request,
    presented: &Presented,
    now: OffsetDateTime,
) -> Result<Caller, Refusal> {
    presented.check_scope(request.header("Host").unwrap_or_default())?;
    presented.check_date(now)?;
    let inventory = &world.inventory;
    let key = inventory.key(&presented.access_key_id).ok_or_else(Refusal::invalid_token)?;
    let identity = inventory.identity(&key.holder).ok_or_else(Refusal::invalid_token)?;
    let partition = super::endpoint::partition_of_region(&presented.scope.region);
    let fits = key.active
        && key.credentials.session_token == presented.session_token
        && partition == Some(identity.partition.as_str());
    if !fits {
        return Err(Refusal::invalid_token());
    }
    if key.expires.is_some_and(|expires| expires <= now) {
        return Err(Refusal::expired_token());
    }
    presented.check_headers(request)?;
    presented.check_signature(request, &key.credentials.secret_access_key)?;
    Ok(Caller { holder: key.holder.clone(), identity })
}

/// The service that answers: that of the host if it is one of AWS, else that of the scope, else STS.
fn service_of(request: &Request, presented: Option<&Presented>) -> Service {
    let host = endpoint_of_host(request.header("Host").unwrap_or_default());
    let scoped = presented.and_then(|presented| Service::named(&presented.scope.service));
    host.map(|endpoint| endpoint.service).or(scoped).unwrap_or(Service::Sts)
}

/// The first `Action` of a request; empty if there is none.
fn action(request: &Request) -> String {
    let parameters = parameters(request);
    let action = super::verify::pick(&parameters, "Action", super::verify::Repeated::First).ok().flatten();
    action.unwrap_or_default()
}

fn log_entry(
    world: &World,
    action: String,
    request: Request,
    presented: Option<&Presented>,
    refusal: Option<&Refusal>,
    peer: &Peer,
) -> Call {
    let scope = presented.map(|presented| &presented.scope);
    let key = presented.and_then(|presented| world.inventory.key(&presented.access_key_id));
    let identity = key.and_then(|key| world.inventory.identity(&key.holder));
    Call {
        time: world.now(),
        instant: Instant::now(),
        action,
        service: scope.map(|scope| scope.service.clone()).unwrap_or_default(),
        region: scope.map(|scope| scope.region.clone()).unwrap_or_default(),
        access_key_id: presented.map(|presented| presented.access_key_id.clone()).unwrap_or_default(),
        account: identity.map(|identity| identity.account).unwrap_or_default(),
        request,
        connection: peer.number,
        tls_name: peer.tls_name.clone(),
        proxied_to: peer.proxied_to.clone(),
        refused: refusal.map(|refusal| refusal.code.clone()),
        outcome: Outcome::Waiting,
    }
}
