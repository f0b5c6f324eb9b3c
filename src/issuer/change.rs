//! Changes of the issuer: each reads the one entry, makes a new one of it, and writes that if nobody else was faster.

use std::time::SystemTime;

use super::IssuerError;
use super::schedule::{self, OVERLAP};
use super::signing_key::generate;
use super::url::IssuerUrl;
use crate::entry::{Issuer, IssuerKey, StoredTime, TokenAlgorithm};
use crate::ports::{World, random_id, unix_seconds};
use crate::store::Store;
use crate::store::change::Change;

const DAY: i64 = 24 * 3600;
/// Least and most seconds of a rotation period. A key is published a day before it signs, so it signs for two.
const PERIODS: (i64, i64) = (2 * DAY, 3650 * DAY);
/// How long a key signs where nobody says otherwise, in seconds.
const DEFAULT_PERIOD: i64 = 90 * DAY;
/// Least and most seconds of a token's life. STS takes no session longer than twelve hours.
const TOKEN_TTLS: (i64, i64) = (60, 12 * 3600);
/// The longest life of a token where nobody says otherwise, in seconds.
const DEFAULT_TOKEN_TTL: i64 = 3600;

/// Somebody else was faster each time.
const CONTENDED: &str = "the issuer is being changed by other requests at the same time; try again";

/// What is to be configured; what is not given stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The URL.
    pub issuer: Option<String>,
    /// How the next key signs.
    pub algorithm: Option<String>,
    /// How long a key signs, in seconds.
    pub rotation_period: Option<i64>,
    /// The longest life of a token, in seconds.
    pub token_ttl: Option<i64>,
}

/// A time of an entry, to be shown.
#[must_use]
pub fn shown(seconds: i64) -> StoredTime {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    SystemTime::UNIX_EPOCH.checked_add(since).map_or(StoredTime::UNSET, StoredTime::from)
}

/// Configures the issuer of a mount. The first time a key is made, which signs at once; another algorithm begins a
/// rotation.
///
/// # Errors
/// What is wanted is not taken, or cannot be stored.
pub async fn configure(
    store: &Store,
    world: &World,
    mount: &str,
    wanted: &Wanted,
) -> Result<(), IssuerError> {
    let mut change = Change::begin(store, Issuer::KEY, CONTENDED);
    let mut new_key: Option<IssuerKey> = None;
    loop {
        let loaded = change.load::<Issuer>().await?;
        let now = unix_seconds(world.clock.now());
        let mut issuer = match &loaded.entry {
            Some(issuer) => issuer.clone(),
            None => first(world, mount)?,
        };
        set(&mut issuer, wanted)?;
        let signer = schedule::signer(&issuer.keys, now).map(|key| key.algorithm);
        let coming = schedule::next(&issuer.keys, now).map(|key| key.algorithm);
        if coming.or(signer) != Some(issuer.algorithm) {
            // What was never signed with is nobody's loss.
            let unused = schedule::next(&issuer.keys, now).map(|key| key.id.clone());
            issuer.keys.retain(|key| Some(&key.id) != unused.as_ref());
            if signer != Some(issuer.algorithm) {
                let key = match new_key.take() {
                    Some(key) if key.algorithm == issuer.algorithm => key,
                    _ => made(issuer.algorithm).await?,
                };
                new_key = Some(key.clone());
                let signs_from = if signer.is_some() { now.saturating_add(OVERLAP) } else { now };
                add(&mut issuer, key, now, signs_from);
            }
        }
        if loaded.entry.as_ref() == Some(&issuer) || change.write(&loaded, &issuer).await? {
            return Ok(());
        }
    }
}

/// The issuer of a mount that has none.
fn first(world: &World, mount: &str) -> Result<Issuer, IssuerError> {
    let id = random_id(world.random.as_ref()).map_err(|_| IssuerError::NoRandomness)?;
    Ok(Issuer {
        subject: format!("auth-mount:{id}:{mount}"),
        rotation_period: DEFAULT_PERIOD,
        token_ttl: DEFAULT_TOKEN_TTL,
        ..Issuer::default()
    })
}

fn set(issuer: &mut Issuer, wanted: &Wanted) -> Result<(), IssuerError> {
    if let Some(url) = &wanted.issuer {
        url.clone_into(&mut issuer.issuer);
    }
    if issuer.issuer.is_empty() {
        return Err(IssuerError::NoUrl);
    }
    IssuerUrl::parse(&issuer.issuer)?;
    if let Some(name) = &wanted.algorithm {
        issuer.algorithm = TokenAlgorithm::named(name).ok_or(IssuerError::Algorithm)?;
    }
    if let Some(period) = wanted.rotation_period {
        issuer.rotation_period = within("rotation_period", period, PERIODS)?;
    }
    if let Some(ttl) = wanted.token_ttl {
        issuer.token_ttl = within("token_ttl", ttl, TOKEN_TTLS)?;
        for key in &mut issuer.keys {
            key.longest_token = key.longest_token.max(ttl);
        }
    }
    Ok(())
}

