use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::ports::{IdentityToken, ReplicationState, RotationJob, Storage, SystemViewError};

const PERFORMANCE_SECONDARY: u32 = 64;
const PERFORMANCE_STANDBY: u32 = 16384;
const LISTS: [TidyList; 2] = [TidyList::RoleTagDenyList, TidyList::IdentityAccessList];
const DEADLINE: Duration = Duration::from_secs(10);
/// 2026-01-01T00:00:00Z
const NOW: Duration = Duration::from_secs(1_767_225_600);

#[derive(Default)]
struct Memory {
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Keys that cannot be read.
    broken: Mutex<BTreeSet<String>>,
    /// Keys that somebody writes right after they are read, with what is written.
    rewritten: Mutex<BTreeMap<String, Vec<u8>>>,
    read_only: AtomicBool,
    /// Lists wait while this is set.
    held: watch::Sender<bool>,
    lists: AtomicU32,
}

impl Memory {
    fn put(&self, key: &str, value: impl Into<Vec<u8>>) {
        self.entries.lock().unwrap().insert(key.to_owned(), value.into());
    }

    fn keys(&self) -> Vec<String> {
        self.entries.lock().unwrap().keys().cloned().collect()
    }

    fn has(&self, key: &str) -> bool {
        self.entries.lock().unwrap().contains_key(key)
    }
}

#[async_trait]
impl Storage for Memory {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let children: BTreeSet<String> = self
            .keys()
            .iter()
            .filter_map(|key| key.strip_prefix(prefix))
            .map(|rest| rest.find('/').map_or(rest, |slash| &rest[..=slash]).to_owned())
            .collect();
        Ok(children.into_iter().collect())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        if self.broken.lock().unwrap().contains(key) {
            return Err(StorageError::new("the disk is on fire"));
        }
        let mut entries = self.entries.lock().unwrap();
        let value = entries.get(key).cloned();
        if let Some(next) = self.rewritten.lock().unwrap().remove(key) {
            entries.insert(key.to_owned(), next);
        }
        Ok(value)
    }

    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError> {
        self.put(key, value);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StorageError> {
        if self.read_only.load(Ordering::SeqCst) {
            return Err(StorageError::new(StorageError::READ_ONLY));
        }
        self.entries.lock().unwrap().remove(key);
        Ok(())
    }
}

#[derive(Default)]
struct View {
    replication: AtomicU32,
    local_mount: AtomicBool,
}

#[async_trait]
impl SystemView for View {
    async fn max_lease_ttl(&self) -> Result<Duration, SystemViewError> {
        Err(SystemViewError::Unimplemented)
    }

    async fn replication_state(&self) -> Result<ReplicationState, SystemViewError> {
        Ok(ReplicationState(self.replication.load(Ordering::SeqCst)))
    }

    async fn local_mount(&self) -> Result<bool, SystemViewError> {
        Ok(self.local_mount.load(Ordering::SeqCst))
    }

    async fn host_version(&self) -> Result<String, SystemViewError> {
        Err(SystemViewError::Unimplemented)
    }

    async fn generate_identity_token(&self, _: &str, _: Duration) -> Result<IdentityToken, SystemViewError> {
        Err(SystemViewError::Unimplemented)
    }

    async fn register_rotation_job(&self, _: RotationJob) -> Result<String, SystemViewError> {
        Err(SystemViewError::Unimplemented)
    }

    async fn deregister_rotation_job(&self, _: &str, _: &str) -> Result<(), SystemViewError> {
        Err(SystemViewError::Unimplemented)
    }
}

struct SetClock(Mutex<SystemTime>);

impl SetClock {
    fn add(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(duration).unwrap();
    }

    fn put_back(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_sub(duration).unwrap();
    }
}

impl Clock for SetClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

struct Scene {
    storage: Arc<Memory>,
    view: Arc<View>,
    clock: Arc<SetClock>,
    tidy: Tidy,
}

impl Scene {
    fn new() -> Self {
        let storage = Arc::new(Memory::default());
        let view = Arc::new(View::default());
        let now = SystemTime::UNIX_EPOCH.checked_add(NOW).unwrap();
        let clock = Arc::new(SetClock(Mutex::new(now)));
        let store = Arc::new(Store::new(Arc::clone(&storage) as Arc<dyn Storage>));
        let tidy = Tidy::new(store, Arc::clone(&clock) as _, Arc::clone(&view) as _);
        Self { storage, view, clock, tidy }
    }

    /// Stores an entry that expires this many seconds from now; returns its key.
    fn put(&self, list: TidyList, name: &str, expires_in: i64) -> String {
        let key = format!("{}{name}", list.prefix());
        let now = StoredTime::from(self.clock.now());
        let entry = json!({"expiration_time": now.plus(GoDuration::from_secs(expires_in))});
        self.storage.put(&key, entry.to_string());
        key
    }

    async fn run(&self, list: TidyList, safety_buffer: i64) -> Result<(), StorageError> {
        self.tidy.work.run(list, safety_buffer).await
    }

