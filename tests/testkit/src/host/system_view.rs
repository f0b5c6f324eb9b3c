//! What the host tells a mount about itself: settable by the test, with recorded calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tonic::{Request, Response, Status};

use super::flavor::Flavor;
use crate::proto::logical::PluginEnvironment;
use crate::proto::pb::system_view_server::SystemView;
use crate::proto::pb::{
    CachingDisabledReply, ClusterInfoReply, DeregisterRotationJobRequest, DeregisterRotationRequestInput,
    Empty, EntityInfoArgs, EntityInfoReply, GenerateIdentityTokenRequest, GenerateIdentityTokenResponse,
    GeneratePasswordFromPolicyReply, GeneratePasswordFromPolicyRequest, GroupsForEntityReply,
    LocalMountReply, MlockEnabledReply, PluginEnvReply, RegisterRotationJobRequest,
    RegisterRotationJobResponse, ReplicationStateReply, ResponseWrapDataArgs, ResponseWrapDataReply,
    RotationJobInput, TaintedReply, TtlReply,
};

/// The text of every call during registration.
pub const MISSING: &str = "missing system view implementation: this method should not be called during plugin \
                           Setup, but only during and after Initialize";

/// Performance replication and disaster recovery both disabled.
pub const REPLICATION_DISABLED: i32 = 4096 | 8192;

/// The cluster is a performance secondary.
pub const PERFORMANCE_SECONDARY: i32 = 64;
/// The cluster is for disaster recovery.
pub const DR_SECONDARY: i32 = 512;
/// The node is a performance standby.
pub const PERFORMANCE_STANDBY: i32 = 16384;

/// Default and maximum lease time of a mount.
const LEASE_TTL: Duration = Duration::from_secs(768 * 3600);

/// What the host answers; change it with [`HostView::update`].
#[derive(Clone, Debug)]
pub struct HostValues {
    /// Default lease time of the mount.
    pub default_lease_ttl: Duration,
    /// Maximum lease time of the mount.
    pub max_lease_ttl: Duration,
    /// Whether the mount is being removed.
    pub tainted: bool,
    /// Whether caches are off.
    pub caching_disabled: bool,
    /// Replication bit set.
    pub replication_state: i32,
    /// The error text of the question for it; empty for success.
    pub replication_error: String,
    /// Whether the mount is local to the cluster.
    pub local_mount: bool,
    /// Version of the host, without `v`.
    pub version: String,
    /// The answer to GenerateIdentityToken; `None` where the host does not have the call.
    pub identity_token: Option<Result<String, String>>,
    /// Whether the host has rotation jobs.
    pub rotation_jobs: bool,
    /// The error text of rotation calls; empty for success.
    pub rotation_error: String,
}

/// A call of the identity-token kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityTokenCall {
    /// For whom the token is.
    pub audience: String,
    /// Wanted time to live.
    pub ttl: Duration,
}

/// The system view of one mount.
pub struct HostView {
    state: Mutex<State>,
}

struct State {
    values: HostValues,
    missing: bool,
    calls: BTreeMap<&'static str, u64>,
    identity_tokens: Vec<IdentityTokenCall>,
    registered: Vec<RotationJobInput>,
    deregistered: Vec<DeregisterRotationRequestInput>,
}

impl HostView {
    /// The view of a mount that has just been enabled. OpenBao has neither identity tokens nor
    /// rotation jobs.
    #[must_use]
    pub fn new(flavor: Flavor, version: &str) -> Arc<Self> {
        let vault = flavor == Flavor::Vault;
        let values = HostValues {
            default_lease_ttl: LEASE_TTL,
            max_lease_ttl: LEASE_TTL,
            tainted: false,
            caching_disabled: false,
            replication_state: REPLICATION_DISABLED,
            replication_error: String::new(),
            local_mount: false,
            version: version.to_owned(),
            identity_token: vault.then(|| Ok("header.claims.signature".to_owned())),
            rotation_jobs: vault,
            rotation_error: String::new(),
        };
        Arc::new(Self {
            state: Mutex::new(State {
                values,
                missing: false,
                calls: BTreeMap::new(),
                identity_tokens: Vec::new(),
                registered: Vec::new(),
                deregistered: Vec::new(),
            }),
        })
    }

