//! Faults on demand: late, missing, broken and lying answers.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::calls::Call;
use super::document::{Content, Element};
use super::endpoint::Service;
use super::refusal::Refusal;

/// Holds answers back until it is opened.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets all answers through, those to come as well.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn opened(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// What goes wrong.
///
/// Delays add up. Changes of the real answer add up too; they leave errors alone. The first fault of
/// any other kind decides what is sent, and no later fault is used up by that call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers that much later.
    Latency(Duration),
    /// Answers once the gate is open. The answer is made before the wait.
    Hold(Gate),

    /// Never answers; the connection stays open until the peer leaves.
    Hang,
    /// Closes the connection instead of answering.
    Close,
    /// Answers, keeps silent about it, and closes the connection.
    CloseAfterAnswer,
    /// Announces the whole body, sends half of it and closes the connection.
    Truncated,
    /// Sends a body without end.
    Endless,
    /// An error in the form of the service; nothing was done.
    Error {
        /// HTTP status.
        status: u16,
        /// Code.
        code: String,
        /// Text.
        message: String,
        /// Further headers, such as `Retry-After`.
        headers: Vec<(String, String)>,
    },
    /// Exactly this answer.
    Answer(RawAnswer),

    /// The real answer with another content type.
    ContentType(String),
    /// The real answer with a header more.
    Header(String, String),
    /// The real answer with a comment of that many bytes in it.
    Oversized(usize),
    /// A second result beside the real one, with these elements' texts replaced.
    SecondResult(Vec<(String, String)>),
    /// Text between declaration and root.
    Leading(String),
    /// Text after the root.
    Trailing(String),
    /// Every element of that name is left out.
    Missing(String),
    /// After every element of that name, another one with that text.
    Repeated(String, String),
    /// Every element of that name has that text.
    Replaced(String, String),
    /// Every element of that name is empty.
    Empty(String),
}

/// An answer that AWS never gave.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// Status.
    pub status: u16,
    /// Content type; `None` sends no such header.
    pub content_type: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Fault {
    /// An error in the form of the service.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error { status, code: code.to_owned(), message: message.to_owned(), headers: Vec::new() }
    }

    /// `Throttling` with status 400, as STS and IAM answer.
    pub fn throttling() -> Self {
        Self::throttled(400, None)
    }

    /// `RequestLimitExceeded` with status 503, as EC2 answers.
    pub fn request_limit_exceeded() -> Self {
        Self::error(503, "RequestLimitExceeded", "Request limit exceeded.")
    }

    /// `Throttling` with any status and a `Retry-After` of that many seconds.
    pub fn throttled(status: u16, retry_after: Option<u64>) -> Self {
        let headers = retry_after.map(|seconds| ("Retry-After".to_owned(), seconds.to_string()));
        Self::Error {
            status,
            code: "Throttling".to_owned(),
            message: "Rate exceeded".to_owned(),
            headers: headers.into_iter().collect(),
        }
    }

    /// A bare status with a page of a load balancer.
    pub fn status(status: u16) -> Self {
        Self::Answer(RawAnswer {
            status,
            content_type: Some("text/html".to_owned()),
            headers: Vec::new(),
            body: format!("<html><body><h1>{status}</h1></body></html>\n").into_bytes(),
        })
    }

    /// Status 302 to another address.
    pub fn redirect(location: &str) -> Self {
        Self::Answer(RawAnswer {
            status: 302,
            content_type: Some("text/html".to_owned()),
            headers: vec![("Location".to_owned(), location.to_owned())],
            body: Vec::new(),
        })
    }

    /// Status 200, `text/xml`, with that body.
    pub fn xml(body: &str) -> Self {
        Self::Answer(RawAnswer {
            status: 200,
            content_type: Some("text/xml".to_owned()),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        })
    }

    /// DescribeInstances speaks of another instance.
    pub fn wrong_instance(id: &str) -> Self {
        Self::Replaced("instanceId".to_owned(), id.to_owned())
    }

    pub(super) fn is_delay(&self) -> bool {
        matches!(self, Self::Latency(_) | Self::Hold(_))
    }

    pub(super) fn is_change(&self) -> bool {
        matches!(
            self,
            Self::ContentType(_)
                | Self::Header(..)
                | Self::Oversized(_)
                | Self::SecondResult(_)
                | Self::Leading(_)
                | Self::Trailing(_)
                | Self::Missing(_)
                | Self::Repeated(..)
                | Self::Replaced(..)
                | Self::Empty(_)
        )
    }
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// That many times.
    Count(usize),
    /// Until the faults are cleared.
    Always,
    /// Calls beyond a rate, until the faults are cleared.
    Beyond(Rate),
}

/// What AWS lets through before it throttles: a bucket of tokens, one for each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens of the full bucket, which it is at first.
    pub burst: u32,
    /// Tokens that come back in a second.
    pub per_second: u32,
}

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Option<Instant>,
}

impl Bucket {
    fn new(rate: Rate) -> Self {
        Self { rate, tokens: f64::from(rate.burst), filled: None }
    }

