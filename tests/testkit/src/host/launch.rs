//! Starting a plugin binary: its environment, its handshake, the first connection.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::broker::Broker;
use super::flavor::Flavor;
use super::folders::Folders;
use super::handshake::{Address, Handshake};
use super::links::Links;
use super::multiplexer::Multiplexer;
use super::process::{Finished, Process};
use super::tls::Identity;
use super::transport::Route;
use crate::proto::plugin::Empty;
use crate::proto::plugin::grpc_controller_client::GrpcControllerClient;
use crate::proto::plugin::grpc_stdio_client::GrpcStdioClient;
use crate::proto::pluginutil::multiplexing::MultiplexingSupportRequest;
use crate::proto::pluginutil::multiplexing::plugin_multiplexing_client::PluginMultiplexingClient;

/// Name of the variable by which a plugin knows that a host started it.
pub const COOKIE_NAME: &str = "VAULT_BACKEND_PLUGIN";
/// Its value.
pub const COOKIE_VALUE: &str = "6669da05-b1c8-4f49-97d9-c8e5bed98e20";
/// The only protocol version of the plugin.
pub(super) const PROTOCOL_VERSION: u32 = 5;

/// How long a host waits for the handshake line.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(60);
/// How long a host waits for the process after Shutdown before it kills it.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// Variables of the test's own environment that the plugin inherits. The rest is left out, so that
/// credentials and proxies of the machine do not reach the plugin.
const INHERITED: [&str; 4] = ["LD_LIBRARY_PATH", "LLVM_PROFILE_FILE", "PATH", "RUST_BACKTRACE"];

/// What stands in `PLUGIN_CLIENT_CERT`.
#[derive(Clone, Debug)]
enum ClientCertificate {
    Own,
    Absent,
    Text(String),
}

/// How to start a plugin.
#[derive(Clone, Debug)]
pub struct Launch {
    binary: PathBuf,
    arguments: Vec<OsString>,
    pub(super) flavor: Flavor,
    pub(super) version: String,
    cookie: Option<String>,
    protocol_versions: Option<String>,
    client_certificate: ClientCertificate,
    metadata_mode: bool,
    multiplexed_broker: bool,
    environment: Vec<(OsString, Option<OsString>)>,
}

impl Launch {
    /// As OpenBao starts plugins.
    #[must_use]
    pub fn open_bao(binary: impl AsRef<Path>) -> Self {
        Self {
            binary: binary.as_ref().to_owned(),
            arguments: Vec::new(),
            flavor: Flavor::OpenBao,
            version: "2.7.2".to_owned(),
            cookie: Some(COOKIE_VALUE.to_owned()),
            protocol_versions: Some(PROTOCOL_VERSION.to_string()),
            client_certificate: ClientCertificate::Own,
            metadata_mode: false,
            multiplexed_broker: false,
            environment: Vec::new(),
        }
    }

    /// As Vault starts plugins.
    #[must_use]
    pub fn vault(binary: impl AsRef<Path>) -> Self {
        Self { flavor: Flavor::Vault, version: "1.20.0".to_owned(), ..Self::open_bao(binary) }
    }

    /// Adds a command-line argument.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// The version the host claims to have.
    #[must_use]
    pub fn host_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// The value of the magic cookie; `None` leaves it out.
    #[must_use]
    pub fn cookie(mut self, value: Option<&str>) -> Self {
        self.cookie = value.map(str::to_owned);
        self
    }

    /// The value of `PLUGIN_PROTOCOL_VERSIONS`; `None` leaves it out.
    #[must_use]
    pub fn protocol_versions(mut self, value: Option<&str>) -> Self {
        self.protocol_versions = value.map(str::to_owned);
        self
    }

    /// Leaves out `PLUGIN_CLIENT_CERT`: no TLS.
    #[must_use]
    pub fn without_client_certificate(mut self) -> Self {
        self.client_certificate = ClientCertificate::Absent;
        self
    }

    /// Sets `PLUGIN_CLIENT_CERT` to a text.
    #[must_use]
    pub fn client_certificate_text(mut self, text: &str) -> Self {
        self.client_certificate = ClientCertificate::Text(text.to_owned());
        self
    }

    /// Starts the plugin in metadata mode.
    #[must_use]
    pub fn metadata_mode(mut self) -> Self {
        self.metadata_mode = true;
        self
    }

