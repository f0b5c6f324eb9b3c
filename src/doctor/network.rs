//! `dns.…` and `connect.…`: the endpoints that the mount would use have an address and are who they should be.

use futures_util::future::join_all;

use super::round::Round;
use crate::accounts::credentials::own_sts;
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::gave_up::{AttemptError, GaveUp};
use crate::entry::ClientConfig;
use crate::mount::doctor_report::{Finding, Probe, Verdict};
use crate::ports::TransportError;
use crate::refusal::{Coded, Hint};
use crate::store::ConfigSnapshot;

/// Addresses that are shown.
const MAX_ADDRESSES: usize = 8;

/// An endpoint that the mount would use, by the last part of its probes' names.
struct Used {
    name: &'static str,
    service: Service,
    endpoint: Result<Endpoint, Box<dyn Coded + Send + Sync>>,
}

/// Where logins are sent.
///
/// # Errors
/// What is configured is none.
pub(super) fn login_sts(config: &ClientConfig) -> Result<Endpoint, crate::aws::endpoint::EndpointError> {
    if config.sts_endpoint.is_empty() || config.use_sts_region_from_client {
        return Ok(Endpoint::global_sts());
    }
    Endpoint::configured(&config.sts_endpoint)
}

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let snapshot = match round.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(_) => {
            let skipped = async { Finding::skipped("config/client cannot be read") };
            return round.probe("dns", "endpoints are known", skipped).await.into_iter().collect();
        }
    };
    let used = used(round, snapshot).await;
    let mut found = join_all(used.iter().map(|used| resolve(round, used))).await;
    found.extend(join_all(used.iter().map(|used| connect(round, used))).await);
    found.into_iter().flatten().collect()
}

async fn used(round: &Round, snapshot: &ConfigSnapshot) -> Vec<Used> {
    let config = &snapshot.config;
    let sts_region = round.sts_region().await;
    let own = own_sts(config, &sts_region).map(|(endpoint, _)| endpoint);
    let ec2 = match round.region().await {
        Ok(region) => Endpoint::of(&config.endpoint, Service::Ec2, region).map_err(boxed),
        Err(error) => Err(boxed(error.clone())),
    };
    let iam = Endpoint::of(&config.iam_endpoint, Service::Iam, &sts_region);
    let mut all = vec![
        Used { name: "sts", service: Service::Sts, endpoint: login_sts(config).map_err(boxed) },
        Used { name: "sts_of_server", service: Service::Sts, endpoint: own.map_err(boxed) },
        Used { name: "iam", service: Service::Iam, endpoint: iam.map_err(boxed) },
        Used { name: "ec2", service: Service::Ec2, endpoint: ec2 },
    ];
    let logins = login_sts(config).ok();
    all.retain(|used| used.name != "sts_of_server" || used.endpoint.as_ref().ok() != logins.as_ref());
    all
}

fn boxed<E: Coded + Send + Sync + 'static>(error: E) -> Box<dyn Coded + Send + Sync> {
    Box::new(error)
}

async fn resolve(round: &Round, used: &Used) -> Option<Probe> {
    let (name, wanted) = (format!("dns.{}", used.name), wanted(used, "has an address"));
    let work = async {
        let (endpoint, uri) = match target(used) {
            Ok(target) => target,
            Err(finding) => return finding,
        };
        match round.mount().world().transport.way(&uri).await {
            Ok(way) => match way.proxy {
                Some(proxy) => Finding::skipped(format!("the proxy {proxy} resolves it")),
                None => {
                    let shown = way.addresses.iter().take(MAX_ADDRESSES).map(ToString::to_string);
                    Finding::ok(shown.collect::<Vec<_>>().join(", "))
                }
            },
            Err(error) => not_reached(error, &endpoint, used.service),
        }
    };
    round.probe(name, wanted, work).await
}

async fn connect(round: &Round, used: &Used) -> Option<Probe> {
    let (name, wanted) = (format!("connect.{}", used.name), wanted(used, "is reached and trusted"));
    let work = async {
        let (endpoint, uri) = match target(used) {
            Ok(target) => target,
            Err(finding) => return finding,
        };
        let transport = round.mount().world().transport.as_ref();
        match transport.connect(&uri).await {
            Ok(()) => {
                // Only to name the proxy: that there is a way was just seen.
                let proxy = transport.way(&uri).await.ok().and_then(|way| way.proxy);
                let through = proxy.map(|proxy| format!(" through proxy {proxy}")).unwrap_or_default();
                Finding::ok(format!("connected{through}"))
            }
            Err(error) => not_reached(error, &endpoint, used.service),
        }
    };
    round.probe(name, wanted, work).await
}

fn wanted(used: &Used, what: &str) -> String {
    match &used.endpoint {
        Ok(endpoint) => format!("{endpoint} {what}"),
        Err(_) => "an endpoint".to_owned(),
    }
}

fn target(used: &Used) -> Result<(Endpoint, http::Uri), Finding> {
    match &used.endpoint {
        Ok(endpoint) => match endpoint.uri("/") {
            Some(uri) => Ok((endpoint.clone(), uri)),
            None => Err(Finding::skipped("the endpoint has no URL")),
        },
        Err(error) => Err(Finding::failed(error.as_ref())),
    }
}

/// What an attempt to reach an endpoint met.
pub(super) fn not_reached(error: TransportError, endpoint: &Endpoint, service: Service) -> Finding {
    let gave_up = GaveUp { attempts: 1, cause: AttemptError::from(error), out_of_time: None };
    let hint: Option<Hint> = gave_up.hint(endpoint.authority(), service.settings());
    let mut finding = Finding::of_error(Verdict::Failed, &NotReached(gave_up));
    if let Some(hint) = hint {
        finding.hint = hint.to_string();
    }
    finding
}

/// The cause alone: that there was one attempt need not be said.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.cause)]
struct NotReached(GaveUp);

impl Coded for NotReached {
    fn code(&self) -> crate::refusal::Code {
        self.0.code()
    }
}
