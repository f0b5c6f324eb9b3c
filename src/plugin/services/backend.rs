//! The backend service: hands the host's calls to the mount they are for.

use std::sync::Arc;

use thiserror::Error;
use tonic::{Request, Response, Status};
use vault_plugin_auth_aws::framework::{Existence, Failure, NotCheckable};
use vault_plugin_auth_aws::method::{AuthMethod, SpecialPaths};
use vault_plugin_auth_aws::mount::{Environment, MountSetup};

use super::instances::{Instance, Instances, multiplex_id};
use crate::plugin::host::connection::HostConnection;
use crate::plugin::host::storage::HostStorage;
use crate::plugin::host::system_view::HostSystemView;
use crate::plugin::link::dial_error::DialError;
use crate::plugin::link::dialer::Dialer;
use crate::plugin::process::beginnings::Beginnings;
use crate::plugin::process::bursts::Bursts;
use crate::plugin::process::panics::caught;
use crate::plugin::wire::protocol::pb;
use crate::plugin::wire::protocol::pb::backend_server::Backend;
use crate::plugin::wire::{
    Untranslatable, core_request, existence_reply, failure_error, internal_error, request_reply,
};

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::backend_service");

/// The number of auth methods among the kinds of backends.
const AUTH_METHOD: u32 = 2;
const METADATA_MODE: &str = "plugin server can not perform action while in metadata mode";

/// Why a mount is not set up.
#[derive(Debug, Error)]
enum SetUpError {
    /// Its services of the host cannot be reached.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// What happened stands in the log.
    #[error("internal error")]
    Panicked,
}

/// The gRPC service.
pub(crate) struct BackendService {
    /// What all mounts share.
    pub(crate) environment: Arc<Environment>,
    /// Reaches the services of the host.
    pub(crate) dialer: Dialer,
    /// The host's version at launch.
    pub(crate) launch_version: Option<String>,
    /// Whether only descriptions are served.
    pub(crate) metadata_mode: bool,
    /// How much its requests hold.
    pub(crate) bursts: Arc<Bursts>,
    /// Hears of each mount.
    pub(crate) beginnings: Arc<Beginnings>,
    /// The mounts.
    pub(crate) instances: Instances,
}

impl BackendService {
    fn method<T>(&self, request: &Request<T>) -> Result<Arc<AuthMethod>, Status> {
        self.instances.method(multiplex_id(request.metadata())?)
    }

    fn serving_method<T>(&self, request: &Request<T>) -> Result<Arc<AuthMethod>, Status> {
        if self.metadata_mode { Err(Status::unknown(METADATA_MODE)) } else { self.method(request) }
    }

    async fn set_up(&self, id: String, arguments: pb::SetupArgs) -> Result<(), SetUpError> {
        let connection = HostConnection::new(self.dialer.open(arguments.broker_id).await?);
        let setup = MountSetup {
            config: arguments.config,
            backend_uuid: arguments.backend_uuid,
            storage: Arc::new(HostStorage::new(connection.clone())),
            system_view: Arc::new(HostSystemView::new(connection.clone(), self.launch_version.clone())),
        };
        let environment = self.environment.clone();
        let method = caught(async { AuthMethod::new(environment, setup) }).await;
        let method = method.map_err(|_| SetUpError::Panicked)?;
        self.instances.add(id, Instance::new(Arc::new(method), connection)).await;
        self.beginnings.tell();
        Ok(())
    }
}

#[tonic::async_trait]
impl Backend for BackendService {
    async fn handle_request(
        &self,
        request: Request<pb::HandleRequestArgs>,
    ) -> Result<Response<pb::HandleRequestReply>, Status> {
        let method = self.serving_method(&request)?;
        let message = request.into_inner().request;
        let _held = self.bursts.hold(message.as_ref().map_or(0, |message| message.data.len()));
        let reply = match core_request(message) {
            Ok(request) => match caught(method.handle_request(request)).await {
                Ok(reply) => request_reply(reply),
                Err(_) => pb::HandleRequestReply { response: None, err: Some(internal_error()) },
            },
            Err(Untranslatable::Missing) => return Err(missing_request()),
            Err(Untranslatable::Operation(_)) => request_reply(Err(Failure::unsupported_operation()).into()),
            Err(error @ Untranslatable::InternalData) => request_reply(Err(Failure::internal(&error)).into()),
        };
        Ok(Response::new(reply))
    }

