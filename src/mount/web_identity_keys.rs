//! The keys of the issuers of web identity tokens: fetched, and kept for each issuer by itself.
//!
//! AWS names its keys by short constants, so a key is never looked for among those of another issuer. A set counts
//! for an hour. When it cannot be fetched anew, it goes on counting until it is a day old, so that logins outlast a
//! failure of the issuer; after that nobody is admitted. A key that is not in the set is looked for anew at once,
//! because issuers change keys, but not more than twice a minute, because anybody may name one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use thiserror::Error;

use crate::concurrency::cache_status::{CacheStatus, HitCounter};
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::{IssuerOfAccount, JwtAlgorithm};
use crate::ports::{HttpRequest, TransportError, World};
use crate::proof::web_identity_token::key_set::{KeySet, KeySetError, MAX_DOCUMENT_BYTES};
use crate::refusal::{Code, Coded, Fact};

/// How long a set counts without being fetched anew.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long it counts if it cannot be.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long nobody looks again for a key that was not there, or at an issuer that did not answer.
const PAUSE: Duration = Duration::from_secs(30);
/// The same at an issuer of which there is no set that counts.
const SHORT_PAUSE: Duration = Duration::from_secs(5);
/// How long an issuer has for its answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Issuers whose keys are kept: as many as there are, but for those that were configured meanwhile.
const MAX_ISSUERS: usize = 4096;

/// Why there are no keys of an issuer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeysError {
    /// The configured URL is none.
    #[error("jwks_url is no URL")]
    Url,
    /// There was no answer.
    #[error(transparent)]
    Transport(TransportError),
    /// Not in time.
    #[error("no answer in {} s", ANSWER_TIME.as_secs())]
    Late,
    /// An answer without keys.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// What came is no set of keys.
    #[error(transparent)]
    Set(KeySetError),
}

/// Why no key is there to verify a token with. What went wrong is for operators alone: a stranger learns nothing
/// of the server's network.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoKey {
    /// The issuer has none of this id and algorithm.
    #[error("the issuer of the token has no key of its kid and algorithm")]
    Unknown,
    /// Its keys could not be fetched.
    #[error("the keys of the token's issuer could not be fetched")]
    NotFetched {
        /// Where they should be.
        url: String,
        /// Why not.
        #[source]
        cause: KeysError,
    },
}

impl Coded for NoKey {
    fn code(&self) -> Code {
        match self {
            Self::Unknown => Code::JwtKey,
            Self::NotFetched { .. } => Code::JwtKeysNotFetched,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Unknown => Vec::new(),
            Self::NotFetched { url, cause } => {
                vec![Fact { name: "jwks_url", seen: cause.to_string(), wanted: url.clone() }]
            }
        }
    }
}

/// Whose keys, and where they are: an entry that is written anew begins with none, also if it says the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    generation: u64,
    account: String,
    issuer: String,
    url: String,
}

/// What is known of one issuer.
#[derive(Clone, Default)]
struct Known {
    set: Option<(Arc<KeySet>, SystemTime)>,
    /// When a fetch failed last, and why, unless one has succeeded since.
    failure: Option<(SystemTime, KeysError)>,
    /// When the set was fetched for a key that it then had not.
    missed_at: Option<SystemTime>,
}

/// What is to be done for a key.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Use(Arc<KeySet>),
    Fetch,
    Refuse(Option<KeysError>),
}

fn is_within(since: SystemTime, now: SystemTime, time: Duration) -> bool {
    // A time of the future is of a clock that was set back.
    now.duration_since(since).is_ok_and(|age| age < time)
}

impl Known {
    /// The set, as long as it counts.
    fn set_at(&self, now: SystemTime) -> Option<(&Arc<KeySet>, SystemTime)> {
        let (set, since) = self.set.as_ref()?;
        is_within(*since, now, STALE).then_some((set, *since))
    }

    fn next(&self, id: &str, algorithm: JwtAlgorithm, now: SystemTime) -> Step {
        let failed = |pause| {
            self.failure.as_ref().filter(|(at, _)| is_within(*at, now, pause)).map(|(_, cause)| cause.clone())
        };
        let Some((set, since)) = self.set_at(now) else {
            return failed(SHORT_PAUSE).map_or(Step::Fetch, |cause| Step::Refuse(Some(cause)));
        };
        let is_there = set.find(id, algorithm).is_some();
        let rests = failed(PAUSE).is_some();
        match (is_there, is_within(since, now, FRESH)) {
            (true, true) => Step::Use(Arc::clone(set)),
            (true, false) if rests => Step::Use(Arc::clone(set)),
            (false, _) if rests => Step::Refuse(failed(PAUSE)),
            (false, true) if self.missed_at.is_some_and(|at| is_within(at, now, PAUSE)) => Step::Refuse(None),
            (true | false, _) => Step::Fetch,
        }
    }

    /// What is left of a set after a fetch that failed.
    fn after_failure(&self, id: &str, algorithm: JwtAlgorithm, now: SystemTime) -> Option<Arc<KeySet>> {
        let (set, _) = self.set_at(now)?;
        set.find(id, algorithm).map(|_| Arc::clone(set))
    }
}

