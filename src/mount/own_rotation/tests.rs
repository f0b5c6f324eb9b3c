use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::concurrency::living::Living;
use crate::entry::{ClientConfig, StoredTime};
use crate::framework::{Failure, HostFlavor};
use crate::mount::{Environment, MountSetup, room_of_process, root_rotation};
use crate::ports::testing::Same;
use crate::ports::{
    Clock, HttpRequest, HttpResponse, IdentityToken, ReplicationState, RotationJob, Storage, StorageError,
    SystemView, SystemViewError, Transport, TransportError, World,
};

/// 2026-01-01T00:00:00Z, a Thursday.
const NOW: Duration = Duration::from_secs(1_767_225_600);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const OLD: &str = "AKIAOLD";
const PERFORMANCE_STANDBY: u32 = 16384;
const DR_SECONDARY: u32 = 512;

/// What becomes of one effect on the world, and of all after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The process ends before it.
    EndsBefore,
    /// The process ends after it.
    EndsAfter,
    /// It does not happen.
    Fails,
    /// It happens, and nobody learns that.
    IsLost,
}

/// Everything outside the process: it outlives a mount.
#[derive(Default)]
struct Outside {
    entries: BTreeMap<String, Vec<u8>>,
    /// Keys that AWS has, with how long each is not known to its services yet, in calls.
    keys: BTreeMap<String, u32>,
    made: u32,
    /// What was done, in order.
    effects: Vec<String>,
    /// Actions that AWS refuses.
    denied: Vec<&'static str>,
    /// Calls that a new key is not known for.
    unknown_for: u32,
    fate: Option<(usize, Fate)>,
    ended: bool,
    read_only: bool,
    replication: u32,
    seconds: u64,
    /// What becomes of `config/client` when a key is made.
    written_meanwhile: Option<Vec<u8>>,
}

impl Outside {
    /// Does something, or not, as its fate is; `None` if nobody learns of it.
    fn effect<T>(&mut self, what: String, does: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.ended {
            return None;
        }
        let fate = self.fate.filter(|(number, _)| *number == self.effects.len()).map(|(_, fate)| fate);
        self.effects.push(what);
        match fate {
            None => Some(does(self)),
            Some(Fate::Fails) => None,
            Some(Fate::IsLost) => {
                does(self);
                None
            }
            Some(Fate::EndsBefore) => {
                self.ended = true;
                None
            }
            Some(Fate::EndsAfter) => {
                does(self);
                self.ended = true;
                None
            }
        }
    }

    fn answer(&mut self, action: &str, signer: &str, subject: &str) -> Result<String, &'static str> {
        match self.keys.get_mut(signer) {
            Some(0) => {}
            Some(left) => {
                *left = left.saturating_sub(1);
                return Err("InvalidClientTokenId");
            }
            None => return Err("InvalidClientTokenId"),
        }
        if self.denied.contains(&action) {
            return Err("AccessDenied");
        }
        Ok(match action {
            "GetUser" => "<GetUserResult><User><UserName>vault</UserName></User></GetUserResult>".to_owned(),
            "CreateAccessKey" => {
                if self.keys.len() >= 2 {
                    return Err("LimitExceeded");
                }
                self.made = self.made.saturating_add(1);
                let id = format!("AKIANEW{}", self.made);
                self.keys.insert(id.clone(), self.unknown_for);
                if let Some(config) = self.written_meanwhile.take() {
                    self.entries.insert(ClientConfig::KEY.to_owned(), config);
                }
                format!("<CreateAccessKeyResult><AccessKey><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>secret of {id}</SecretAccessKey></AccessKey></CreateAccessKeyResult>")
            }
            "DeleteAccessKey" => {
                self.keys.remove(subject).ok_or("NoSuchEntity")?;
                String::new()
            }
            "GetCallerIdentity" => "<GetCallerIdentityResult><Arn>arn:aws:iam::1:user/vault</Arn><UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult>".to_owned(),
            _ => return Err("InvalidAction"),
        })
    }
}

struct Port(Arc<Mutex<Outside>>);

fn failed<T>(done: Option<T>) -> Result<T, StorageError> {
    done.ok_or_else(|| StorageError::new("disk full"))
}