    /// Changes what the host answers from now on.
    pub fn update(&self, change: impl FnOnce(&mut HostValues)) {
        change(&mut self.state.lock().unwrap().values);
    }

    /// Whether the node may write the mount's storage.
    #[must_use]
    pub fn is_writer(&self) -> bool {
        let values = &self.state.lock().unwrap().values;
        let is = |bit: i32| values.replication_state & bit != 0;
        !is(PERFORMANCE_STANDBY) && !is(DR_SECONDARY) && (!is(PERFORMANCE_SECONDARY) || values.local_mount)
    }

    /// How often a method was called, by its protocol name.
    #[must_use]
    pub fn calls(&self, method: &str) -> u64 {
        self.state.lock().unwrap().calls.get(method).copied().unwrap_or_default()
    }

    /// Every identity token asked for.
    #[must_use]
    pub fn identity_tokens(&self) -> Vec<IdentityTokenCall> {
        self.state.lock().unwrap().identity_tokens.clone()
    }

    /// Every rotation job registered.
    #[must_use]
    pub fn registered_jobs(&self) -> Vec<RotationJobInput> {
        self.state.lock().unwrap().registered.clone()
    }

    /// Every rotation job removed.
    #[must_use]
    pub fn deregistered_jobs(&self) -> Vec<DeregisterRotationRequestInput> {
        self.state.lock().unwrap().deregistered.clone()
    }

    pub(super) fn set_missing(&self, missing: bool) {
        self.state.lock().unwrap().missing = missing;
    }

    fn answer<T>(
        &self,
        method: &'static str,
        answer: impl FnOnce(&mut State) -> Result<T, Status>,
    ) -> Result<Response<T>, Status> {
        let mut state = self.state.lock().unwrap();
        *state.calls.entry(method).or_default() += 1;
        if state.missing {
            return Err(Status::unknown(MISSING));
        }
        answer(&mut state).map(Response::new)
    }
}

/// `pb.SystemView` over a [`HostView`].
pub struct SystemViewService {
    view: Arc<HostView>,
}

impl SystemViewService {
    /// Serves a view.
    #[must_use]
    pub fn new(view: Arc<HostView>) -> Self {
        Self { view }
    }
}

fn unknown_method(method: &str) -> Status {
    Status::unimplemented(format!("unknown method {method} for service pb.SystemView"))
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).expect("lease times fit")
}

#[tonic::async_trait]
impl SystemView for SystemViewService {
    async fn default_lease_ttl(&self, _request: Request<Empty>) -> Result<Response<TtlReply>, Status> {
        self.view.answer("DefaultLeaseTTL", |state| {
            Ok(TtlReply { ttl: nanoseconds(state.values.default_lease_ttl) })
        })
    }

    async fn max_lease_ttl(&self, _request: Request<Empty>) -> Result<Response<TtlReply>, Status> {
        self.view.answer("MaxLeaseTTL", |state| Ok(TtlReply { ttl: nanoseconds(state.values.max_lease_ttl) }))
    }

    async fn tainted(&self, _request: Request<Empty>) -> Result<Response<TaintedReply>, Status> {
        self.view.answer("Tainted", |state| Ok(TaintedReply { tainted: state.values.tainted }))
    }

