//! Keeps a token: does what the schedule says, and tells the schedule what came of it.

use std::time::Duration;

use clap::ArgMatches;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use vault_plugin_auth_aws::ports::SystemRandom;
use zeroize::Zeroizing;

use super::backoff::Backoff;
use super::delivery::Delivery;
use super::log::Log;
use super::notify::Notifier;
use super::schedule::{Lease, Schedule, Step};
use crate::command::aws_settings::AwsSettings;
use crate::command::environment::Environment;
use crate::command::exit::Failure;
use crate::command::host_address::HostAddress;
use crate::command::host_client::{HostClient, HostRequest, Refusal};
use crate::command::login::usable_token;
use crate::command::output::{Answer, Auth};
use crate::command::proof::Proof;

/// Longest time for revoking the token at the end.
const REVOCATION: Duration = Duration::from_secs(5);

/// Who logs in, and where.
pub(super) struct Identity<'a> {
    /// The options.
    pub(super) matches: &'a ArgMatches,
    /// The words.
    pub(super) settings: AwsSettings,
    /// The variables.
    pub(super) environment: Environment,
    /// The server.
    pub(super) server: HostAddress,
}

impl Identity<'_> {
    /// Logs in. Files, credentials and certificates are looked for anew: each may be another than last time.
    ///
    /// # Errors
    /// As of a login.
    pub(super) async fn log_in(&self, log: Log) -> Result<Auth, Failure> {
        let proof = Proof::of(self.matches, self.settings.clone(), self.environment).await?;
        let answer = proof.log_in(&self.client()?, &self.settings.mount).await?;
        usable_token(&answer)?;
        for warning in answer.warnings.iter().flatten() {
            log.warn("the server warns", &[("warning", warning.clone())]);
        }
        let auth =
            answer.auth.ok_or_else(|| Failure::Refused("the server's answer holds no token".to_owned()))?;
        let fields = [
            ("accessor", auth.accessor.clone()),
            ("lease", seconds(lease(&auth).duration)),
            ("renewable", auth.renewable.to_string()),
        ];
        log.info("logged in", &fields);
        Ok(auth)
    }

    fn client(&self) -> Result<HostClient, Failure> {
        HostClient::new(self.server.clone())
    }

    /// A request about the token itself.
    async fn about(&self, token: &str, action: &str) -> Result<Value, Refusal> {
        let unsent = |failure| Refusal { failure, is_final: false };
        let request = HostRequest {
            path: format!("auth/token/{action}"),
            body: json!({}),
            token: Some(token.to_owned()),
            wrapped: false,
        };
        self.client().map_err(unsent)?.put_once(&request).await
    }
}

/// An agent at work.
pub(super) struct Keeper<'a> {
    identity: Identity<'a>,
    delivery: Delivery,
    notifier: Notifier,
    hooks: watch::Sender<Option<Zeroizing<String>>>,
    log: Log,
    random: SystemRandom,
    schedule: Schedule,
    token: Option<Zeroizing<String>>,
    /// When the token is brought to the sinks that do not have it.
    delivery_at: Option<Instant>,
    delivery_backoff: Backoff,
    is_ready: bool,
}

impl<'a> Keeper<'a> {
    /// Logs in first of all. `hooks` is sent each token that has reached all sinks.
    pub(super) fn new(
        identity: Identity<'a>,
        delivery: Delivery,
        notifier: Notifier,
        hooks: watch::Sender<Option<Zeroizing<String>>>,
        log: Log,
    ) -> Self {
        Self {
            identity,
            delivery,
            notifier,
            hooks,
            log,
            random: SystemRandom::default(),
            schedule: Schedule::new(Instant::now()),
            token: None,
            delivery_at: None,
            delivery_backoff: Backoff::default(),
            is_ready: false,
        }
    }

    /// Waits for the next thing to do, and does it. May be dropped at any time, and called again.
    ///
    /// # Errors
    /// There never was a token, and what was asked for cannot be.
    pub(super) async fn step(&mut self) -> Result<(), Failure> {
        match (self.schedule.next(), self.delivery_at) {
            (Some((step, at)), delivery) if delivery.is_none_or(|delivery| at < delivery) => {
                sleep_until(at).await;
                match step {
                    Step::LogIn => self.log_in().await?,
                    Step::Renew => self.renew().await,
                }
            }
            (_, Some(at)) => {
                sleep_until(at).await;
                self.deliver().await;
            }
            (_, None) => std::future::pending().await,
        }
        Ok(())
    }