/// The keys of a mount's issuers.
#[derive(Default)]
pub struct WebIdentityKeys {
    known: Mutex<HashMap<Source, Known>>,
    flights: SingleFlight<Source, Result<Arc<KeySet>, KeysError>>,
    asked: HitCounter,
    /// How often the entries of issuers have changed.
    generation: AtomicU64,
}

impl WebIdentityKeys {
    /// Forgets all keys: the entry of an issuer was written or deleted. What is being fetched counts no more.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known().clear();
    }

    /// How full and how useful the cache is.
    pub fn status(&self) -> CacheStatus {
        let entries = self.known().len();
        self.asked.status(entries, MAX_ISSUERS)
    }

    /// Keys of an issuer, among them one of this id and algorithm.
    ///
    /// # Errors
    /// There is no such key, or nobody can tell.
    pub async fn find(
        self: &Arc<Self>,
        world: &Arc<World>,
        of: &IssuerOfAccount,
        id: &str,
        algorithm: JwtAlgorithm,
    ) -> Result<Arc<KeySet>, NoKey> {
        let source = Source {
            generation: self.generation.load(Ordering::SeqCst),
            account: of.account.as_str().to_owned(),
            issuer: of.issuer.issuer.clone(),
            url: of.issuer.jwks_url(),
        };
        let not_fetched = |cause| NoKey::NotFetched { url: source.url.clone(), cause };
        let state = self.state(&source);
        let decided_on = state.set.as_ref().map(|(_, since)| *since);
        match state.next(id, algorithm, world.clock.now()) {
            Step::Use(set) => {
                self.asked.count(Some(()));
                return Ok(set);
            }
            Step::Refuse(None) => return Err(NoKey::Unknown),
            Step::Refuse(Some(cause)) => return Err(not_fetched(cause)),
            Step::Fetch => {}
        }
        self.asked.count(None::<()>);
        let (this, of_flight, with) = (Arc::clone(self), source.clone(), Arc::clone(world));
        let wanted = id.to_owned();
        // To its end, whoever goes away: what it finds out is what keeps the next one from asking again.
        let fetched = self.flights.run_to_end(source.clone(), async move {
            let fetched = this.fetch(&of_flight, &with, decided_on).await;
            if let Ok(set) = &fetched {
                this.note_missing(&of_flight, set, (&wanted, algorithm), &with);
            }
            fetched
        });
        match fetched.await {
            Ok(set) if set.find(id, algorithm).is_some() => Ok(set),
            Ok(set) => {
                // It may have been fetched for another key.
                self.note_missing(&source, &set, (id, algorithm), world);
                Err(NoKey::Unknown)
            }
            Err(cause) => {
                let left = self.state(&source).after_failure(id, algorithm, world.clock.now());
                left.ok_or_else(|| not_fetched(cause))
            }
        }
    }

    /// Fetches a set, unless there is another one than that on which this was decided, and keeps what came of it before anybody has
    /// it.
    async fn fetch(
        &self,
        source: &Source,
        world: &World,
        decided_on: Option<SystemTime>,
    ) -> Result<Arc<KeySet>, KeysError> {
        if let Some((set, since)) = self.state(source).set
            && Some(since) != decided_on
        {
            return Ok(set);
        }
        let fetched = ask(&source.url, world).await.map(Arc::new);
        if let Err(cause) = &fetched {
            let Source { account, url, .. } = source;
            tracing::warn!(account, url, %cause, "the keys of an issuer could not be fetched");
        }
        let now = world.clock.now();
        self.change(source, |known| match &fetched {
            Ok(set) => {
                known.set = Some((Arc::clone(set), now));
                known.failure = None;
            }
            Err(cause) => known.failure = Some((now, cause.clone())),
        });
        fetched
    }

    /// Notes that a key is not in the newest set, if it is not.
    fn note_missing(
        &self,
        source: &Source,
        set: &KeySet,
        (id, algorithm): (&str, JwtAlgorithm),
        world: &World,
    ) {
        if set.find(id, algorithm).is_none() {
            self.change(source, |known| known.missed_at = Some(world.clock.now()));
        }
    }

    fn state(&self, source: &Source) -> Known {
        self.known().get(source).cloned().unwrap_or_default()
    }

    fn change(&self, source: &Source, change: impl FnOnce(&mut Known)) {
        let mut all = self.known();
        if all.len() >= MAX_ISSUERS && !all.contains_key(source) {
            // Those of entries that were changed or deleted have no other end.
            all.clear();
        }
        change(all.entry(source.clone()).or_default());
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Source, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(url: &str, world: &World) -> Result<KeySet, KeysError> {
    let uri: Uri = url.parse().map_err(|_| KeysError::Url)?;
    let request = HttpRequest {
        method: Method::GET,
        uri,
        headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
        body: Bytes::new(),
        response_limit: MAX_DOCUMENT_BYTES,
        host_chosen_in: None,
    };
    let answer = tokio::time::timeout(ANSWER_TIME, world.transport.send(request)).await;
    let answer = answer.map_err(|_| KeysError::Late)?.map_err(KeysError::Transport)?;
    if answer.status != StatusCode::OK {
        return Err(KeysError::Status(answer.status.as_u16()));
    }
    KeySet::parse(&answer.body).map_err(KeysError::Set)
}

#[cfg(test)]
mod tests;
