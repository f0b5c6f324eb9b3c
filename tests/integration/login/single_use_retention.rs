//! How long the use of a request is stored, by the clock of the node.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use http::StatusCode;

use testkit::core::{Aws, Host, Zeros, block_on, request};
use vault_plugin_auth_aws::concurrency::living::Living;
use vault_plugin_auth_aws::framework::{HostFlavor, Operation, Reply};
use vault_plugin_auth_aws::method::AuthMethod;
use vault_plugin_auth_aws::mount::used_signatures::UsedSignatures;
use vault_plugin_auth_aws::mount::{Environment, MountSetup, room_of_process};
use vault_plugin_auth_aws::ports::{Clock, Storage, StorageError, World};

const PERFORMANCE_STANDBY: u32 = 16384;
/// 2026-01-01T00:00:00Z, in minutes since 1970.
const MINUTE: u64 = 1_767_225_600 / 60;
/// From the end of a minute on until its records expire, in seconds: 15 minutes that AWS may take a request, and 10
/// for clocks.
const KEPT: u64 = 25 * 60;

/// Everything outside of the mount.
#[derive(Default)]
struct Outside {
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
    deleted: AtomicU32,
    host: Host,
    seconds: AtomicU64,
}

#[derive(Clone)]
struct Port(Arc<Outside>);

#[async_trait]
impl Storage for Port {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let child = |key: &String| Some(key.strip_prefix(prefix)?.split_inclusive('/').next()?.to_owned());
        let mut children: Vec<String> = self.0.entries.lock().unwrap().keys().filter_map(child).collect();
        children.dedup();
        Ok(children)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.0.entries.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError> {
        self.0.entries.lock().unwrap().insert(key.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StorageError> {
        self.0.deleted.fetch_add(1, Ordering::SeqCst);
        self.0.entries.lock().unwrap().remove(key);
        Ok(())
    }
}

impl Clock for Port {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.seconds.load(Ordering::SeqCst))
    }
}

/// Until what goes on in the background is done: here it never waits for anything.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// A mount that has records of several minutes in its storage, and knows of them.
struct Scene {
    outside: Arc<Outside>,
    mount: AuthMethod,
}

impl Scene {
    /// Records of these minutes after [`MINUTE`], at the beginning of that minute.
    fn open(minutes: &[u64]) -> Self {
        let outside = Arc::new(Outside::default());
        outside.seconds.store(MINUTE * 60, Ordering::SeqCst);
        for minute in minutes {
            for number in 0..3 {
                let key = format!("replay/{}/{number:064x}", MINUTE + minute);
                outside.entries.lock().unwrap().insert(key, Vec::new());
            }
        }
        let version = format!(r#"{{"version":1,"iam_requests_kept_since":{}}}"#, MINUTE * 60);
        outside.entries.lock().unwrap().insert("config/version".to_owned(), version.into_bytes());
        let port = Port(Arc::clone(&outside));
        let environment = Environment {
            world: Arc::new(World {
                transport: Arc::new(Aws::answering(StatusCode::OK, b"")),
                clock: Arc::new(port.clone()),
                random: Arc::new(Zeros),
            }),
            host: HostFlavor::OpenBao,
            forwarded: room_of_process(),
            neighbours: Living::default(),
            used: UsedSignatures::default(),
        };
        let setup = MountSetup {
            config: BTreeMap::new(),
            backend_uuid: "retention".to_owned(),
            storage: Arc::new(port),
            system_view: Arc::new(outside.host.clone()),
        };
        let mount = AuthMethod::new(Arc::new(environment), setup);
        block_on(async {
            assert!(mount.initialize().await.is_ok());
            settle().await;
        });
        Self { outside, mount }
    }

    fn is_standby(&self, standby: bool) {
        self.outside.host.0.store(if standby { PERFORMANCE_STANDBY } else { 0 }, Ordering::SeqCst);
    }

    /// What the host does once a minute, at so many seconds after the beginning of [`MINUTE`]; the minutes of which
    /// records are left, and how many of each.
    fn rollback_at(&self, seconds: u64) -> BTreeMap<u64, usize> {
        self.outside.seconds.store(MINUTE * 60 + seconds, Ordering::SeqCst);
        block_on(async {
            let reply = self.mount.handle_request(request(Operation::Rollback, "", "null")).await;
            assert_eq!(reply, Reply::Empty);
            settle().await;
        });
        let mut left = BTreeMap::new();
        for key in self.outside.entries.lock().unwrap().keys() {
            if let Some(rest) = key.strip_prefix("replay/") {
                let minute: u64 = rest.split('/').next().unwrap().parse().unwrap();
                *left.entry(minute - MINUTE).or_default() += 1;
            }
        }
        left
    }

    fn deleted(&self) -> u32 {
        self.outside.deleted.swap(0, Ordering::SeqCst)
    }
}

#[test]
fn records_are_removed_when_their_time_is_over_and_not_before() {
    let scene = Scene::open(&[0, 1, 5]);
    let all = BTreeMap::from([(0, 3), (1, 3), (5, 3)]);
    for seconds in [0, 60, 900, 60 + KEPT - 1] {
        assert_eq!(scene.rollback_at(seconds), all, "{seconds}");
    }
    assert_eq!(scene.deleted(), 0);
    assert_eq!(scene.rollback_at(60 + KEPT), BTreeMap::from([(1, 3), (5, 3)]));
    assert_eq!(scene.rollback_at(120 + KEPT - 1), BTreeMap::from([(1, 3), (5, 3)]));
    assert_eq!(scene.deleted(), 3);
    // What is late is removed at once.
    assert_eq!(scene.rollback_at(24 * 3600), BTreeMap::new());
    assert_eq!(scene.deleted(), 6);
    assert_eq!(scene.rollback_at(25 * 3600), BTreeMap::new());
    assert_eq!(scene.deleted(), 0);
}

#[test]
fn a_standby_removes_nothing() {
    let scene = Scene::open(&[0]);
    scene.is_standby(true);
    for seconds in [60 + KEPT, 24 * 3600] {
        assert_eq!(scene.rollback_at(seconds), BTreeMap::from([(0, 3)]), "{seconds}");
    }
    assert_eq!(scene.deleted(), 0);
    // Once it has become the leader it does.
    scene.is_standby(false);
    assert_eq!(scene.rollback_at(24 * 3600 + 60), BTreeMap::new());
    assert_eq!(scene.deleted(), 3);
}