    /// Asks for the multiplexed transport, as Vault does for containerised plugins.
    #[must_use]
    pub fn multiplexed_broker(mut self) -> Self {
        self.multiplexed_broker = true;
        self
    }

    /// Sets a variable of the plugin's environment, after all others.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes a variable from the plugin's environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Starts the process and does nothing else.
    ///
    /// # Panics
    /// If the binary cannot be started.
    #[must_use]
    pub fn spawn(&self) -> Started {
        self.spawn_in(Arc::new(Folders::new()))
    }

    pub(super) fn spawn_in(&self, folders: Arc<Folders>) -> Started {
        let identity = Arc::new(Identity::generate());
        let mut command = Command::new(&self.binary);
        command.args(&self.arguments).env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", folders.root()).env("TMPDIR", folders.plugin());
        let prefixes: &[&str] = match self.flavor {
            Flavor::OpenBao => &["BAO_", "VAULT_"],
            Flavor::Vault => &["VAULT_"],
        };
        let auto_mtls = !matches!(self.client_certificate, ClientCertificate::Absent);
        for prefix in prefixes {
            command.env(format!("{prefix}VERSION"), &self.version);
            command.env(format!("{prefix}PLUGIN_METADATA_MODE"), self.metadata_mode.to_string());
            command.env(format!("{prefix}PLUGIN_AUTOMTLS_ENABLED"), auto_mtls.to_string());
        }
        command.env("PLUGIN_MIN_PORT", "10000").env("PLUGIN_MAX_PORT", "25000");
        if let Some(cookie) = &self.cookie {
            command.env(COOKIE_NAME, cookie);
        }
        if let Some(versions) = &self.protocol_versions {
            command.env("PLUGIN_PROTOCOL_VERSIONS", versions);
        }
        match &self.client_certificate {
            ClientCertificate::Own => {
                command.env("PLUGIN_CLIENT_CERT", identity.pem());
            }
            ClientCertificate::Absent => {}
            ClientCertificate::Text(text) => {
                command.env("PLUGIN_CLIENT_CERT", text);
            }
        }
        if self.multiplexed_broker {
            command.env("PLUGIN_MULTIPLEX_GRPC", "true");
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let process = Process::spawn(&mut command)
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", self.binary.display()));
        Started { process, identity, folders, multiplexed_broker: self.multiplexed_broker, auto_mtls }
    }
}

/// Why a plugin could not be used.
#[derive(Debug)]
pub enum StartError {
    /// The process ended before it printed a line.
    Exited(Finished),
    /// Nothing came in time.
    Silent,
    /// A host does not accept the line.
    Handshake(String),
    /// The connection could not be made.
    Connection(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(finished) => write!(f, "the plugin ended before its handshake: {finished:#?}"),
            Self::Silent => f.write_str("timeout while waiting for plugin to start"),
            Self::Handshake(text) => write!(f, "unrecognized handshake: {text}"),
            Self::Connection(text) => write!(f, "no connection: {text}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A plugin process nobody has connected to.
pub struct Started {
    /// The process.
    pub process: Process,
    /// The host's certificate, which the plugin was told.
    pub identity: Arc<Identity>,
    /// Where both sides put their sockets.
    pub folders: Arc<Folders>,
    multiplexed_broker: bool,
    auto_mtls: bool,
}

impl Started {
    /// Waits for the handshake line and reads it as a host does.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn handshake(&self) -> Result<Handshake, StartError> {
        let output = self.process.first_stdout_line(HANDSHAKE_LIMIT).await.ok_or(StartError::Silent)?;
        let Some(line) = output.lines.first() else {
            return Err(StartError::Exited(self.process.finish(HANDSHAKE_LIMIT).await));
        };
        let handshake = Handshake::parse(line).map_err(StartError::Handshake)?;
        let refused = |text: &str| Err(StartError::Handshake(format!("{text}: {line}")));
        if handshake.protocol_version != PROTOCOL_VERSION {
            return refused("protocol version");
        }
        if handshake.multiplexed_broker != self.multiplexed_broker.then_some(true) {
            return refused("multiplexing");
        }
        if handshake.certificate.is_some() != self.auto_mtls {
            return refused("certificate");
        }
        Ok(handshake)
    }

    /// Connects as a host does: main connection, health, standard streams, broker.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn connect(self) -> Result<Plugin, StartError> {
        let handshake = self.handshake().await?;
        let failed = |error: &dyn std::error::Error| StartError::Connection(chain(error));
        let links = Arc::new(Links::default());
        let (route, inbound) = match &handshake.address {
            Address::Unix(path) if self.multiplexed_broker => {
                let socket = links.connect(path).map_err(|error| failed(&error))?;
                let (multiplexer, inbound) = Multiplexer::start(socket);
                (Route::Multiplexed(Arc::new(multiplexer)), Some(inbound))
            }
            address => (Route::Socket { address: address.clone(), links: Arc::clone(&links) }, None),
        };
        let (client_tls, server_tls) = match &handshake.certificate {
            Some(certificate) => (
                Some(Arc::new(Identity::client_config(Some(&self.identity), certificate))),
                Some(Arc::new(self.identity.server_config(certificate))),
            ),
            None => (None, None),
        };
        let channel = route.channel(client_tls).await.map_err(|error| failed(&error))?;
        let health = HealthClient::new(channel.clone())
            .check(HealthCheckRequest { service: "plugin".to_owned() })
            .await
            .map_err(|error| failed(&error))?;
        if health.into_inner().status() != ServingStatus::Serving {
            return Err(StartError::Connection("the plugin is not serving".to_owned()));
        }
        let stdio = tokio::spawn(drain_stdio(channel.clone()));
        let broker =
            Broker::start(channel.clone(), self.folders.host(), Arc::clone(&links), server_tls, inbound);
        Ok(Plugin {
            process: self.process,
            identity: self.identity,
            folders: self.folders,
            handshake,
            channel,
            broker,
            route,
            links,
            stdio,
        })
    }
}

/// A running plugin with the host's connections to it. Dropping it kills the process.
pub struct Plugin {
    /// The process.
    pub process: Process,
    /// The host's certificate.
    pub identity: Arc<Identity>,
    /// Where both sides put their sockets.
    pub folders: Arc<Folders>,
    /// What the plugin printed.
    pub handshake: Handshake,
    /// The main connection.
    pub channel: Channel,
    /// The broker.
    pub broker: Broker,
    /// The way to further connections.
    pub route: Route,
    pub(super) links: Arc<Links>,
    stdio: JoinHandle<()>,
}

impl Plugin {
    /// Whether one process serves several mounts.
    ///
    /// # Errors
    /// The gRPC status.
    pub async fn multiplexing_supported(&self) -> Result<bool, tonic::Status> {
        let mut client = PluginMultiplexingClient::new(self.channel.clone());
        Ok(client.multiplexing_support(MultiplexingSupportRequest {}).await?.into_inner().supported)
    }