    /// Has the next step be a login, at once.
    pub(super) fn log_in_now(&mut self) {
        self.log.info("a login is asked for", &[]);
        self.schedule.log_in_at(Instant::now());
    }

    /// Ends.
    pub(super) async fn stop(self, revoke: bool) {
        self.log.info("stopping", &[]);
        if let Err(error) = self.notifier.stopping() {
            self.log.warn("the end is not announced", &[("error", error.to_string())]);
        }
        let Some(token) = self.token.filter(|_| revoke) else { return };
        let revocation = self.identity.about(&token, "revoke-self");
        match tokio::time::timeout(REVOCATION, revocation).await {
            Ok(Ok(_)) => self.log.info("token revoked", &[]),
            Ok(Err(refusal)) => {
                self.log.error("token not revoked", &[("error", refusal.failure.to_string())]);
            }
            Err(_) => self.log.error("token not revoked", &[("error", "no answer in time".to_owned())]),
        }
    }

    async fn log_in(&mut self) -> Result<(), Failure> {
        match self.identity.log_in(self.log).await {
            Ok(auth) => {
                let now = Instant::now();
                self.schedule.logged_in(now, lease(&auth));
                self.token = Some(Zeroizing::new(auth.client_token));
                self.delivery.restart();
                self.delivery_backoff.succeeded();
                self.delivery_at = Some(now);
            }
            Err(failure @ Failure::Usage(_)) if self.token.is_none() => return Err(failure),
            Err(failure) => {
                let wait = self.schedule.login_failed(Instant::now(), &self.random);
                self.warn("not logged in", &failure, wait);
            }
        }
        Ok(())
    }

    async fn renew(&mut self) {
        let Some(token) = self.token.clone() else { return self.schedule.log_in_at(Instant::now()) };
        let answer =
            self.identity.about(&token, "renew-self").await.and_then(|answer| {
                Answer::parse(answer).map_err(|failure| Refusal { failure, is_final: false })
            });
        match answer {
            Ok(answer) => {
                let lease = answer.auth.as_ref().map(lease).unwrap_or_default();
                let goes_on = self.schedule.renewed(Instant::now(), lease);
                let next = if goes_on { "renewal" } else { "login" };
                let fields = [("lease", seconds(lease.duration)), ("next", next.to_owned())];
                self.log.info("token renewed", &fields);
            }
            Err(Refusal { failure, is_final: true }) => {
                self.schedule.renewal_refused(Instant::now());
                self.log.warn("token not renewed, a login follows", &[("error", failure.to_string())]);
            }
            Err(Refusal { failure, is_final: false }) => {
                let wait = self.schedule.renewal_failed(Instant::now(), &self.random);
                self.warn("token not renewed", &failure, wait);
            }
        }
    }

    async fn deliver(&mut self) {
        let Some(token) = self.token.clone() else {
            self.delivery_at = None;
            return;
        };
        if let Err(failure) = self.delivery.deliver(&token).await {
            let wait = self.delivery_backoff.failed(&self.random);
            self.delivery_at = Instant::now().checked_add(wait);
            let fields = [("error", failure.to_string()), ("again_in", seconds(wait))];
            return self.log.error("token not delivered", &fields);
        }
        self.delivery_at = None;
        self.log.info("token delivered", &[]);
        if !self.is_ready {
            self.is_ready = true;
            if let Err(error) = self.notifier.ready() {
                self.log.error("readiness is not announced", &[("error", error.to_string())]);
            }
        }
        self.hooks.send_replace(Some(token));
    }

    fn warn(&self, message: &str, failure: &Failure, wait: Duration) {
        self.log.warn(message, &[("error", failure.to_string()), ("again_in", seconds(wait))]);
    }
}

fn lease(auth: &Auth) -> Lease {
    let duration = u64::try_from(auth.lease_duration).unwrap_or_default();
    Lease { duration: Duration::from_secs(duration), renewable: auth.renewable }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}
