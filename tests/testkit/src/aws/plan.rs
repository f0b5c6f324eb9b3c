//! What the stand-in does with a request.

use std::time::Instant;

use time::OffsetDateTime;

use super::answer::{Answer, Delivery, Draft};
use super::calls::{Call, Outcome};
use super::document::Element;
use super::endpoint::{Service, endpoint_of_host, partition_of_region};
use super::fault::Fault;
use super::http::Request;
use super::operation::{Caller, Operation, parameters};
use super::published::Published;
use super::refusal::Refusal;
use super::verify::{Presented, Repeated, pick};
use super::world::{Shared, World};
use super::{dispatch, sts};

/// Whom a connection belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) number: u64,
    pub(super) tls_name: Option<String>,
    pub(super) proxied_to: Option<String>,
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

/// Logs a request and makes its answer.
pub(super) fn plan(shared: &Shared, request: Request, peer: &Peer) -> Plan {
    let plan = made_of(&mut shared.world(), request, peer);
    shared.changed();
    plan
}

fn made_of(world: &mut World, request: Request, peer: &Peer) -> Plan {
    world.answers += 1;
    let request_id = format!("00000000-0000-4000-8000-{:012x}", world.answers);
    let presented = Presented::of(&request, world.ambiguity);
    if let Some(answer) = world.published.answer(&request).cloned() {
        let call = log_entry(world, Published::url(&request), request, None, None, peer);
        let number = world.log.add(Call { request_id, ..call });
        return Plan { delays: Vec::new(), answer: Answer::raw(&answer), delivery: Delivery::Whole, number };
    }
    let service = service_of(&request, presented.as_ref().ok());
    let json = service == Service::Sts
        && request.header("Accept").is_some_and(|accept| accept.contains("application/json"));
    let action = action(&request);
    let before = world.faults.may_refuse(&action).then(|| world.inventory.clone());
    let result = perform(world, &request, service, presented.as_ref());
    let refusal = result.as_ref().err();
    let call = log_entry(world, action, request, presented.as_ref().ok(), refusal, peer);
    let call = Call { request_id: request_id.clone(), ..call };
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
) -> Result<Option<Element>, Refusal> {
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
    dispatch::perform(&operation, &mut world.inventory, &world.published)
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
    let partition = partition_of_region(&presented.scope.region);
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
pub(super) fn action(request: &Request) -> String {
    let parameters = parameters(request);
    let action = pick(&parameters, "Action", Repeated::First).ok().flatten();
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
        request_id: String::new(),
        outcome: Outcome::Waiting,
    }
}