    async fn special_paths(
        &self,
        request: Request<pb::Empty>,
    ) -> Result<Response<pb::SpecialPathsReply>, Status> {
        self.method(&request)?;
        let owned = |paths: &[&str]| paths.iter().copied().map(str::to_owned).collect();
        let SpecialPaths { unauthenticated, local_storage, seal_wrap_storage } = SpecialPaths::AWS;
        let paths = pb::Paths {
            unauthenticated: owned(unauthenticated),
            local_storage: owned(local_storage),
            seal_wrap_storage: owned(seal_wrap_storage),
            ..pb::Paths::default()
        };
        Ok(Response::new(pb::SpecialPathsReply { paths: Some(paths) }))
    }

    async fn handle_existence_check(
        &self,
        request: Request<pb::HandleExistenceCheckArgs>,
    ) -> Result<Response<pb::HandleExistenceCheckReply>, Status> {
        let method = self.serving_method(&request)?;
        let failed = |failure| existence_reply(Existence::Failed(failure));
        let reply = match core_request(request.into_inner().request) {
            Ok(request) => match caught(method.existence_check(request)).await {
                Ok(existence) => existence_reply(existence),
                Err(_) => pb::HandleExistenceCheckReply {
                    err: Some(internal_error()),
                    ..pb::HandleExistenceCheckReply::default()
                },
            },
            Err(Untranslatable::Missing) => return Err(missing_request()),
            Err(Untranslatable::Operation(operation)) => {
                failed(Failure::internal(&NotCheckable { operation }))
            }
            Err(error @ Untranslatable::InternalData) => failed(Failure::internal(&error)),
        };
        Ok(Response::new(reply))
    }

    async fn cleanup(&self, request: Request<pb::Empty>) -> Result<Response<pb::Empty>, Status> {
        self.instances.remove(multiplex_id(request.metadata())?).await?;
        Ok(Response::new(pb::Empty {}))
    }

    async fn invalidate_key(
        &self,
        request: Request<pb::InvalidateKeyArgs>,
    ) -> Result<Response<pb::Empty>, Status> {
        let method = self.serving_method(&request)?;
        let key = request.into_inner().key;
        caught(async { method.invalidate_key(&key) })
            .await
            .map_err(|_| Status::unknown(internal_error().err_msg))?;
        Ok(Response::new(pb::Empty {}))
    }

    async fn setup(&self, request: Request<pb::SetupArgs>) -> Result<Response<pb::SetupReply>, Status> {
        let id = multiplex_id(request.metadata())?.to_owned();
        let err = match self.set_up(id, request.into_inner()).await {
            Ok(()) => String::new(),
            Err(error) => {
                tracing::error!(target: LOG, %error, "cannot set up the mount");
                error.to_string()
            }
        };
        Ok(Response::new(pb::SetupReply { err }))
    }

    async fn initialize(
        &self,
        request: Request<pb::InitializeArgs>,
    ) -> Result<Response<pb::InitializeReply>, Status> {
        let method = self.serving_method(&request)?;
        let err = match caught(method.initialize()).await {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure_error(failure)),
            Err(_) => Some(internal_error()),
        };
        Ok(Response::new(pb::InitializeReply { err }))
    }

    async fn r#type(&self, request: Request<pb::Empty>) -> Result<Response<pb::TypeReply>, Status> {
        self.method(&request)?;
        Ok(Response::new(pb::TypeReply { r#type: AUTH_METHOD }))
    }
}

fn missing_request() -> Status {
    Status::invalid_argument(Untranslatable::Missing.to_string())
}
