//! Stand-ins for the world around the core.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use vault_plugin_auth_aws::aws::calls::{Calls, Purpose};
use vault_plugin_auth_aws::aws::context::CallContext;
use vault_plugin_auth_aws::aws::deadline::Deadline;
use vault_plugin_auth_aws::concurrency::living::Living;
use vault_plugin_auth_aws::framework::{Connection, HostFlavor, Operation, Reply, Request};
use vault_plugin_auth_aws::method::AuthMethod;
use vault_plugin_auth_aws::mount::used_signatures::UsedSignatures;
use vault_plugin_auth_aws::mount::{Environment, MountSetup, room_of_process};
use vault_plugin_auth_aws::ports::{
    Clock, HttpRequest, HttpResponse, IdentityToken, Random, ReplicationState, RotationJob, Storage,
    StorageError, SystemView, SystemViewError, Transport, TransportError, World,
};

/// Runs a future to its end. Pauses take no time.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// AWS with one answer to everything.
pub struct Aws {
    status: StatusCode,
    body: Bytes,
    requests: Mutex<Vec<HttpRequest>>,
    calls: Calls,
}

impl Aws {
    /// AWS that answers every request with this.
    pub fn answering(status: StatusCode, body: &[u8]) -> Self {
        Self {
            status,
            body: Bytes::copy_from_slice(body),
            requests: Mutex::default(),
            calls: Calls::default(),
        }
    }

    /// What it was asked since the last time.
    pub fn take_requests(&self) -> Vec<HttpRequest> {
        std::mem::take(&mut lock(&self.requests))
    }

    /// The way of one call with one attempt.
    pub fn context(&self) -> CallContext<'_> {
        CallContext {
            transport: self,
            random: &Zeros,
            now: Noon.now(),
            deadline: Deadline::start(),
            max_attempts: 1,
            calls: &self.calls,
            purpose: Purpose::General,
        }
    }
}

#[async_trait]
impl Transport for Aws {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        lock(&self.requests).push(request);
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/xml"))]);
        Ok(HttpResponse { status: self.status, headers, body: self.body.clone() })
    }
}

/// The server's credentials.
pub fn credentials() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "fuzz")
}

/// A clock that stands.
pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_767_268_800)
    }
}

/// A source of zeros.
pub struct Zeros;

impl Random for Zeros {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        buffer.fill(0);
        true
    }
}

/// Storage in memory.
#[derive(Default)]
pub struct MemoryStorage(Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl Storage for MemoryStorage {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let child = |key: &String| Some(key.strip_prefix(prefix)?.split_inclusive('/').next()?.to_owned());
        let mut children: Vec<String> = lock(&self.0).keys().filter_map(child).collect();
        children.dedup();
        Ok(children)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(lock(&self.0).get(key).cloned())
    }

    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError> {
        lock(&self.0).insert(key.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StorageError> {
        lock(&self.0).remove(key);
        Ok(())
    }
}

/// A host of the smallest kind, with the replication state that a test gives it.
#[derive(Clone, Default)]
pub struct Host(pub Arc<AtomicU32>);

#[async_trait]
impl SystemView for Host {
    async fn max_lease_ttl(&self) -> Result<Duration, SystemViewError> {
        Ok(Duration::from_secs(7200))
    }

    async fn replication_state(&self) -> Result<ReplicationState, SystemViewError> {
        Ok(ReplicationState(self.0.load(Ordering::SeqCst)))
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

/// A mount that was just set up on what is stored, with this AWS.
pub fn mount(transport: Arc<dyn Transport>, storage: Arc<dyn Storage>) -> AuthMethod {
    let environment = Environment {
        world: Arc::new(World { transport, clock: Arc::new(Noon), random: Arc::new(Zeros) }),
        host: HostFlavor::OpenBao,
        forwarded: room_of_process(),
        neighbours: Living::default(),
        used: UsedSignatures::default(),
    };
    let setup = MountSetup {
        config: BTreeMap::new(),
        backend_uuid: "stand-in".to_owned(),
        storage,
        system_view: Arc::new(Host::default()),
    };
    AuthMethod::new(Arc::new(environment), setup)
}

/// A mount that was just set up, and its AWS.
pub struct Stage {
    /// AWS.
    pub aws: Arc<Aws>,
    /// The mount.
    pub mount: AuthMethod,
}

impl Stage {
    /// A mount on what is stored, whose AWS answers every request with this body.
    pub fn over(storage: Arc<dyn Storage>, body: &str) -> Self {
        let aws = Arc::new(Aws::answering(StatusCode::OK, body.as_bytes()));
        let mount = mount(Arc::<Aws>::clone(&aws), storage);
        Self { aws, mount }
    }

    /// Writes an entry.
    ///
    /// # Panics
    /// If the mount refuses.
    pub fn write(&self, path: &str, data: &Value) {
        let (reply, _) = self.ask(Operation::Create, path, &data.to_string());
        assert!(matches!(reply, Reply::Empty | Reply::Answer(_)), "{reply:?}");
    }

    /// The answer to a request, and what AWS was asked for it.
    pub fn ask(&self, operation: Operation, path: &str, data: &str) -> (Reply, Vec<HttpRequest>) {
        let reply = block_on(self.mount.handle_request(request(operation, path, data)));
        (reply, self.aws.take_requests())
    }
}

/// A request of the host to a mount.
pub fn request(operation: Operation, path: &str, data: &str) -> Request {
    Request {
        id: String::new(),
        operation,
        path: path.to_owned(),
        data: data.to_owned(),
        data_digest: [0; 32],
        mount_point: "auth/aws/".to_owned(),
        mount_type: "aws".to_owned(),
        connection: Some(Connection { remote_addr: "192.0.2.1".to_owned() }),
        auth: None,
        unauthenticated: true,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
