//! The log of what was asked.

use std::collections::BTreeMap;
use std::time::Instant;

use time::OffsetDateTime;

use super::encoding::parse_form;
use super::http::Request;

/// One request that reached the stand-in whole.
#[derive(Clone, Debug)]
pub struct Call {
    /// Time by the stand-in's clock.
    pub time: OffsetDateTime,
    /// Time by the machine's monotonic clock.
    pub instant: Instant,
    /// Value of `Action`; empty if there was none.
    pub action: String,
    /// Service of the credential scope; empty if nothing is signed.
    pub service: String,
    /// Region of the credential scope; empty if nothing is signed.
    pub region: String,
    /// Access key id; empty if nothing is signed.
    pub access_key_id: String,
    /// Account of that key; empty if it is unknown.
    pub account: String,
    /// The request as it was sent.
    pub request: Request,
    /// Number of the connection, from 1.
    pub connection: u64,
    /// Name asked for in the TLS handshake; `None` without TLS.
    pub tls_name: Option<String>,
    /// `host:port` of the CONNECT request this came through.
    pub proxied_to: Option<String>,
    /// Error code of the real answer, whatever a fault made of it.
    pub refused: Option<String>,
    /// Id that it was answered with.
    pub request_id: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered yet.
    Waiting,
    /// Answered with that status.
    Answered(u16),
    /// The peer left before the answer.
    Abandoned,
    /// The connection was closed by a fault.
    Dropped,
}

impl Call {
    /// First value of a parameter, of the query before that of the body.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.request.body).into_owned();
        let mut pairs = parse_form(self.request.query()).into_iter().chain(parse_form(&body));
        pairs.find(|(present, _)| present == name).map(|(_, value)| value)
    }

    /// First value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.header(name)
    }
}

/// Calls and counters.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Calls in order of arrival.
    pub calls: Vec<Call>,
    /// Calls per action.
    pub counters: BTreeMap<String, usize>,
    /// Requests that were not HTTP, with the reason.
    pub malformed: Vec<String>,
    /// Set to keep counters only.
    pub counters_only: bool,
    cleared: usize,
}

impl Log {
    /// Adds a call; the result names it for [`Log::finish`].
    pub(super) fn add(&mut self, call: Call) -> usize {
        *self.counters.entry(call.action.clone()).or_default() += 1;
        if !self.counters_only {
            self.calls.push(call);
        }
        self.cleared + self.calls.len()
    }

    /// Notes what became of a call.
    pub(super) fn finish(&mut self, number: usize, outcome: Outcome) {
        let index = number.checked_sub(self.cleared + 1);
        if let Some(call) = index.and_then(|index| self.calls.get_mut(index)).filter(|_| !self.counters_only)
        {
            call.outcome = outcome;
        }
    }

    /// Forgets calls and counters.
    pub(super) fn clear(&mut self) {
        self.cleared += self.calls.len();
        self.calls.clear();
        self.counters.clear();
        self.malformed.clear();
    }

    /// Calls of an action.
    pub(super) fn count(&self, action: &str) -> usize {
        self.counters.get(action).copied().unwrap_or_default()
    }
}