#[async_trait]
impl Storage for Port {
    async fn list(&self, _: &str) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let outside = self.0.lock().unwrap();
        if outside.ended { failed(None) } else { Ok(outside.entries.get(key).cloned()) }
    }

    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError> {
        let mut outside = self.0.lock().unwrap();
        if outside.read_only {
            return Err(StorageError::new(StorageError::READ_ONLY));
        }
        failed(outside.effect(format!("put {key}"), |outside| {
            outside.entries.insert(key.to_owned(), value);
        }))
    }

    async fn delete(&self, key: &str) -> Result<(), StorageError> {
        failed(self.0.lock().unwrap().effect(format!("delete {key}"), |outside| {
            outside.entries.remove(key);
        }))
    }
}

#[async_trait]
impl Transport for Port {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let parameter = |name: &str| {
            let value = body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_default().to_owned()
        };
        let action = parameter("Action");
        if action.is_empty() {
            return Err(TransportError::Connect("there is no metadata service".to_owned()));
        }
        let authorization = request.headers["authorization"].to_str().unwrap();
        let signer = authorization.split_once("Credential=").unwrap().1.split('/').next().unwrap().to_owned();
        let subject = parameter("AccessKeyId");
        let what = format!("{action} {subject}").trim_end().to_owned();
        let answer =
            self.0.lock().unwrap().effect(what, |outside| outside.answer(&action, &signer, &subject));
        let Some(answer) = answer else { return Err(TransportError::Exchange("no answer".to_owned())) };
        let (status, body) = match answer {
            Ok(result) => (200, format!("<{action}Response>{result}</{action}Response>")),
            Err(code) => (
                403,
                format!(
                    "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
                ),
            ),
        };
        let status = StatusCode::from_u16(status).unwrap();
        Ok(HttpResponse { status, headers: HeaderMap::new(), body: Bytes::from(body) })
    }
}

#[async_trait]
impl SystemView for Port {
    async fn max_lease_ttl(&self) -> Result<Duration, SystemViewError> {
        Err(SystemViewError::Unimplemented)
    }

    async fn replication_state(&self) -> Result<ReplicationState, SystemViewError> {
        Ok(ReplicationState(self.0.lock().unwrap().replication))
    }

