//! One mount of the plugin, with the steps of its life.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::answer::text_of;
use super::broker::{Brokered, MESSAGE_LIMIT};
use super::flavor::Flavor;
use super::ids::{random_multiplex_id, random_uuid};
use super::launch::Plugin;
use super::mount_options::{ConnInfoTiming, MountError, MountOptions};
use super::running::Running;
use super::special_paths::{is_acceptable, matches};
use super::storage::{MemoryStorage, StorageService};
use super::system_view::{HostView, SystemViewService};
use super::tls::Identity;
use crate::proto::logical;
use crate::proto::logical::plugin_version_client::PluginVersionClient;
use crate::proto::pb::backend_client::BackendClient;
use crate::proto::pb::{Empty, InitializeArgs, InvalidateKeyArgs, Paths, SetupArgs};

/// Name of the metadata entry that carries the instance.
pub const MULTIPLEX_ID: &str = "multiplex_id";
/// What `Type` answers for auth methods.
pub const AUTH_METHOD: u32 = 2;
/// The longest a host waits for a call.
const CALL_LIMIT: Duration = Duration::from_secs(90);
/// What the plugin stores when it has brought the entries of a mount to the current version.
const INITIALIZED: &str = "config/version";
/// The longest that may take.
const INITIALIZATION_LIMIT: Duration = Duration::from_secs(20);
/// Where clients are unless the test says otherwise.
const CLIENT_ADDRESS: &str = "127.0.0.1";

/// A mount. Clones are handles to the same mount, each with its own idea of who the client is.
#[derive(Clone)]
pub struct Mount {
    inner: Arc<MountInner>,
    client: Arc<Client>,
}

/// Who sends the requests.
#[derive(Clone)]
struct Client {
    address: String,
    headers: Vec<(String, String)>,
}

pub(super) struct MountInner {
    running: Arc<Running>,
    name: String,
    uuid: String,
    options: MountOptions,
    storage: Arc<MemoryStorage>,
    view: Arc<HostView>,
    instance: Mutex<Arc<Instance>>,
    paths: Mutex<Paths>,
}

/// The mount's backend inside one plugin process.
struct Instance {
    plugin: Arc<Plugin>,
    multiplex_id: String,
    brokered: Brokered,
}

impl Mount {
    /// Prepares a mount without calling the plugin's backend: id, storage and system view.
    pub(super) async fn open(
        running: &Arc<Running>,
        name: &str,
        options: MountOptions,
    ) -> Result<Self, MountError> {
        let launch = &running.launch;
        let storage = options.storage.clone().unwrap_or_default();
        let view =
            options.system_view.clone().unwrap_or_else(|| HostView::new(launch.flavor, &launch.version));
        let uuid = options.uuid.clone().unwrap_or_else(random_uuid);
        let plugin = running.plugin();
        let instance = Arc::new(
            Instance::open(plugin, launch.flavor, &storage, &view, options.server_identity.as_ref()).await?,
        );
        Ok(Self::from_inner(Arc::new(MountInner {
            running: Arc::clone(running),
            name: name.to_owned(),
            uuid,
            options,
            storage,
            view,
            instance: Mutex::new(instance),
            paths: Mutex::default(),
        })))
    }

    pub(super) fn inner(&self) -> &Arc<MountInner> {
        &self.inner
    }

    pub(super) fn from_inner(inner: Arc<MountInner>) -> Self {
        Self { inner, client: Arc::new(Client { address: CLIENT_ADDRESS.to_owned(), headers: Vec::new() }) }
    }

    /// The calls of `auth enable`, in their order.
    pub(super) async fn enable(&self) -> Result<(), MountError> {
        self.setup().await?;
        let number = self.mount_type().await.map_err(|status| MountError::Call("Type", status))?;
        if number != AUTH_METHOD {
            return Err(MountError::Type(number));
        }
        self.special_paths().await?;
        self.initialize().await
    }

    /// A handle whose requests come from another address.
    #[must_use]
    pub fn with_address(&self, address: &str) -> Self {
        let client = Client { address: address.to_owned(), ..(*self.client).clone() };
        Self { inner: Arc::clone(&self.inner), client: Arc::new(client) }
    }

