//! Serving a host from the first line on standard output to the end of the process.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use tonic_health::ServingStatus;
use vault_plugin_auth_aws::https::HttpsTransport;
use vault_plugin_auth_aws::mount::used_signatures::UsedSignatures;
use vault_plugin_auth_aws::mount::{Environment, room_of_process};
use vault_plugin_auth_aws::ports::{SystemClock, SystemRandom, World};

use super::services::Services;
use crate::plugin::link::admission::Admission;
use crate::plugin::link::broker::{Broker, BrokerService};
use crate::plugin::link::certificate::{OwnCertificate, host_certificate};
use crate::plugin::link::dialer::Dialer;
use crate::plugin::link::multiplexed_broker::MultiplexedDialer;
use crate::plugin::link::socket::SocketFile;
use crate::plugin::link::tls::PeerTls;
use crate::plugin::process::beginnings::Beginnings;
use crate::plugin::process::bursts::Bursts;
use crate::plugin::process::handshake::HandshakeLine;
use crate::plugin::process::launch::LaunchEnvironment;
use crate::plugin::process::lifecycle::{Exit, Lifecycle, Signals};
use crate::plugin::process::start_error::StartError;
use crate::plugin::services::backend::BackendService;
use crate::plugin::services::capabilities::{MultiplexingService, VersionService};
use crate::plugin::services::controller::ControllerService;
use crate::plugin::services::instances::Instances;
use crate::plugin::services::paced_body::leave_to_read;
use crate::plugin::services::stdio::StdioService;
use crate::plugin::wire::protocol::logical::plugin_version_server::PluginVersionServer;
use crate::plugin::wire::protocol::pb::backend_server::BackendServer;
use crate::plugin::wire::protocol::plugin::grpc_broker_server::GrpcBrokerServer;
use crate::plugin::wire::protocol::plugin::grpc_controller_server::GrpcControllerServer;
use crate::plugin::wire::protocol::plugin::grpc_stdio_server::GrpcStdioServer;
use crate::plugin::wire::protocol::pluginutil::multiplexing::plugin_multiplexing_server::PluginMultiplexingServer;

/// Largest message of the host. The largest legitimate request, a login, is far smaller.
const MAX_REQUEST: usize = 4 * 1024 * 1024;
/// Answers are as large as they are.
const MAX_ANSWER: usize = usize::MAX;
/// The name under which hosts ask for the plugin's health.
const HEALTH_SERVICE: &str = "plugin";

/// Serves until the process shall end. The socket is gone by then.
pub(crate) async fn serve(launch: LaunchEnvironment) -> Result<Exit, StartError> {
    let identity = Identity::for_launch(&launch)?;
    let random = SystemRandom::default();
    let (socket, listener) = SocketFile::listen(&launch, &random)?;
    let environment = Arc::new(Environment {
        world: Arc::new(World {
            transport: Arc::new(HttpsTransport::new().map_err(StartError::Transport)?),
            clock: Arc::new(SystemClock),
            random: Arc::new(random),
        }),
        host: launch.host,
        forwarded: room_of_process(),
        neighbours: Default::default(),
        used: UsedSignatures::default(),
    });

    let lifecycle = Lifecycle::new();
    tokio::spawn(Signals::install()?.handle(lifecycle.clone()));
    tokio::spawn({
        let lifecycle = lifecycle.clone();
        async move { lifecycle.watch_host().await }
    });

    let broker = Broker::new(lifecycle.clone());
    let tls = identity.as_ref().map(|identity| identity.tls.clone());
    let (admission, connections) = Admission::new(tls.clone(), lifecycle.clone());
    let dialer = if launch.multiplexed {
        let dialer = MultiplexedDialer::start(listener, admission, broker.clone(), tls, lifecycle.clone());
        Dialer::Multiplexed(dialer)
    } else {
        tokio::spawn(admission.accept_from(listener));
        Dialer::Direct { broker: broker.clone(), tls }
    };

    let line = HandshakeLine {
        socket: socket.path(),
        certificate: identity.as_ref().map(|identity| &identity.own.certificate),
        multiplexing: launch.announce_multiplexing,
    };
    line.print(&mut io::stdout().lock()).map_err(StartError::Handshake)?;

    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status(HEALTH_SERVICE, ServingStatus::Serving).await;
    let bursts = Arc::new(Bursts::default());
    tokio::spawn({
        let bursts = Arc::clone(&bursts);
        async move { bursts.give_back_after_each(heap::give_back).await }
    });
    let beginnings = Arc::new(Beginnings::default());
    tokio::spawn({
        let beginnings = Arc::clone(&beginnings);
        async move { beginnings.let_go_after_each(heap::let_go_of_code).await }
    });
    let backend = BackendService {
        environment,
        dialer,
        launch_version: launch.host_version,
        metadata_mode: launch.metadata_mode,
        bursts,
        beginnings,
        instances: Instances::default(),
    };
    let services = Services {
        health: health_service,
        broker: GrpcBrokerServer::new(BrokerService(broker)),
        controller: GrpcControllerServer::new(ControllerService(lifecycle.clone())),
        stdio: GrpcStdioServer::new(StdioService),
        version: PluginVersionServer::new(VersionService),
        multiplexing: PluginMultiplexingServer::new(MultiplexingService),
        backend: BackendServer::new(backend)
            .max_decoding_message_size(MAX_REQUEST)
            .max_encoding_message_size(MAX_ANSWER),
        reading: leave_to_read(),
    };

    let exit = tokio::select! {
        exit = lifecycle.ended() => exit,
        () = services.serve(connections) => {
            tracing::error!("no connection can come any more");
            Exit::ServerFailed
        }
    };
    tracing::debug!(reason = ?exit, "ending");
    Ok(exit)
}

/// The certificates of a process that serves over TLS.
struct Identity {
    own: OwnCertificate,
    tls: Arc<PeerTls>,
}

impl Identity {
    /// `None` in metadata mode, where hosts of old protocol versions use no TLS and no request is
    /// served. Requests are never served without TLS.
    #[expect(clippy::disallowed_methods, reason = "the certificate of this process is valid from now on")]
    fn for_launch(launch: &LaunchEnvironment) -> Result<Option<Self>, StartError> {
        let Some(pem) = &launch.client_certificate else {
            return if launch.metadata_mode { Ok(None) } else { Err(StartError::NoHostCertificate) };
        };
        let own = OwnCertificate::generate(SystemTime::now())?;
        let tls = Arc::new(PeerTls::new(&own, host_certificate(pem)?)?);
        Ok(Some(Self { own, tls }))
    }
}
