use std::collections::BTreeMap;
use std::sync::{Mutex as SyncMutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;
use crate::entry::DenyListEntry;
use crate::mount::role_tags::is_denied;
use crate::ports::SystemRandom;
use crate::proof::role_tag::RoleTag;
use crate::proof::role_tag::TagContent;

/// Carries out changes when told to, whether or not somebody still waits for them.
#[derive(Default)]
struct SlowStorage {
    entries: SyncMutex<BTreeMap<String, Vec<u8>>>,
    asked: Notify,
    go: Notify,
}

impl SlowStorage {
    fn entries(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for SlowStorage {
    async fn list(&self, _: &str) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.entries().get(key).cloned())
    }

    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError> {
        self.asked.notify_one();
        self.go.notified().await;
        self.entries().insert(key.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StorageError> {
        self.asked.notify_one();
        self.go.notified().await;
        self.entries().remove(key);
        Ok(())
    }
}

const KEY: &str = "role/dev";

#[tokio::test]
async fn a_change_whose_request_was_given_up_is_not_hidden_by_the_cache() {
    let storage = Arc::new(SlowStorage::default());
    let store = Store::new(Arc::clone(&storage) as Arc<dyn Storage>);
    let before = Role { role_id: "before".to_owned(), ..Role::default() };
    let after = Role { role_id: "after".to_owned(), ..Role::default() };
    storage.entries().insert(KEY.to_owned(), before.encode().unwrap());

    let loaded = store.load::<Role>(KEY).await.unwrap();
    tokio::select! {
        _ = store.replace(KEY, &loaded, &after) => panic!("storage has not been told to go on"),
        () = storage.asked.notified() => {}
    }
    // Somebody reads what is still stored, after the request was given up.
    store.keep_role(store.start_role_read(), KEY, &Arc::new(before));
    assert!(store.cached_role(KEY).is_some());
    storage.go.notify_one();
    // Waits for its turn, so the change is through by then.
    store.update::<Role, (), StoreError>("role/other", async |_| Ok((None, ()))).await.unwrap();
    assert_eq!(store.cached_role(KEY), None);
    assert_eq!(store.read::<Role>(KEY).await.unwrap().unwrap().role_id, "after");

    store.keep_role(store.start_role_read(), KEY, &Arc::new(after));
    tokio::select! {
        _ = store.delete(KEY) => panic!("storage has not been told to go on"),
        () = storage.asked.notified() => {}
    }
    storage.go.notify_one();
    store.update::<Role, (), StoreError>("role/other", async |_| Ok((None, ()))).await.unwrap();
    assert_eq!(store.cached_role(KEY), None);
    assert_eq!(store.read::<Role>(KEY).await.unwrap(), None);
}

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
    let role = Role { hmac_key: "key".to_owned().into(), ..Role::default() };
    let issue = || {
        let content = TagContent { role: "dev".to_owned(), ..TagContent::default() };
        RoleTag::issue(content, &role, &SystemRandom::default()).unwrap()
    };
    let (denied, other) = (issue(), issue());
    let with = |value| {
        Store::new(Arc::new(OneEntry { key: DenyListEntry::key(denied.text()), value }) as Arc<dyn Storage>)
    };
    let store = with(Ok(b"{}".to_vec()));
    assert_eq!(is_denied(&store, &denied).await, Ok(true));
    assert_eq!(is_denied(&store, &other).await, Ok(false));
    for unreadable in [Ok(Vec::new()), Ok(b"{".to_vec()), Err(StorageError::new("gone"))] {
        assert!(is_denied(&with(unreadable), &denied).await.is_err());
    }
}