    /// A handle whose requests carry a header more, as if the mount let it pass.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = (*self.client).clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        Self { inner: Arc::clone(&self.inner), client: Arc::new(client) }
    }

    /// The mount's storage.
    #[must_use]
    pub fn storage(&self) -> &Arc<MemoryStorage> {
        &self.inner.storage
    }

    /// What the host tells the mount about itself.
    #[must_use]
    pub fn system_view(&self) -> &Arc<HostView> {
        &self.inner.view
    }

    /// Stable id of the mount.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.inner.uuid
    }

    /// Full path of the mount, such as `auth/aws/`.
    #[must_use]
    pub fn mount_point(&self) -> String {
        format!("auth/{}/", self.inner.name)
    }

    /// Name of the plugin in the catalog.
    #[must_use]
    pub fn plugin_name(&self) -> &'static str {
        "aws"
    }

    /// Id of the instance inside the plugin process.
    #[must_use]
    pub fn multiplex_id(&self) -> String {
        self.instance().multiplex_id.clone()
    }

    /// How many connections the plugin has open to this mount's storage.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.instance().brokered.open_connections()
    }

    /// Which server the host looks like.
    #[must_use]
    pub fn flavor(&self) -> Flavor {
        self.inner.running.launch.flavor
    }

    pub(super) fn client_address(&self) -> &str {
        &self.client.address
    }

    pub(super) fn client_headers(&self) -> &[(String, String)] {
        &self.client.headers
    }

    fn instance(&self) -> Arc<Instance> {
        Arc::clone(&self.inner.instance.lock().unwrap())
    }

    async fn new_instance(&self, plugin: Arc<Plugin>) -> Result<Instance, MountError> {
        let MountInner { storage, view, options, .. } = &*self.inner;
        Instance::open(plugin, self.flavor(), storage, view, options.server_identity.as_ref()).await
    }

    pub(super) fn backend(&self) -> BackendClient<Channel> {
        BackendClient::new(self.instance().plugin.channel.clone())
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT)
    }

    /// A call with the mount's instance id and the host's time limit.
    pub(super) fn call<T>(&self, message: T) -> tonic::Request<T> {
        let mut call = tonic::Request::new(message);
        let id = MetadataValue::try_from(self.multiplex_id()).expect("base62 is ASCII");
        call.metadata_mut().insert(MULTIPLEX_ID, id);
        call.set_timeout(CALL_LIMIT);
        call
    }

    /// Whether a path needs no token, by the special paths the plugin gave.
    #[must_use]
    pub fn is_unauthenticated(&self, path: &str) -> bool {
        self.inner.paths.lock().unwrap().unauthenticated.iter().any(|pattern| matches(pattern, path))
    }

    /// Setup, with the connection info sent when the options say.
    ///
    /// # Errors
    /// [`MountError::Setup`] with the plugin's text, or [`MountError::Call`].
    pub async fn setup(&self) -> Result<(), MountError> {
        let inner = &self.inner;
        let registration = inner.options.registration;
        inner.storage.set_in_setup(true);
        inner.storage.set_missing(registration);
        inner.view.set_missing(registration);
        let instance = self.instance();
        let broker = &instance.plugin.broker;
        let announce = || {
            if let Some(announcement) = instance.brokered.announcement() {
                broker.announce(announcement);
            }
        };
        let mut arguments = SetupArgs { broker_id: instance.brokered.id, ..SetupArgs::default() };
        if !registration {
            arguments.config = inner.options.config.clone();
            let mut set = |key: &str, value: &str| arguments.config.insert(key.to_owned(), value.to_owned());
            set("plugin_name", self.plugin_name());
            set("plugin_type", "auth");
            set("plugin_version", &inner.options.plugin_version);
            arguments.backend_uuid.clone_from(&inner.uuid);
        }
        let mut backend = self.backend();
        let setup = backend.setup(self.call(arguments));
        let reply = match inner.options.conn_info {
            ConnInfoTiming::Before => {
                announce();
                // A round trip on the same connection, so that the announcement has gone out.
                let _ = instance.plugin.multiplexing_supported().await;
                setup.await
            }
            ConnInfoTiming::During => tokio::join!(setup, async { announce() }).0,
            ConnInfoTiming::After(delay) => {
                let late = async {
                    tokio::time::sleep(delay).await;
                    announce();
                };
                tokio::join!(setup, late).0
            }
            ConnInfoTiming::Never => setup.await,
        };
        let reply = reply.map_err(|status| MountError::Call("Setup", status))?.into_inner();
        if reply.err.is_empty() { Ok(()) } else { Err(MountError::Setup(reply.err)) }
    }

    /// The kind of backend.
    ///
    /// # Errors
    /// The gRPC status.
    pub async fn mount_type(&self) -> Result<u32, Status> {
        Ok(self.backend().r#type(self.call(Empty {})).await?.into_inner().r#type)
    }

    /// The special paths, which the host remembers.
    ///
    /// # Errors
    /// If the call fails, or a path has a form the host does not accept.
    pub async fn special_paths(&self) -> Result<Paths, MountError> {
        let reply = self
            .backend()
            .special_paths(self.call(Empty {}))
            .await
            .map_err(|status| MountError::Call("SpecialPaths", status))?;
        let paths = reply.into_inner().paths.unwrap_or_default();
        if let Some(bad) = paths.unauthenticated.iter().find(|path| !is_acceptable(path)) {
            return Err(MountError::SpecialPath(bad.clone()));
        }
        self.inner.paths.lock().unwrap().clone_from(&paths);
        Ok(paths)
    }

    /// The version the plugin claims to have.
    ///
    /// # Errors
    /// The gRPC status.
    pub async fn version(&self) -> Result<String, Status> {
        let mut client = PluginVersionClient::new(self.instance().plugin.channel.clone());
        Ok(client.version(self.call(logical::Empty {})).await?.into_inner().plugin_version)
    }

    /// Initialize; from here on storage can be written.
    ///
    /// # Errors
    /// [`MountError::Initialize`] with the plugin's text, or [`MountError::Call`].
    pub async fn initialize(&self) -> Result<(), MountError> {
        self.inner.storage.set_in_setup(false);
        match self.backend().initialize(self.call(InitializeArgs {})).await {
            Ok(reply) => match reply.into_inner().err {
                None => Ok(()),
                Some(error) => Err(MountError::Initialize(text_of(&error).to_owned())),
            },
            // A plugin without Initialize is accepted.
            Err(status) if status.code() == Code::Unimplemented => Ok(()),
            Err(status) => Err(MountError::Call("Initialize", status)),
        }
    }

    /// Waits until the plugin has done the work that it begins at Initialize, if it may write.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn initialized(&self) {
        let MountInner { storage, view, .. } = &*self.inner;
        if storage.is_read_only() || !view.is_writer() {
            return;
        }
        let deadline = Instant::now() + INITIALIZATION_LIMIT;
        while storage.get(INITIALIZED).is_none() {
            assert!(Instant::now() < deadline, "{INITIALIZED} was not written");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Tells the plugin that a storage key has changed elsewhere.
    ///
    /// # Errors
    /// The gRPC status.
    pub async fn invalidate(&self, key: &str) -> Result<(), Status> {
        self.backend().invalidate_key(self.call(InvalidateKeyArgs { key: key.to_owned() })).await?;
        Ok(())
    }

    /// Cleanup, and then the end of the mount's storage server.
    ///
    /// # Errors
    /// The gRPC status of Cleanup.
    ///
    /// # Panics
    /// If the plugin leaves a call to its storage hanging.
    pub async fn cleanup(&self) -> Result<(), Status> {
        let result = self.backend().cleanup(self.call(Empty {})).await;
        assert!(self.instance().brokered.stop().await, "the plugin still calls a mount that was cleaned up");
        result.map(drop)
    }

    /// What `plugin reload` does with one mount: Cleanup, a new process if this one is still the old,
    /// and the mount set up there.
    ///
    /// # Errors
    /// See [`MountError`].
    pub async fn reload(&self) -> Result<(), MountError> {
        // The process may be gone already.
        let _ = self.cleanup().await;
        let inner = &self.inner;
        let plugin = inner.running.replacement(&self.instance().plugin).await;
        let instance = self.new_instance(plugin).await?;
        *inner.instance.lock().unwrap() = Arc::new(instance);
        self.setup().await?;
        self.initialize().await?;
        self.special_paths().await.map(drop)
    }

    /// Setup once more under the same instance id, with a new server for storage and system view, as
    /// after an answer that was lost. Gives the number of connections left to the old server once the
    /// plugin had time to close them.
    ///
    /// # Errors
    /// See [`MountError`].
    pub async fn set_up_again(&self) -> Result<usize, MountError> {
        let inner = &self.inner;
        let old = self.instance();
        let mut instance = self.new_instance(Arc::clone(&old.plugin)).await?;
        instance.multiplex_id.clone_from(&old.multiplex_id);
        *inner.instance.lock().unwrap() = Arc::new(instance);
        self.setup().await?;
        self.initialize().await?;
        old.brokered.stop().await;
        Ok(old.brokered.open_connections())
    }
}

impl Instance {
    async fn open(
        plugin: Arc<Plugin>,
        flavor: Flavor,
        storage: &Arc<MemoryStorage>,
        view: &Arc<HostView>,
        server_identity: Option<&Arc<Identity>>,
    ) -> Result<Self, MountError> {
        let supported = plugin
            .multiplexing_supported()
            .await
            .map_err(|status| MountError::Call("MultiplexingSupport", status))?;
        assert!(supported, "the plugin can serve several mounts");
        let tls = server_identity.map(|identity| {
            let certificate = plugin.handshake.certificate.as_ref().expect("the plugin uses TLS");
            Arc::new(identity.server_config(certificate))
        });
        let storage = StorageService::new(Arc::clone(storage), flavor);
        let system_view = SystemViewService::new(Arc::clone(view));
        let brokered = plugin.broker.serve(storage, system_view, tls).expect("the host can listen");
        Ok(Self { plugin, multiplex_id: random_multiplex_id(), brokered })
    }
}