    /// The periodic pass to its end; `None` if it is not due.
    async fn pass(&self) -> Option<Result<(), PassError>> {
        let due = self.tidy.work.due_pass()?;
        Some(self.tidy.work.pass(due).await)
    }

    /// Waits for the end of a background run.
    async fn finished(&self, list: TidyList) {
        until(|| self.tidy.work.permit(list).is_some()).await;
    }
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("it happens in time");
}

#[tokio::test]
async fn entries_stay_for_the_safety_buffer_beyond_their_expiration() {
    for list in LISTS {
        let scene = Scene::new();
        let kept = [
            scene.put(list, "future", 1),
            scene.put(list, "now", 0),
            scene.put(list, "recent", -59),
            scene.put(list, "due", -60),
        ];
        scene.put(list, "past", -61);
        scene.put(list, "folder/deep//er", -61);
        scene.storage.put(&format!("{}zero", list.prefix()), "{}");
        let elsewhere = ["role/dev", "config/client"];
        for key in elsewhere {
            scene.storage.put(key, "{}");
        }
        scene.run(list, 60).await.unwrap();
        let expected: BTreeSet<_> = kept.into_iter().chain(elsewhere.map(str::to_owned)).collect();
        assert_eq!(scene.storage.keys(), expected.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_extreme_buffer_never_removes_what_has_not_expired() {
    let scene = Scene::new();
    let list = TidyList::IdentityAccessList;
    let kept = [scene.put(list, "past", -61), scene.put(list, "future", 1)];
    scene.run(list, i64::MAX).await.unwrap();
    assert!(scene.storage.has(&kept[0]));
    scene.run(list, i64::MIN).await.unwrap();
    assert_eq!(scene.storage.keys(), kept[1..]);
}

#[tokio::test]
async fn a_bad_entry_stops_nothing() {
    for list in LISTS {
        let scene = Scene::new();
        let prefix = list.prefix();
        for (name, value) in [("b-empty", ""), ("c-broken", "{"), ("d-time", r#"{"expiration_time":"x"}"#)] {
            scene.storage.put(&format!("{prefix}{name}"), value);
        }
        let unreadable = scene.put(list, "e-unreadable", -100);
        scene.storage.broken.lock().unwrap().insert(unreadable);
        scene.put(list, "a-expired", -100);
        scene.put(list, "f-expired", -100);
        scene.run(list, 0).await.unwrap();
        let left = ["b-empty", "c-broken", "d-time", "e-unreadable"].map(|name| format!("{prefix}{name}"));
        assert_eq!(scene.storage.keys(), left);
    }
}

#[tokio::test]
async fn what_is_written_meanwhile_stays() {
    let scene = Scene::new();
    let list = TidyList::IdentityAccessList;
    let key = scene.put(list, "i-1", -100);
    let fresh = scene.put(list, "fresh", 100);
    let value = scene.storage.entries.lock().unwrap()[&fresh].clone();
    scene.storage.rewritten.lock().unwrap().insert(key.clone(), value);
    scene.run(list, 0).await.unwrap();
    assert!(scene.storage.has(&key));
}

#[tokio::test]
async fn a_node_that_cannot_write_gives_up() {
    let scene = Scene::new();
    scene.storage.read_only.store(true, Ordering::SeqCst);
    let list = TidyList::RoleTagDenyList;
    scene.run(list, 0).await.unwrap();
    let key = scene.put(list, "old", -100);
    assert!(scene.run(list, 0).await.unwrap_err().is_read_only());
    scene.clock.add(400 * 24 * PERIOD);
    assert_eq!(scene.pass().await, Some(Ok(())));
    assert!(scene.storage.has(&key));
}

#[tokio::test]
async fn one_run_per_list_at_a_time() {
    let scene = Scene::new();
    let [deny, access] = LISTS;
    scene.put(deny, "old", -100);
    scene.storage.held.send_replace(true);
    assert!(scene.tidy.start(deny, 0));
    assert!(!scene.tidy.start(deny, 0));
    assert!(scene.tidy.start(access, 0));
    scene.storage.held.send_replace(false);
    scene.finished(deny).await;
    scene.finished(access).await;
    assert_eq!(scene.storage.keys(), [""; 0]);
    assert!(scene.tidy.start(deny, 0));
    scene.finished(deny).await;
}

#[tokio::test]
async fn stopping_ends_runs_and_passes() {
    let scene = Scene::new();
    let [deny, access] = LISTS;
    scene.storage.held.send_replace(true);
    assert!(scene.tidy.start(deny, 0));
    scene.tidy.tick();
    until(|| scene.storage.lists.load(Ordering::SeqCst) == 2).await;
    scene.tidy.stop().await;
    assert!(scene.tidy.work.permit(deny).is_some());
    assert!(scene.tidy.work.permit(access).is_some());
    assert!(scene.tidy.work.due_pass().is_some());
    scene.tidy.stop().await;
}

#[tokio::test]
async fn ticks_do_not_wait_and_do_not_pile_up() {
    let scene = Scene::new();
    let key = scene.put(TidyList::IdentityAccessList, "i-1", -72 * 3600 - 1);
    scene.storage.held.send_replace(true);
    scene.tidy.tick();
    until(|| scene.storage.lists.load(Ordering::SeqCst) == 1).await;
    scene.tidy.tick();
    scene.storage.held.send_replace(false);
    until(|| !scene.storage.has(&key)).await;
    until(|| scene.tidy.work.next_pass.try_lock().is_ok()).await;
    scene.tidy.tick();
    assert_eq!(scene.storage.lists.load(Ordering::SeqCst), 2, "one pass over two lists");
}

#[tokio::test]
async fn passes_are_an_hour_apart() {
    let scene = Scene::new();
    assert_eq!(scene.pass().await, Some(Ok(())), "the first one is due at once");
    assert_eq!(scene.pass().await, None);
    scene.clock.add(PERIOD - Duration::from_secs(1));
    assert_eq!(scene.pass().await, None);
    scene.clock.add(Duration::from_secs(1));
    assert_eq!(scene.pass().await, Some(Ok(())));
    scene.clock.put_back(Duration::from_secs(1));
    assert_eq!(scene.pass().await, Some(Ok(())), "a clock that was put back does not hold it up");
}

#[tokio::test]
async fn a_pass_that_cannot_read_its_configuration_is_due_again() {
    for list in LISTS {
        let scene = Scene::new();
        let keys = LISTS.map(|list| scene.put(list, "old", -400 * 24 * 3600));
        scene.storage.broken.lock().unwrap().insert(list.config_key().to_owned());
        assert!(matches!(scene.pass().await, Some(Err(_))));
        scene.storage.broken.lock().unwrap().clear();
        assert_eq!(scene.pass().await, Some(Ok(())));
        assert!(keys.iter().all(|key| !scene.storage.has(key)));
        assert_eq!(scene.pass().await, None);
    }
}

#[tokio::test]
async fn without_configuration_each_list_has_its_own_buffer() {
    const DAY: i64 = 24 * 3600;
    for (list, buffer) in [(LISTS[0], 180 * DAY), (LISTS[1], 3 * DAY)] {
        let scene = Scene::new();
        let kept = scene.put(list, "kept", -buffer);
        scene.put(list, "old", -buffer - 1);
        assert_eq!(scene.pass().await, Some(Ok(())));
        assert_eq!(scene.storage.keys(), [kept]);
    }
}

#[tokio::test]
async fn the_pass_follows_the_configuration() {
    for (list, other) in [(LISTS[0], LISTS[1]), (LISTS[1], LISTS[0])] {
        let scene = Scene::new();
        let old = scene.put(list, "old", -400 * 24 * 3600);
        let disabled = json!({"safety_buffer": 0, "disable_periodic_tidy": true});
        scene.storage.put(list.config_key(), disabled.to_string());
        scene.storage.put(other.config_key(), json!({"safety_buffer": 60}).to_string());
        let [kept, gone] = [scene.put(other, "kept", -60), scene.put(other, "gone", -61)];
        assert_eq!(scene.pass().await, Some(Ok(())));
        assert!(scene.storage.has(&old) && scene.storage.has(&kept) && !scene.storage.has(&gone));
    }
}

#[tokio::test]
async fn a_list_that_is_being_tidied_is_left_to_that_run() {
    let scene = Scene::new();
    let keys = LISTS.map(|list| scene.put(list, "old", -400 * 24 * 3600));
    let permit = scene.tidy.work.permit(LISTS[0]).unwrap();
    assert_eq!(scene.pass().await, Some(Ok(())));
    assert_eq!(scene.storage.keys(), keys[..1]);
    drop(permit);
}

#[tokio::test]
async fn a_list_belongs_to_the_node_that_may_write_it() {
    for (replication, local_mount, deny_list, access_list) in [
        (0, false, true, true),
        (0, true, true, true),
        (PERFORMANCE_SECONDARY, false, false, true),
        (PERFORMANCE_SECONDARY, true, true, true),
        (PERFORMANCE_STANDBY, false, false, false),
        (PERFORMANCE_STANDBY, true, false, false),
        (PERFORMANCE_STANDBY | PERFORMANCE_SECONDARY, true, false, false),
    ] {
        let scene = Scene::new();
        scene.view.replication.store(replication, Ordering::SeqCst);
        scene.view.local_mount.store(local_mount, Ordering::SeqCst);
        let keys = LISTS.map(|list| scene.put(list, "old", -400 * 24 * 3600));
        assert_eq!(scene.pass().await, Some(Ok(())));
        let tidied = keys.map(|key| !scene.storage.has(&key));
        assert_eq!(tidied, [deny_list, access_list], "{replication} {local_mount}");
        assert_eq!(scene.pass().await, None);
    }
}
