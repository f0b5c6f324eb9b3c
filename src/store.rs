//! The mount's entries in the host's storage, with what is cached of them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::arn::AccountId;
use crate::aws::clients::ConfigSnapshot;
use crate::entry::{ClientConfig, DenyListEntry, Entry, EntryError, IdentityConfig, Role, StsConfig};
use crate::entry_cache::{EntryCache, ReadStart};
use crate::framework::Failure;
use crate::ports::{Storage, StorageError};
use crate::role_tag::RoleTag;

/// Roles kept per mount.
const MAX_ROLES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);
/// Accounts whose configuration, or lack of one, is kept per mount.
const MAX_ACCOUNTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);
const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// An entry as it was read, for a change that must not overwrite another one.
pub struct Loaded<T> {
    /// The stored bytes; `None` if nothing was stored.
    stored: Option<Vec<u8>>,
    /// The decoded entry.
    pub entry: Option<T>,
}

/// Somebody else changed the entry between reading and writing.
#[derive(Debug)]
pub struct Changed;

/// Entries of one mount.
pub struct Store {
    storage: Arc<dyn Storage>,
    client: EntryCache<Option<Arc<ClientConfig>>>,
    identity: EntryCache<IdentityConfig>,
    accounts: EntryCache<Option<StsConfig>>,
    roles: EntryCache<Role>,
    /// Rises with every change to what AWS clients are made from.
    generation: AtomicU64,
    /// Held while an entry is read, changed and written back.
    writing: Mutex<()>,
}

fn unreadable(key: &str, error: &EntryError) -> Failure {
    Failure::Internal(format!("error reading {key}: {error}"))
}