    /// Asks the plugin to end, and nothing else.
    pub async fn request_shutdown(&self) {
        // The reply may be lost with the process.
        let _ = GrpcControllerClient::new(self.channel.clone()).shutdown(Empty {}).await;
    }

    /// Ends the plugin as a host does: Shutdown, close, wait two seconds, SIGKILL.
    pub async fn shutdown(&self) -> ShutDown {
        let begun = Instant::now();
        self.request_shutdown().await;
        self.links.cut();
        let status = self.process.wait(SHUTDOWN_LIMIT).await;
        let elapsed = begun.elapsed();
        if status.is_none() {
            self.process.kill();
        }
        ShutDown { code: status.and_then(|status| status.code()), killed: status.is_none(), elapsed }
    }

    /// A raw connection to the plugin's socket, outside the main one.
    ///
    /// # Panics
    /// If the plugin does not listen on a Unix socket, or does not accept.
    #[must_use]
    pub fn raw_connection(&self) -> UnixStream {
        let Address::Unix(path) = &self.handshake.address else { panic!("not a Unix socket") };
        UnixStream::connect(path).expect("the plugin accepts connections")
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.stdio.abort();
    }
}

/// How a plugin ended after Shutdown.
#[derive(Clone, Copy, Debug)]
pub struct ShutDown {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Whether it had to be killed.
    pub killed: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// Reads and drops what the plugin sends as its standard streams, as both hosts do.
async fn drain_stdio(channel: Channel) {
    let mut client = GrpcStdioClient::new(channel);
    if let Ok(reply) = client.stream_stdio(()).await {
        let mut stream = reply.into_inner();
        while let Ok(Some(_)) = stream.message().await {}
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