    /// Takes a token; false if there is none.
    fn take(&mut self, now: Instant) -> bool {
        let passed =
            self.filled.replace(now).map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
        let gained = passed.as_secs_f64() * f64::from(self.rate.per_second);
        self.tokens = (self.tokens + gained).min(f64::from(self.rate.burst));
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

impl From<usize> for Times {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

/// Which calls a fault strikes; every part that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct Target {
    action: Option<String>,
    service: Option<Service>,
    region: Option<String>,
    account: Option<String>,
    access_key_id: Option<String>,
}

impl Target {
    /// Every call.
    pub fn all() -> Self {
        Self::default()
    }

    /// Calls of a service.
    pub fn service(service: Service) -> Self {
        Self { service: Some(service), ..Self::default() }
    }

    /// Only those scoped to a region.
    #[must_use]
    pub fn region(self, region: &str) -> Self {
        Self { region: Some(region.to_owned()), ..self }
    }

    /// Only those made with keys of an account.
    #[must_use]
    pub fn account(self, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..self }
    }

    /// Only those made with that key.
    #[must_use]
    pub fn access_key_id(self, id: &str) -> Self {
        Self { access_key_id: Some(id.to_owned()), ..self }
    }

    /// Whether it can strike calls of an action.
    fn may_fit(&self, action: &str) -> bool {
        self.action.as_deref().is_none_or(|wanted| wanted == action)
    }

    fn fits(&self, call: &Call) -> bool {
        let fits = |wanted: &Option<String>, seen: &str| wanted.as_ref().is_none_or(|wanted| wanted == seen);
        fits(&self.action, &call.action)
            && self.service.is_none_or(|service| service.name() == call.service)
            && fits(&self.region, &call.region)
            && fits(&self.account, &call.account)
            && fits(&self.access_key_id, &call.access_key_id)
    }
}

impl From<&str> for Target {
    /// Calls of an action.
    fn from(action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..Self::default() }
    }
}

/// The faults that are set.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<SetFault>);

#[derive(Debug)]
struct SetFault {
    target: Target,
    times: Times,
    /// Of [`Times::Beyond`].
    bucket: Option<Bucket>,
    fault: Fault,
}

impl Faults {
    /// Adds one behind the others.
    pub(super) fn add(&mut self, target: Target, times: Times, fault: Fault) {
        let bucket = match times {
            Times::Beyond(rate) => Some(Bucket::new(rate)),
            _ => None,
        };
        self.0.push(SetFault { target, times, bucket, fault });
    }

    /// Removes all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a call of an action may be refused by a fault, and so must not have changed anything.
    pub(super) fn may_refuse(&self, action: &str) -> bool {
        self.0.iter().any(|set| matches!(set.fault, Fault::Error { .. }) && set.target.may_fit(action))
    }

    /// Uses up the faults that strike this call.
    pub(super) fn strike(&mut self, call: &Call) -> Vec<Fault> {
        let mut struck = Vec::new();
        for SetFault { target, times, bucket, fault } in &mut self.0 {
            if *times == Times::Count(0) || !target.fits(call) {
                continue;
            }
            if bucket.as_mut().is_some_and(|bucket| bucket.take(call.instant)) {
                continue;
            }
            if let Times::Count(left) = times {
                *left -= 1;
            }
            struck.push(fault.clone());
            if !fault.is_delay() && !fault.is_change() {
                break;
            }
        }
        self.0.retain(|set| set.times != Times::Count(0));
        struck
    }
}

/// Reshapes the tree of a real answer.
pub(super) fn reshape(root: &mut Element, fault: &Fault) {
    match fault {
        Fault::SecondResult(replacements) => root.each_list(&mut |elements| {
            let Some(index) = elements.iter().position(is_result) else {
                return;
            };
            let mut second = elements[index].clone();
            for (name, value) in replacements {
                second.set_text(name, value);
            }
            elements.insert(index + 1, second);
        }),
        Fault::Missing(name) => root.each_list(&mut |elements| elements.retain(|each| each.name != *name)),
        Fault::Repeated(name, value) => root.each_list(&mut |elements| {
            let mut repeated = Vec::new();
            for element in elements.drain(..) {
                let again = (element.name == *name).then(|| super::document::text(name, value));
                repeated.push(element);
                repeated.extend(again);
            }
            *elements = repeated;
        }),
        Fault::Replaced(name, value) => root.set_text(name, value),
        Fault::Empty(name) => root.each_list(&mut |elements| {
            for element in elements.iter_mut().filter(|element| element.name == *name) {
                element.content = Content::Elements(Vec::new());
            }
        }),
        _ => {}
    }
}

/// The result of STS and IAM, or a reservation of EC2.
fn is_result(element: &Element) -> bool {
    element.name.ends_with("Result")
        || (element.name == "item" && element.elements().iter().any(|inner| inner.name == "reservationId"))
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::error(refusal.status, &refusal.code, &refusal.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_again_up_to_its_brim() {
        let mut bucket = Bucket::new(Rate { burst: 3, per_second: 10 });
        let start = Instant::now();
        let mut taken = |after: u64| {
            let now = start + Duration::from_millis(after);
            std::iter::from_fn(|| bucket.take(now).then_some(())).count()
        };
        assert_eq!([0, 50, 100, 200, 10_000].map(&mut taken), [3, 0, 1, 1, 3]);
    }
}