    async fn caching_disabled(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<CachingDisabledReply>, Status> {
        self.view.answer("CachingDisabled", |state| {
            Ok(CachingDisabledReply { disabled: state.values.caching_disabled })
        })
    }

    async fn replication_state(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<ReplicationStateReply>, Status> {
        self.view.answer("ReplicationState", |state| {
            if !state.values.replication_error.is_empty() {
                return Err(Status::unknown(state.values.replication_error.clone()));
            }
            Ok(ReplicationStateReply { state: state.values.replication_state })
        })
    }

    async fn response_wrap_data(
        &self,
        _request: Request<ResponseWrapDataArgs>,
    ) -> Result<Response<ResponseWrapDataReply>, Status> {
        self.view.answer("ResponseWrapData", |_| Err(unknown_method("ResponseWrapData")))
    }

    async fn mlock_enabled(&self, _request: Request<Empty>) -> Result<Response<MlockEnabledReply>, Status> {
        self.view.answer("MlockEnabled", |_| Ok(MlockEnabledReply { enabled: false }))
    }

    async fn local_mount(&self, _request: Request<Empty>) -> Result<Response<LocalMountReply>, Status> {
        self.view.answer("LocalMount", |state| Ok(LocalMountReply { local: state.values.local_mount }))
    }

    async fn entity_info(
        &self,
        _request: Request<EntityInfoArgs>,
    ) -> Result<Response<EntityInfoReply>, Status> {
        self.view.answer("EntityInfo", |_| Ok(EntityInfoReply::default()))
    }

    async fn plugin_env(&self, _request: Request<Empty>) -> Result<Response<PluginEnvReply>, Status> {
        self.view.answer("PluginEnv", |state| {
            let environment = PluginEnvironment {
                vault_version: state.values.version.clone(),
                ..PluginEnvironment::default()
            };
            Ok(PluginEnvReply { plugin_environment: Some(environment), err: String::new() })
        })
    }

    async fn groups_for_entity(
        &self,
        _request: Request<EntityInfoArgs>,
    ) -> Result<Response<GroupsForEntityReply>, Status> {
        self.view.answer("GroupsForEntity", |_| Ok(GroupsForEntityReply::default()))
    }

    async fn generate_password_from_policy(
        &self,
        _request: Request<GeneratePasswordFromPolicyRequest>,
    ) -> Result<Response<GeneratePasswordFromPolicyReply>, Status> {
        self.view.answer("GeneratePasswordFromPolicy", |_| Err(unknown_method("GeneratePasswordFromPolicy")))
    }

    async fn cluster_info(&self, _request: Request<Empty>) -> Result<Response<ClusterInfoReply>, Status> {
        self.view.answer("ClusterInfo", |_| {
            Ok(ClusterInfoReply { cluster_id: "test-cluster".to_owned(), ..ClusterInfoReply::default() })
        })
    }

    async fn generate_identity_token(
        &self,
        request: Request<GenerateIdentityTokenRequest>,
    ) -> Result<Response<GenerateIdentityTokenResponse>, Status> {
        let GenerateIdentityTokenRequest { audience, ttl } = request.into_inner();
        self.view.answer("GenerateIdentityToken", |state| {
            let Some(answer) = state.values.identity_token.clone() else {
                return Err(unknown_method("GenerateIdentityToken"));
            };
            let seconds = u64::try_from(ttl).map_err(|_| Status::internal("negative ttl"))?;
            state.identity_tokens.push(IdentityTokenCall { audience, ttl: Duration::from_secs(seconds) });
            let token = answer.map_err(Status::internal)?;
            Ok(GenerateIdentityTokenResponse { token, ttl })
        })
    }

    async fn register_rotation_job(
        &self,
        request: Request<RegisterRotationJobRequest>,
    ) -> Result<Response<RegisterRotationJobResponse>, Status> {
        let job = request.into_inner().job;
        self.view.answer("RegisterRotationJob", |state| {
            if !state.values.rotation_jobs {
                return Err(unknown_method("RegisterRotationJob"));
            }
            state.registered.push(job.ok_or_else(|| Status::invalid_argument("no job"))?);
            let err = state.values.rotation_error.clone();
            let rotation_id =
                if err.is_empty() { format!("rotation-{}", state.registered.len()) } else { String::new() };
            Ok(RegisterRotationJobResponse { rotation_id, err })
        })
    }

    async fn deregister_rotation_job(
        &self,
        request: Request<DeregisterRotationJobRequest>,
    ) -> Result<Response<Empty>, Status> {
        let input = request.into_inner().req;
        self.view.answer("DeregisterRotationJob", |state| {
            if !state.values.rotation_jobs {
                return Err(unknown_method("DeregisterRotationJob"));
            }
            state.deregistered.push(input.ok_or_else(|| Status::invalid_argument("no job"))?);
            if state.values.rotation_error.is_empty() {
                Ok(Empty {})
            } else {
                Err(Status::internal(state.values.rotation_error.clone()))
            }
        })
    }
}
