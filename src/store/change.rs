//! A change of an entry that others may change at the same time.

use super::{Loaded, Store, StoreError};
use crate::entry::Entry;

/// How often a change is tried while somebody else is faster each time.
const MAX_TRIES: u32 = 5;

/// A change of one entry: [read](Self::load), then [write](Self::write) what was made of it unless
/// somebody else changed it meanwhile, and then all of it anew, a bounded number of times. Nothing is
/// held between, so making the new entry may wait for the network.
pub struct Change<'a> {
    store: &'a Store,
    key: &'a str,
    /// What is said when somebody else was faster each time.
    contended: &'static str,
    tries_left: u32,
}

impl<'a> Change<'a> {
    /// Begins the change of an entry. The text is for when somebody else was faster each time.
    #[must_use]
    pub fn begin(store: &'a Store, key: &'a str, contended: &'static str) -> Self {
        Self { store, key, contended, tries_left: MAX_TRIES }
    }

    /// Reads the entry for the next try.
    ///
    /// # Errors
    /// The entry cannot be read, or it was tried often enough.
    pub async fn load<T: Entry>(&mut self) -> Result<Loaded<T>, StoreError> {
        self.tries_left = self.tries_left.checked_sub(1).ok_or(StoreError::Contended(self.contended))?;
        self.store.load(self.key).await
    }

    /// Writes what was made of the entry; `false` if somebody else changed it meanwhile, so that it has
    /// to be made anew.
    ///
    /// # Errors
    /// The entry cannot be written.
    pub async fn write<T: Entry>(&self, loaded: &Loaded<T>, entry: &T) -> Result<bool, StoreError> {
        Ok(self.store.replace(self.key, loaded, entry).await?.is_ok())
    }

    /// As [`write`](Self::write), but by [`Store::renew`]: what is stored is read again only where this process
    /// cannot know it.
    ///
    /// # Errors
    /// The entry cannot be written.
    pub async fn renew<T: Entry>(&self, loaded: &Loaded<T>, entry: &T) -> Result<bool, StoreError> {
        Ok(self.store.renew(self.key, loaded, entry).await?.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;

    use super::*;
    use crate::entry::StsConfig;
    use crate::ports::{Storage, StorageError};

    /// One entry, whatever the key.
    #[derive(Default)]
    struct OneEntry(Mutex<Option<Vec<u8>>>);

    impl OneEntry {
        fn set(&self, role: &str) {
            *self.0.lock().unwrap() = Some(named(role).encode().unwrap());
        }
    }

    #[async_trait]
    impl Storage for OneEntry {
        async fn list(&self, _: &str) -> Result<Vec<String>, StorageError> {
            Ok(Vec::new())
        }

        async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, StorageError> {
            Ok(self.0.lock().unwrap().clone())
        }

        async fn put(&self, _: &str, value: Vec<u8>) -> Result<(), StorageError> {
            *self.0.lock().unwrap() = Some(value);
            Ok(())
        }

        async fn delete(&self, _: &str) -> Result<(), StorageError> {
            Ok(())
        }
    }

    fn named(role: &str) -> StsConfig {
        StsConfig { sts_role: role.to_owned(), ..StsConfig::default() }
    }

    fn store() -> (Arc<OneEntry>, Store) {
        let storage = Arc::<OneEntry>::default();
        (Arc::clone(&storage), Store::new(storage))
    }

    const KEY: &str = "config/sts/1";

    #[tokio::test]
    async fn a_change_is_made_anew_of_what_somebody_else_wrote() {
        let (storage, store) = store();
        let mut change = Change::begin(&store, KEY, "contended");
        let loaded = change.load::<StsConfig>().await.unwrap();
        assert_eq!(loaded.entry, None);
        storage.set("theirs");
        assert_eq!(change.write(&loaded, &named("ours")).await, Ok(false));
        assert_eq!(store.read::<StsConfig>(KEY).await, Ok(Some(named("theirs"))));
        let loaded = change.load::<StsConfig>().await.unwrap();
        assert_eq!(loaded.entry, Some(named("theirs")));
        assert_eq!(change.write(&loaded, &named("ours")).await, Ok(true));
        assert_eq!(store.read::<StsConfig>(KEY).await, Ok(Some(named("ours"))));
    }

    /// Storage that is changed past the store is not looked at again, but what the store did or was told of is.
    #[tokio::test]
    async fn an_entry_is_renewed_unless_a_change_is_known() {
        let (storage, store) = store();
        let mut change = Change::begin(&store, KEY, "contended");
        // Nothing was stored: somebody else may have been first.
        let loaded = change.load::<StsConfig>().await.unwrap();
        storage.set("theirs");
        assert_eq!(change.renew(&loaded, &named("ours")).await, Ok(false));
        let loaded = change.load::<StsConfig>().await.unwrap();
        assert_eq!(change.renew(&loaded, &named("ours")).await, Ok(true));
        // It was changed by ourselves meanwhile.
        assert_eq!(change.renew(&loaded, &named("again")).await, Ok(false));
        let loaded = change.load::<StsConfig>().await.unwrap();
        storage.set("told");
        store.invalidate(KEY);
        assert_eq!(change.renew(&loaded, &named("again")).await, Ok(false));
        let loaded = change.load::<StsConfig>().await.unwrap();
        store.invalidate("config/sts/2");
        assert_eq!(change.renew(&loaded, &named("again")).await, Ok(true));
        assert_eq!(store.read::<StsConfig>(KEY).await, Ok(Some(named("again"))));
    }

    #[tokio::test]
    async fn who_is_always_late_gives_up_with_its_own_words() {
        let (storage, store) = store();
        let mut change = Change::begin(&store, KEY, "contended");
        for attempt in 0..MAX_TRIES {
            let loaded = change.load::<StsConfig>().await.unwrap();
            storage.set(&attempt.to_string());
            assert_eq!(change.write(&loaded, &named("ours")).await, Ok(false));
        }
        let given_up = change.load::<StsConfig>().await.map(|loaded| loaded.entry);
        assert_eq!(given_up, Err(StoreError::Contended("contended")));
    }
}
