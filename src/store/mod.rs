//! The mount's entries in the host's storage, with what is cached of them.
//!
//! Logins read far more often than anybody writes, so entries that every login needs are kept decoded.
//! The room promises four things:
//!
//! * A kept entry is never older than the last change. Every change forgets what is kept of the entry,
//!   also when it failed, because then nobody knows what was written; and what somebody began to read
//!   before a change is not kept after it ([`BoundedCache`]). A change carries itself through: a request
//!   that is given up leaves no entry that storage has and the cache denies.
//! * No change is lost under another. An entry is written as one step with the reading it was made from:
//!   under a lock ([`Store::update`]), or, where making it may wait for the network, only if its bytes
//!   are still those that were read ([`change::Change`]). Where many come for one entry they take
//!   [turns](Store::turn).
//! * Unreadable is not absent. An entry that cannot be read is an error and never its default: a
//!   configuration that demands a header must not turn into one that demands none.
//! * One request sees one configuration ([`ConfigSnapshot`]), whose generation rises with every change to
//!   how AWS is reached; what is made from it carries that number and is not used under another.
//!
//! The store knows entries, not what they mean: nothing here decides about callers.

pub mod change;
mod error;
mod snapshot;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};

pub use error::StoreError;
pub use snapshot::ConfigSnapshot;

use crate::aws::arn::AccountId;
use crate::concurrency::bounded_cache::{BoundedCache, ReadStart};
use crate::concurrency::cache_status::CacheStatus;
use crate::concurrency::turns::{Turn, Turns};
use crate::entry::{
    ClientConfig, Entry, EntryError, IdentityConfig, Issuer, IssuerOfAccount, JwtIssuer, Role,
    StoredCertificate, StsConfig,
};
use crate::ports::{Storage, StorageError};

/// Roles kept per mount.
const MAX_ROLES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);
/// Accounts whose configuration, or lack of one, is kept per mount.
const MAX_ACCOUNTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);
/// Counters of changes: so many that two entries that change at the same time seldom share one. A power of two.
const CHANGE_COUNTERS: usize = 16;
const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// An entry as it was read, for a change that must not overwrite another one.
pub struct Loaded<T> {
    /// The stored bytes; `None` if nothing was stored.
    stored: Option<Vec<u8>>,
    /// How many changes this process knew of when the reading began.
    changes: u64,
    /// The decoded entry.
    pub entry: Option<T>,
}

/// Somebody else changed the entry between reading and writing.
#[derive(Debug)]
pub struct Changed;

/// Entries of one mount.
pub struct Store {
    storage: Arc<dyn Storage>,
    caches: Arc<Caches>,
    /// Held while an entry is read, changed and written back.
    writing: Arc<Mutex<()>>,
    turns: Turns,
}

/// Decoded entries by storage key.
type EntryCache<T> = BoundedCache<String, Arc<T>>;

/// What is cached of the entries.
struct Caches {
    client: EntryCache<Option<Arc<ClientConfig>>>,
    identity: EntryCache<IdentityConfig>,
    accounts: EntryCache<Option<StsConfig>>,
    issuer: EntryCache<Option<Issuer>>,
    roles: EntryCache<Role>,
    /// All of them under their prefix.
    certificates: EntryCache<Vec<StoredCertificate>>,
    /// All of them under their prefix.
    jwt_issuers: EntryCache<Vec<IssuerOfAccount>>,
    /// Rises with every change to what AWS clients are made from.
    generation: AtomicU64,
    /// Rise with every change to an entry whose key falls to them.
    changes: [AtomicU64; CHANGE_COUNTERS],
}