impl Store {
    /// The entries in a storage.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            client: EntryCache::new(ONE),
            identity: EntryCache::new(ONE),
            accounts: EntryCache::new(MAX_ACCOUNTS),
            roles: EntryCache::new(MAX_ROLES),
            generation: AtomicU64::new(0),
            writing: Mutex::new(()),
        }
    }

    /// The client configuration as one request uses it.
    ///
    /// # Errors
    /// The entry cannot be read. Unreadable is not absent.
    pub async fn config_snapshot(&self) -> Result<ConfigSnapshot, Failure> {
        // The generation is read first: an old one with a new configuration only costs a session.
        let generation = self.generation.load(Ordering::Acquire);
        let stored = match self.client.get(ClientConfig::KEY) {
            Some(cached) => cached,
            None => {
                let start = self.client.start_read();
                let config = self
                    .read::<ClientConfig>(ClientConfig::KEY)
                    .await
                    .map_err(|failure| prefixed("error getting configuration: ", failure))?;
                let stored = Arc::new(config.map(Arc::new));
                self.client.keep(start, ClientConfig::KEY, &stored);
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
    pub async fn identity_config(&self) -> Result<Arc<IdentityConfig>, Failure> {
        if let Some(cached) = self.identity.get(IdentityConfig::KEY) {
            return Ok(cached);
        }
        let start = self.identity.start_read();
        let config = Arc::new(self.read(IdentityConfig::KEY).await?.unwrap_or_default());
        self.identity.keep(start, IdentityConfig::KEY, &config);
        Ok(config)
    }

    /// How an account is reached; `None` where nothing is configured.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub async fn sts_config(&self, account: &AccountId) -> Result<Arc<Option<StsConfig>>, Failure> {
        let key = StsConfig::key(account);
        if let Some(cached) = self.accounts.get(&key) {
            return Ok(cached);
        }
        let start = self.accounts.start_read();
        let config = Arc::new(self.read(&key).await?);
        self.accounts.keep(start, &key, &config);
        Ok(config)
    }

    /// A cached role.
    #[must_use]
    pub fn cached_role(&self, key: &str) -> Option<Arc<Role>> {
        self.roles.get(key)
    }

    /// To be asked before [`Store::load`] of a role that is then kept.
    #[must_use]
    pub fn start_role_read(&self) -> ReadStart {
        self.roles.start_read()
    }

    /// Keeps a role that was read and brought to the current version.
    pub fn keep_role(&self, start: ReadStart, key: &str, role: &Arc<Role>) {
        self.roles.keep(start, key, role);
    }

    /// Reads an entry for a change.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub async fn load<T: Entry>(&self, key: &str) -> Result<Loaded<T>, Failure> {
        let stored = self.storage.get(key).await?;
        let entry = stored.as_deref().map(T::decode).transpose().map_err(|error| unreadable(key, &error))?;
        Ok(Loaded { stored, entry })
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
    ) -> Result<Result<(), Changed>, Failure> {
        let _writing = self.writing.lock().await;
        if self.storage.get(key).await? != loaded.stored {
            return Ok(Err(Changed));
        }
        self.put(key, entry).await.map(Ok)
    }

    /// Reads, changes and writes an entry as one step; nothing is written when the change returns
    /// `None`. The change must not wait for the network.
    ///
    /// # Errors
    /// The entry cannot be read or written, or the change is refused.
    pub async fn update<T: Entry, R>(
        &self,
        key: &str,
        change: impl AsyncFnOnce(Option<T>) -> Result<(Option<T>, R), Failure>,
    ) -> Result<R, Failure> {
        let _writing = self.writing.lock().await;
        let (entry, result) = change(self.read(key).await?).await?;
        if let Some(entry) = entry {
            self.put(key, &entry).await?;
        }
        Ok(result)
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// The entry cannot be deleted.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        let _writing = self.writing.lock().await;
        let result = self.storage.delete(key).await;
        self.invalidate(key);
        result
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
        let _writing = self.writing.lock().await;
        if self.storage.get(key).await?.as_deref() != Some(stored) {
            return Ok(Err(Changed));
        }
        let result = self.storage.delete(key).await;
        self.invalidate(key);
        result.map(Ok)
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

    /// Whether a role tag is on the deny list.
    ///
    /// # Errors
    /// The list cannot be read: then nobody knows, and the tag must not be accepted.
    pub async fn is_denied(&self, tag: &RoleTag) -> Result<bool, Failure> {
        Ok(self.read::<DenyListEntry>(&DenyListEntry::key(tag.text())).await?.is_some())
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
    pub async fn read<T: Entry>(&self, key: &str) -> Result<Option<T>, Failure> {
        Ok(self.load(key).await?.entry)
    }

    /// Forgets what is cached under a storage key.
    pub fn invalidate(&self, key: &str) {
        if key == ClientConfig::KEY {
            self.client.forget(key);
            self.generation.fetch_add(1, Ordering::AcqRel);
        } else if key == IdentityConfig::KEY {
            self.identity.forget(key);
        } else if key.starts_with(StsConfig::PREFIX) {
            self.accounts.forget(key);
            self.generation.fetch_add(1, Ordering::AcqRel);
        } else if key.starts_with(Role::PREFIX) {
            self.roles.forget(key);
        }
    }

    async fn put<T: Entry>(&self, key: &str, entry: &T) -> Result<(), Failure> {
        let bytes = entry.encode().map_err(|error| unreadable(key, &error))?;
        let result = self.storage.put(key, bytes).await;
        // Also after a failure: nobody knows what was written.
        self.invalidate(key);
        Ok(result?)
    }
}

fn prefixed(prefix: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Internal(text) => Failure::Internal(format!("{prefix}{text}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::ports::SystemRandom;
    use crate::role_tag::TagContent;

    /// A storage of one entry.
    struct OneEntry {
        key: String,
        value: Result<Vec<u8>, StorageError>,
    }

    #[async_trait]
    impl Storage for OneEntry {
        async fn list(&self, _: &str) -> Result<Vec<String>, StorageError> {
            Ok(Vec::new())
        }

        async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
            if key == self.key { self.value.clone().map(Some) } else { Ok(None) }
        }

        async fn put(&self, _: &str, _: Vec<u8>) -> Result<(), StorageError> {
            Ok(())
        }

        async fn delete(&self, _: &str) -> Result<(), StorageError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_tag_is_denied_by_its_own_entry_only_and_never_admitted_by_an_unreadable_one() {
        let role = Role { hmac_key: "key".to_owned(), ..Role::default() };
        let issue = || {
            let content = TagContent { role: "dev".to_owned(), ..TagContent::default() };
            RoleTag::issue(content, &role, &SystemRandom::default()).unwrap()
        };
        let (denied, other) = (issue(), issue());
        let with = |value| {
            Store::new(
                Arc::new(OneEntry { key: DenyListEntry::key(denied.text()), value }) as Arc<dyn Storage>
            )
        };
        let store = with(Ok(b"{}".to_vec()));
        assert_eq!(store.is_denied(&denied).await, Ok(true));
        assert_eq!(store.is_denied(&other).await, Ok(false));
        for unreadable in [Ok(Vec::new()), Ok(b"{".to_vec()), Err(StorageError::new("gone"))] {
            assert!(with(unreadable).is_denied(&denied).await.is_err());
        }
    }
}