    async fn local_mount(&self) -> Result<bool, SystemViewError> {
        Ok(false)
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

impl Clock for Port {
    fn now(&self) -> SystemTime {
        let since = NOW.saturating_add(Duration::from_secs(self.0.lock().unwrap().seconds));
        SystemTime::UNIX_EPOCH.checked_add(since).unwrap()
    }
}

struct Scene {
    outside: Arc<Mutex<Outside>>,
    mount: Arc<Mount>,
}

fn mount(outside: &Arc<Mutex<Outside>>) -> Arc<Mount> {
    let port = || Arc::new(Port(Arc::clone(outside)));
    let environment = Environment {
        world: Arc::new(World { transport: port(), clock: port(), random: Arc::new(Same(0)) }),
        host: HostFlavor::OpenBao,
        forwarded: room_of_process(),
        neighbours: Living::default(),
        used: Default::default(),
    };
    let setup = MountSetup {
        config: BTreeMap::new(),
        backend_uuid: "m".to_owned(),
        storage: port(),
        system_view: port(),
    };
    Mount::new(Arc::new(environment), setup)
}

fn config(changes: Value) -> Vec<u8> {
    let mut config = json!({
        "access_key": OLD, "secret_key": "old", "iam_endpoint": "http://aws.test", "max_retries": 0,
        "sts_endpoint": "http://aws.test", "sts_region": "us-east-1",
    });
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    config.to_string().into_bytes()
}

fn daily() -> Value {
    json!({"rotate_in_plugin": true, "rotation_period": 86_400_000_000_000_i64})
}

impl Scene {
    fn new(changes: Value) -> Self {
        let mut outside = Outside::default();
        outside.entries.insert(ClientConfig::KEY.to_owned(), config(changes));
        outside.keys.insert(OLD.to_owned(), 0);
        let outside = Arc::new(Mutex::new(outside));
        Self { mount: mount(&outside), outside }
    }

    /// A day after it was first seen.
    async fn due() -> Self {
        let scene = Self::new(daily());
        scene.tick(Duration::ZERO).await;
        scene.change(|outside| outside.effects.clear());
        scene.pass(HOUR.saturating_mul(24));
        scene
    }

    fn change<T>(&self, change: impl FnOnce(&mut Outside) -> T) -> T {
        change(&mut self.outside.lock().unwrap())
    }

    fn pass(&self, time: Duration) {
        self.change(|outside| outside.seconds = outside.seconds.saturating_add(time.as_secs()));
    }

    /// Lets time pass, and does the next step.
    async fn tick(&self, time: Duration) {
        self.pass(time);
        run(&self.mount).await;
    }

    async fn ticks(&self, number: u32) {
        for _ in 0..number {
            self.tick(MINUTE).await;
        }
    }

    fn restart(&mut self) {
        self.change(|outside| (outside.ended, outside.fate) = (false, None));
        self.mount = mount(&self.outside);
    }

    fn entry(&self, key: &str) -> Option<Value> {
        self.change(|outside| outside.entries.get(key).map(|stored| serde_json::from_slice(stored).unwrap()))
    }

    fn state(&self) -> Value {
        self.entry(RotationState::KEY).unwrap()
    }

    fn configured(&self) -> String {
        let config = self.entry(ClientConfig::KEY).unwrap();
        let key = config["access_key"].as_str().unwrap().to_owned();
        let secret = if key == OLD { "old".to_owned() } else { format!("secret of {key}") };
        assert_eq!(config["secret_key"], json!(secret));
        key
    }

    fn keys(&self) -> Vec<String> {
        self.change(|outside| outside.keys.keys().cloned().collect())
    }

    fn count(&self, what: &str) -> usize {
        self.change(|outside| outside.effects.iter().filter(|effect| effect.starts_with(what)).count())
    }

    fn effects(&self) -> Vec<String> {
        self.change(|outside| std::mem::take(&mut outside.effects))
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_rotated_when_its_period_is_over() {
    let scene = Scene::new(daily());
    scene.tick(Duration::ZERO).await;
    assert_eq!(scene.effects(), ["put rotation/state"]);
    scene.tick(24 * HOUR - MINUTE).await;
    assert_eq!(scene.effects(), [""; 0]);
    scene.tick(MINUTE).await;
    let made = ["put rotation/state", "GetUser", "CreateAccessKey", "put rotation/key", "put rotation/state"];
    assert_eq!(scene.effects(), made);
    assert_eq!(scene.configured(), OLD);
    assert!(rotation_status(&scene.mount).await.unwrap().unwrap().is_under_way);
    scene.tick(MINUTE).await;
    assert_eq!(scene.effects(), ["GetCallerIdentity", "put config/client", "put rotation/state"]);
    scene.tick(MINUTE).await;
    assert_eq!(scene.effects(), ["DeleteAccessKey AKIAOLD", "delete rotation/key"]);
    assert_eq!((scene.configured().as_str(), scene.keys()), ("AKIANEW1", vec!["AKIANEW1".to_owned()]));
    let status = rotation_status(&scene.mount).await.unwrap().unwrap();
    assert!(!status.is_under_way);
    assert_eq!(status.state.last_rotation.to_string(), "2026-01-02T00:01:00Z");
    assert_eq!(status.next.unwrap().to_string(), "2026-01-03T00:01:00Z");
    assert_eq!((status.state.failures, status.state.last_error.as_str()), (0, ""));
    scene.tick(MINUTE).await;
    assert_eq!(scene.effects(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_ends_or_fails_anywhere_is_brought_to_its_end() {
    let scene = Scene::due().await;
    scene.ticks(4).await;
    let whole = scene.effects();
    assert_eq!(whole.len(), 10, "{whole:#?}");
    let mut orphans = Vec::new();
    for fate in [Fate::EndsBefore, Fate::EndsAfter, Fate::Fails, Fate::IsLost] {
        for (number, effect) in whole.iter().enumerate() {
            let mut scene = Scene::due().await;
            scene.change(|outside| outside.fate = Some((number, fate)));
            scene.ticks(4).await;
            if scene.change(|outside| outside.ended) {
                scene.restart();
            }
            scene.ticks(40).await;
            let (configured, keys) = (scene.configured(), scene.keys());
            assert!(keys.contains(&configured), "{fate:?} {effect}: {keys:?}");
            assert_eq!(scene.entry(PendingKey::KEY), None, "{fate:?} {effect}");
            if keys.len() == 1 {
                assert_ne!(configured, OLD, "{fate:?} {effect}");
                assert_eq!(scene.state()["failures"], 0, "{fate:?} {effect}");
            } else {
                // A key that nobody knows: it stays, and the operator learns of it.
                assert_eq!(scene.state()["last_error_code"], "rotation.two_keys", "{fate:?} {effect}");
                assert_eq!((configured.as_str(), scene.count("DeleteAccessKey")), (OLD, 0));
                orphans.push((fate, effect.as_str()));
            }
        }
    }
    let unknown = [
        (Fate::EndsBefore, "put rotation/key"),
        (Fate::EndsAfter, "CreateAccessKey"),
        (Fate::IsLost, "CreateAccessKey"),
    ];
    assert_eq!(orphans, unknown);
}

#[tokio::test(start_paused = true)]
async fn a_second_key_is_never_deleted() {
    let scene = Scene::due().await;
    scene.change(|outside| outside.keys.insert("AKIAOTHER".to_owned(), 0));
    scene.ticks(60).await;
    assert_eq!(scene.keys(), ["AKIAOLD", "AKIAOTHER"]);
    let state = scene.state();
    assert_eq!(state["last_error_code"], "rotation.two_keys");
    let text = state["last_error"].as_str().unwrap();
    assert!(text.starts_with("error calling CreateAccessKey: LimitExceeded"), "{text}");
    // At 1, 2, 4, 8, 16 and 32 minutes after the one before.
    assert_eq!(scene.count("CreateAccessKey"), 6);
    scene.change(|outside| outside.keys.remove("AKIAOTHER"));
    scene.ticks(20).await;
    assert_eq!((scene.configured().as_str(), scene.keys().len()), ("AKIANEW1", 1));
    assert_eq!(scene.state()["failures"], 0);
}

#[tokio::test(start_paused = true)]
async fn attempts_that_fail_become_hourly() {
    let scene = Scene::due().await;
    scene.change(|outside| outside.denied.push("GetUser"));
    scene.ticks(64).await;
    assert_eq!(scene.effects().iter().filter(|effect| *effect == "GetUser").count(), 7);
    scene.ticks(24 * 60).await;
    assert_eq!(scene.count("GetUser"), 24);
    assert_eq!(scene.state()["last_error_code"], "rotation.refused");
    let next = rotation_status(&scene.mount).await.unwrap().unwrap().next.unwrap();
    assert!(next > StoredTime::from(Port(Arc::clone(&scene.outside)).now()), "{next}");
}

#[tokio::test(start_paused = true)]
async fn a_new_key_has_time_to_become_known() {
    let scene = Scene::due().await;
    scene.change(|outside| outside.unknown_for = 10);
    scene.ticks(10).await;
    assert_eq!((scene.configured().as_str(), scene.keys().len()), (OLD, 2));
    scene.ticks(4).await;
    assert_eq!((scene.configured().as_str(), scene.keys().len()), ("AKIANEW1", 1));
}

#[tokio::test(start_paused = true)]
async fn a_new_key_that_stays_unknown_is_deleted_again() {
    let scene = Scene::due().await;
    scene.change(|outside| outside.unknown_for = 1000);
    scene.ticks(16).await;
    assert_eq!((scene.configured().as_str(), scene.keys()), (OLD, vec![OLD.to_owned()]));
    assert_eq!(scene.entry(PendingKey::KEY), None);
    let state = scene.state();
    assert_eq!(state["last_error_code"], "rotation.not_accepted");
    let text = state["last_error"].as_str().unwrap();
    assert!(text.contains("was not taken within 15 minutes and is deleted again: "), "{text}");
    scene.change(|outside| outside.unknown_for = 0);
    scene.ticks(5).await;
    assert_eq!((scene.configured().as_str(), scene.keys().len()), ("AKIANEW2", 1));
}

#[tokio::test(start_paused = true)]
async fn an_old_key_that_cannot_be_deleted_is_tried_again() {
    let scene = Scene::due().await;
    scene.change(|outside| outside.denied.push("DeleteAccessKey"));
    scene.ticks(10).await;
    assert_eq!((scene.configured().as_str(), scene.keys().len()), ("AKIANEW1", 2));
    assert_eq!(scene.count("DeleteAccessKey"), 4);
    assert_eq!(scene.state()["last_error_code"], "rotation.old_key");
    scene.change(|outside| outside.denied.clear());
    scene.ticks(16).await;
    assert_eq!(scene.keys(), ["AKIANEW1"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_writes_during_a_rotation_stays() {
    for (changes, configured) in [
        (json!({"access_key": "AKIAOPERATOR", "secret_key": "o"}), "AKIAOPERATOR"),
        (json!({"access_key": "", "secret_key": ""}), ""),
    ] {
        let scene = Scene::due().await;
        let mut written = daily();
        written.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        scene.change(|outside| outside.written_meanwhile = Some(config(written)));
        scene.tick(MINUTE).await;
        scene.mount.invalidate_key(ClientConfig::KEY);
        scene.ticks(5).await;
        assert_eq!(scene.entry(ClientConfig::KEY).unwrap()["access_key"], configured);
        assert_eq!(scene.keys(), [OLD], "the new key is gone, and no other");
        assert_eq!(scene.entry(PendingKey::KEY), None);
    }
    // A new key that cannot be deleted is named.
    let scene = Scene::due().await;
    let mut written = daily();
    written["access_key"] = json!("AKIAOPERATOR");
    scene.change(|outside| {
        outside.denied.push("DeleteAccessKey");
        outside.written_meanwhile = Some(config(written));
    });
    scene.tick(MINUTE).await;
    scene.mount.invalidate_key(ClientConfig::KEY);
    scene.ticks(5).await;
    let state = scene.state();
    assert_eq!(state["last_error_code"], "rotation.unused");
    let text = state["last_error"].as_str().unwrap();
    assert!(
        text.starts_with("error deleting access key ID AKIANEW1, which was made and is not used: "),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_was_begun_is_finished_though_it_is_switched_off() {
    let mut scene = Scene::due().await;
    scene.tick(MINUTE).await;
    scene.change(|outside| outside.entries.insert(ClientConfig::KEY.to_owned(), config(json!({}))));
    scene.restart();
    scene.ticks(3).await;
    assert_eq!((scene.configured().as_str(), scene.keys().len()), ("AKIANEW1", 1));
}

#[tokio::test(start_paused = true)]
async fn only_the_node_that_can_write_rotates() {
    for replication in [PERFORMANCE_STANDBY, DR_SECONDARY] {
        let scene = Scene::due().await;
        scene.change(|outside| outside.replication = replication);
        scene.ticks(5).await;
        assert_eq!(scene.effects(), [""; 0]);
    }
    let scene = Scene::due().await;
    scene.change(|outside| outside.read_only = true);
    scene.ticks(5).await;
    assert_eq!(scene.effects(), [""; 0], "no key is made that could not be stored");
}

#[tokio::test(start_paused = true)]
async fn while_it_is_off_nothing_is_done() {
    for changes in [
        json!({}),
        json!({"rotation_period": 86_400_000_000_000_i64}),
        json!({"rotate_in_plugin": true}),
        json!({"rotate_in_plugin": true, "rotation_period": 86_400_000_000_000_i64, "disable_automated_rotation": true}),
    ] {
        let scene = Scene::new(changes);
        for _ in 0..5 {
            scene.tick(24 * HOUR).await;
        }
        assert_eq!(scene.effects(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_by_hand_goes_with_those_of_the_plugin() {
    // Alone: it does what it does everywhere, and the period is counted from then on.
    let scene = Scene::due().await;
    assert_eq!(root_rotation::rotate(&scene.mount).await.unwrap(), "AKIANEW1");
    assert_eq!(
        scene.effects(),
        ["GetUser", "CreateAccessKey", "put config/client", "DeleteAccessKey AKIAOLD"]
    );
    scene.ticks(5).await;
    assert_eq!((scene.configured().as_str(), scene.count("CreateAccessKey")), ("AKIANEW1", 0));
    // During one of the plugin: that is brought to its end.
    let scene = Scene::due().await;
    scene.tick(MINUTE).await;
    assert_eq!(root_rotation::rotate(&scene.mount).await.unwrap(), "AKIANEW1");
    assert_eq!((scene.configured().as_str(), scene.keys().len()), ("AKIANEW1", 1));
    assert_eq!(scene.count("CreateAccessKey"), 1);
    // While AWS does not know the key.
    let scene = Scene::due().await;
    scene.change(|outside| outside.unknown_for = 100);
    scene.tick(MINUTE).await;
    let error = root_rotation::rotate(&scene.mount).await.unwrap_err();
    let text = "a rotation is under way: AWS does not know the new access key AKIANEW1 yet";
    assert_eq!((error.to_string().as_str(), error.code().as_str()), (text, "rotation.under_way"));
    assert_eq!(Failure::from(error).status(), crate::framework::Status::BadRequest);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_is_kept_over_a_restart() {
    let hourly = json!({"rotate_in_plugin": true, "rotation_schedule": "0 * * * *", "rotation_window": 600_000_000_000_i64});
    let mut scene = Scene::new(hourly);
    scene.tick(MINUTE).await;
    scene.tick(58 * MINUTE).await;
    assert_eq!(scene.count("CreateAccessKey"), 0);
    scene.restart();
    scene.ticks(4).await;
    assert_eq!((scene.configured().as_str(), scene.keys().len()), ("AKIANEW1", 1));
    // The window is missed: the next one counts.
    scene.tick(69 * MINUTE).await;
    assert_eq!(scene.count("CreateAccessKey"), 1);
    scene.tick(49 * MINUTE).await;
    assert_eq!(scene.count("CreateAccessKey"), 2);
}