impl Caches {
    fn new() -> Self {
        Self {
            client: EntryCache::new(ONE),
            identity: EntryCache::new(ONE),
            accounts: EntryCache::new(MAX_ACCOUNTS),
            issuer: EntryCache::new(ONE),
            roles: EntryCache::new(MAX_ROLES),
            certificates: EntryCache::new(ONE),
            jwt_issuers: EntryCache::new(ONE),
            generation: AtomicU64::new(0),
            changes: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// The counter of the changes to an entry, and to some others.
    fn changes(&self, key: &str) -> Option<&AtomicU64> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        // Any part of the hash will do.
        let [part, ..] = hasher.finish().to_le_bytes();
        self.changes.get(usize::from(part) & (CHANGE_COUNTERS - 1))
    }

    fn forget(&self, key: &str) {
        if let Some(changes) = self.changes(key) {
            changes.fetch_add(1, Ordering::AcqRel);
        }
        if key == ClientConfig::KEY {
            self.client.forget(key);
            self.generation.fetch_add(1, Ordering::AcqRel);
        } else if key == IdentityConfig::KEY {
            self.identity.forget(key);
        } else if key == Issuer::KEY {
            self.issuer.forget(key);
        } else if key.starts_with(StsConfig::PREFIX) {
            self.accounts.forget(key);
            self.generation.fetch_add(1, Ordering::AcqRel);
        } else if key.starts_with(Role::PREFIX) {
            self.roles.forget(key);
        } else if key.starts_with(StoredCertificate::PREFIX) {
            self.certificates.forget(StoredCertificate::PREFIX);
        } else if key.starts_with(JwtIssuer::PREFIX) {
            self.jwt_issuers.forget(JwtIssuer::PREFIX);
        }
    }
}

fn entry_error(key: &str, cause: EntryError) -> StoreError {
    StoreError::Entry { key: key.to_owned(), cause }
}

impl Store {
    /// The entries in a storage.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, caches: Arc::new(Caches::new()), writing: Arc::default(), turns: Turns::default() }
    }

    /// The caches, by the paths that write what they hold.
    #[must_use]
    pub fn cache_status(&self) -> [(&'static str, CacheStatus); 4] {
        [
            ("config_client", self.caches.client.status()),
            ("config_identity", self.caches.identity.status()),
            ("config_sts", self.caches.accounts.status()),
            ("role", self.caches.roles.status()),
        ]
    }

    /// The client configuration as one request uses it.
    ///
    /// # Errors
    /// The entry cannot be read. Unreadable is not absent.
    pub async fn config_snapshot(&self) -> Result<ConfigSnapshot, StoreError> {
        // The generation is read first: an old one with a new configuration only costs a session.
        let generation = self.caches.generation.load(Ordering::Acquire);
        let stored = match self.caches.client.get(ClientConfig::KEY) {
            Some(cached) => cached,
            None => {
                let start = self.caches.client.start_read();
                let config = self.read::<ClientConfig>(ClientConfig::KEY).await;
                let config = config.map_err(StoreError::of_configuration)?;
                let stored = Arc::new(config.map(Arc::new));
                self.caches.client.keep(start, ClientConfig::KEY.to_owned(), Arc::clone(&stored));
                stored
            }
        };
        Ok(match stored.as_ref() {
            Some(config) => ConfigSnapshot { config: Arc::clone(config), is_stored: true, generation },
            None => ConfigSnapshot { config: Arc::new(ClientConfig::absent()), is_stored: false, generation },
        })
    }

    /// The identity configuration; the default where none is stored.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub async fn identity_config(&self) -> Result<Arc<IdentityConfig>, StoreError> {
        if let Some(cached) = self.caches.identity.get(IdentityConfig::KEY) {
            return Ok(cached);
        }
        let start = self.caches.identity.start_read();
        let config = Arc::new(self.read(IdentityConfig::KEY).await?.unwrap_or_default());
        self.caches.identity.keep(start, IdentityConfig::KEY.to_owned(), Arc::clone(&config));
        Ok(config)
    }