fn within(name: &'static str, seconds: i64, (least, most): (i64, i64)) -> Result<i64, IssuerError> {
    if (least..=most).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(IssuerError::OutOfRange { name, least, most })
    }
}

/// Makes a key pair off the threads that answer.
async fn made(algorithm: TokenAlgorithm) -> Result<IssuerKey, IssuerError> {
    let made = tokio::task::spawn_blocking(move || generate(algorithm)).await;
    made.unwrap_or(Err(IssuerError::KeyNotMade))
}

fn add(issuer: &mut Issuer, key: IssuerKey, now: i64, signs_from: i64) {
    issuer.keys.push(IssuerKey { created: now, signs_from, longest_token: issuer.token_ttl, ..key });
}

/// Begins a rotation: the next key is published, and signs in a day. An immediate one drops all other keys, and the
/// new one signs at once: what was signed before is no longer trusted, and AWS may refuse the new tokens until it has
/// fetched the keys anew. Gives the id of the new key and when it signs.
///
/// # Errors
/// There is no issuer, a rotation is under way, or it cannot be stored.
pub async fn rotate(store: &Store, world: &World, immediate: bool) -> Result<(String, i64), IssuerError> {
    let mut change = Change::begin(store, Issuer::KEY, CONTENDED);
    let mut new_key: Option<IssuerKey> = None;
    loop {
        let loaded = change.load::<Issuer>().await?;
        let mut issuer = loaded.entry.clone().ok_or(IssuerError::Absent)?;
        let now = unix_seconds(world.clock.now());
        if immediate {
            issuer.keys.clear();
        } else if let Some(next) = schedule::next(&issuer.keys, now) {
            return Err(IssuerError::Rotating(shown(next.signs_from)));
        }
        let key = match new_key.take() {
            Some(key) if key.algorithm == issuer.algorithm => key,
            _ => made(issuer.algorithm).await?,
        };
        new_key = Some(key.clone());
        let id = key.id.clone();
        let signs_from = if issuer.keys.is_empty() { now } else { now.saturating_add(OVERLAP) };
        add(&mut issuer, key, now, signs_from);
        if change.write(&loaded, &issuer).await? {
            return Ok((id, signs_from));
        }
    }
}

/// What [`tend`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tended {
    /// The id of the key that was made.
    pub made: Option<String>,
    /// The ids of the keys that were removed.
    pub removed: Vec<String>,
}

/// Whether [`tend`] has anything to do. Asks storage only where nothing is cached.
///
/// # Errors
/// The entry cannot be read.
pub async fn is_due(store: &Store, world: &World) -> Result<bool, IssuerError> {
    let issuer = store.issuer().await?;
    let now = unix_seconds(world.clock.now());
    Ok(issuer.as_ref().as_ref().is_some_and(|issuer| schedule::plan(issuer, now).is_due()))
}

/// Does what the schedule says: makes the next key, removes what nobody needs. For the node that may write.
///
/// # Errors
/// The entry cannot be read or written, or no key be made.
pub async fn tend(store: &Store, world: &World) -> Result<Tended, IssuerError> {
    let mut change = Change::begin(store, Issuer::KEY, CONTENDED);
    let mut new_key: Option<IssuerKey> = None;
    loop {
        let loaded = change.load::<Issuer>().await?;
        let Some(mut issuer) = loaded.entry.clone() else { return Ok(Tended::default()) };
        let now = unix_seconds(world.clock.now());
        let plan = schedule::plan(&issuer, now);
        if !plan.is_due() {
            return Ok(Tended::default());
        }
        let mut tended = Tended { removed: plan.outdated, made: None };
        issuer.keys.retain(|key| !tended.removed.contains(&key.id));
        if plan.begins {
            let key = match new_key.take() {
                Some(key) if key.algorithm == issuer.algorithm => key,
                _ => made(issuer.algorithm).await?,
            };
            new_key = Some(key.clone());
            tended.made = Some(key.id.clone());
            add(&mut issuer, key, now, now.saturating_add(OVERLAP));
        }
        if change.write(&loaded, &issuer).await? {
            return Ok(tended);
        }
    }
}

/// Deletes the issuer with its keys.
///
/// # Errors
/// The entry cannot be deleted.
pub async fn delete(store: &Store) -> Result<(), IssuerError> {
    Ok(store.delete(Issuer::KEY).await.map_err(crate::store::StoreError::from)?)
}