    /// How an account is reached; `None` where nothing is configured.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub async fn sts_config(&self, account: &AccountId) -> Result<Arc<Option<StsConfig>>, StoreError> {
        let key = StsConfig::key(account);
        if let Some(cached) = self.caches.accounts.get(&key) {
            return Ok(cached);
        }
        let start = self.caches.accounts.start_read();
        let config = Arc::new(self.read(&key).await?);
        self.caches.accounts.keep(start, key, Arc::clone(&config));
        Ok(config)
    }

    /// The mount as an issuer of its own; `None` where it is none.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub async fn issuer(&self) -> Result<Arc<Option<Issuer>>, StoreError> {
        if let Some(cached) = self.caches.issuer.get(Issuer::KEY) {
            return Ok(cached);
        }
        let start = self.caches.issuer.start_read();
        let issuer = Arc::new(self.read(Issuer::KEY).await?);
        self.caches.issuer.keep(start, Issuer::KEY.to_owned(), Arc::clone(&issuer));
        Ok(issuer)
    }

    /// The issuers of all accounts whose tokens are taken.
    ///
    /// # Errors
    /// One of the entries cannot be read.
    pub async fn jwt_issuers(&self) -> Result<Arc<Vec<IssuerOfAccount>>, StoreError> {
        if let Some(cached) = self.caches.jwt_issuers.get(JwtIssuer::PREFIX) {
            return Ok(cached);
        }
        let start = self.caches.jwt_issuers.start_read();
        let mut issuers = Vec::new();
        for name in self.list(JwtIssuer::PREFIX).await? {
            let account = AccountId::new(name);
            if let Some(issuer) = self.read(&JwtIssuer::key(&account)).await? {
                issuers.push(IssuerOfAccount { account, issuer });
            }
        }
        let issuers = Arc::new(issuers);
        self.caches.jwt_issuers.keep(start, JwtIssuer::PREFIX.to_owned(), Arc::clone(&issuers));
        Ok(issuers)
    }

    /// A cached role.
    #[must_use]
    pub fn cached_role(&self, key: &str) -> Option<Arc<Role>> {
        self.caches.roles.get(key)
    }

    /// To be asked before [`Store::load`] of a role that is then kept.
    #[must_use]
    pub fn start_role_read(&self) -> ReadStart {
        self.caches.roles.start_read()
    }

    /// Keeps a role that was read and brought to the current version.
    pub fn keep_role(&self, start: ReadStart, key: &str, role: &Arc<Role>) {
        self.caches.roles.keep(start, key.to_owned(), Arc::clone(role));
    }

    /// All certificates of operators, if they are cached.
    #[must_use]
    pub fn cached_certificates(&self) -> Option<Arc<Vec<StoredCertificate>>> {
        self.caches.certificates.get(StoredCertificate::PREFIX)
    }

    /// To be asked before the certificates are listed and read that are then kept.
    #[must_use]
    pub fn start_certificates_read(&self) -> ReadStart {
        self.caches.certificates.start_read()
    }

    /// Keeps all certificates of operators, each of which was read.
    pub fn keep_certificates(&self, start: ReadStart, certificates: &Arc<Vec<StoredCertificate>>) {
        self.caches.certificates.keep(start, StoredCertificate::PREFIX.to_owned(), Arc::clone(certificates));
    }

    /// The turn of a request that will [change](change::Change) an entry for
    /// which many may come at the same time: without turns, most of them would find it changed.
    pub async fn turn(&self, key: &str) -> Turn {
        self.turns.take(key).await
    }

    /// Reads an entry for a change.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub async fn load<T: Entry>(&self, key: &str) -> Result<Loaded<T>, StoreError> {
        let changes = self.known_changes(key);
        let stored = self.storage.get(key).await?;
        let entry = stored.as_deref().map(T::decode).transpose().map_err(|cause| entry_error(key, cause))?;
        Ok(Loaded { stored, changes, entry })
    }

    /// Changes to an entry, and to some others, that this process knows of.
    fn known_changes(&self, key: &str) -> u64 {
        self.caches.changes(key).map_or(0, |changes| changes.load(Ordering::Acquire))
    }

    /// Writes an entry that was loaded before, unless it changed since.
    ///
    /// # Errors
    /// The entry cannot be written.
    pub async fn replace<T: Entry>(
        &self,
        key: &str,
        loaded: &Loaded<T>,
        entry: &T,
    ) -> Result<Result<(), Changed>, StoreError> {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        if self.storage.get(key).await? != loaded.stored {
            return Ok(Err(Changed));
        }
        self.put(writing, key, entry).await.map(Ok)
    }

    /// As [`replace`](Self::replace), for an entry that many requests write anew one after the other. It is compared
    /// with what is stored only if this process knows of a change since it was loaded, or if nothing was stored:
    /// of two that make an entry, also in two processes, the second one has to see the first.
    ///
    /// # Errors
    /// The entry cannot be written.
    pub async fn renew<T: Entry>(
        &self,
        key: &str,
        loaded: &Loaded<T>,
        entry: &T,
    ) -> Result<Result<(), Changed>, StoreError> {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        let is_known = loaded.stored.is_some() && loaded.changes == self.known_changes(key);
        if !is_known && self.storage.get(key).await? != loaded.stored {
            return Ok(Err(Changed));
        }
        self.put(writing, key, entry).await.map(Ok)
    }

    /// Reads, changes and writes an entry as one step; nothing is written when the change returns
    /// `None`. The change must not wait for the network.
    ///
    /// # Errors
    /// The entry cannot be read or written, or the change is refused.
    pub async fn update<T: Entry, R, E: From<StoreError>>(
        &self,
        key: &str,
        change: impl AsyncFnOnce(Option<T>) -> Result<(Option<T>, R), E>,
    ) -> Result<R, E> {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        let (entry, result) = change(self.read(key).await?).await?;
        if let Some(entry) = entry {
            self.put(writing, key, &entry).await?;
        }
        Ok(result)
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// The entry cannot be deleted.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        let (storage, deleted) = (Arc::clone(&self.storage), key.to_owned());
        self.complete(writing, key, async move { storage.delete(&deleted).await }).await
    }

    /// Deletes an entry whose stored bytes are known, unless it changed since.
    ///
    /// # Errors
    /// The entry cannot be read or deleted.
    pub async fn delete_unchanged(
        &self,
        key: &str,
        stored: &[u8],
    ) -> Result<Result<(), Changed>, StorageError> {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        if self.storage.get(key).await?.as_deref() != Some(stored) {
            return Ok(Err(Changed));
        }
        let (storage, deleted) = (Arc::clone(&self.storage), key.to_owned());
        self.complete(writing, key, async move { storage.delete(&deleted).await }).await.map(Ok)
    }

    /// Names below a prefix.
    ///
    /// # Errors
    /// The host's text.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        self.storage.list(prefix).await
    }

    /// Names below a prefix whose own names may hold slashes.
    ///
    /// # Errors
    /// The host's text.
    pub async fn list_nested(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let mut names = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for child in self.storage.list(&format!("{prefix}{folder}")).await? {
                let name = format!("{folder}{child}");
                if name.ends_with('/') { folders.push(name) } else { names.push(name) }
            }
        }
        Ok(names)
    }

    /// The bytes of an entry, past the caches.
    ///
    /// # Errors
    /// The host's text.
    pub async fn stored(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        self.storage.get(key).await
    }

    /// Reads an entry past the caches.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub async fn read<T: Entry>(&self, key: &str) -> Result<Option<T>, StoreError> {
        Ok(self.load(key).await?.entry)
    }

    /// Forgets what is cached under a storage key.
    pub fn invalidate(&self, key: &str) {
        self.caches.forget(key);
    }

    async fn put<T: Entry>(
        &self,
        writing: OwnedMutexGuard<()>,
        key: &str,
        entry: &T,
    ) -> Result<(), StoreError> {
        let bytes = entry.encode().map_err(|cause| entry_error(key, cause))?;
        let (storage, written) = (Arc::clone(&self.storage), key.to_owned());
        Ok(self.complete(writing, key, async move { storage.put(&written, bytes).await }).await?)
    }

    /// Changes storage and then forgets what is cached of it. A request that is given up ends where it
    /// waits, while the host may still carry out the change: then nobody would ever forget the entry
    /// that was replaced. So this runs to its end by itself.
    async fn complete(
        &self,
        writing: OwnedMutexGuard<()>,
        key: &str,
        change: impl Future<Output = Result<(), StorageError>> + Send + 'static,
    ) -> Result<(), StorageError> {
        let (caches, changed) = (Arc::clone(&self.caches), key.to_owned());
        let work = tokio::spawn(async move {
            let result = change.await;
            // Also after a failure: nobody knows what was written.
            caches.forget(&changed);
            drop(writing);
            result
        });
        work.await.unwrap_or_else(|error| {
            self.invalidate(key);
            Err(StorageError::new(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests;
