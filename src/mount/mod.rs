//! One mount: what it holds, and what it does by itself.
//!
//! All that a mount remembers hangs on a [`Mount`] and on nothing else, so mounts of one process share
//! the way into the world and no memory: no role, session, answer or call budget of one is ever seen by
//! another. A mount knows how many others demand its own server id, and nothing else of them
//! (`Mount::neighbours`). The room promises three things:
//!
//! * Setting a mount up touches neither storage nor host: at registration there are none.
//! * What runs by itself (bringing entries up to date in `upgrade`, `tidy`) ends with the mount, and
//!   nothing waits for it: a request that needs a role of an older version brings it up to date itself
//!   (`Mount::role`). Only the rotation of the server's key (`root_rotation`), or a step of it
//!   (`own_rotation`), is carried through to its end whatever happens, because a key that was made must be stored
//!   or deleted.
//! * A node that cannot write says so before it asks AWS anything that would have to be stored
//!   (`Mount::is_writer`, and `Mount::leaves_logins_to_writer` for what the host forwards anyway).
//!
//! Who may log in is not decided here, nor which operation of the host goes where: the mount knows no
//! login and no path.

mod certificates;
mod clock_warning;
pub mod doctor_report;
pub(crate) mod document_verification;
pub(crate) mod issuer_keys;
mod kept_uses;
pub mod login_memo;
pub mod one_use;
pub(crate) mod own_rotation;
pub(crate) mod role_error;
pub(crate) mod role_principals;
pub(crate) mod role_tags;
mod roles;
pub(crate) mod root_rotation;
mod rotation;
mod rotation_error;
mod rotation_turn;
pub(crate) mod single_use;
pub mod single_use_error;
mod standby;
pub(crate) mod strictness;
pub(crate) mod tidy;
pub mod token_use;
pub(crate) mod unwritten_principals;
pub(crate) mod upgrade;
pub mod used_signatures;
pub mod web_identity_keys;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::task::JoinHandle;

use crate::accounts::clients::AwsClients;
use crate::accounts::crowd::{Arrival, Crowd};
use crate::accounts::full_arn::FullArns;
use crate::accounts::look_up::LookUp;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::Arn;
use crate::aws::deadline::Deadline;
use crate::aws::principal_tags::PrincipalTags;
use crate::concurrency::cache_status::CacheStatus;
use crate::concurrency::living::Living;
use crate::concurrency::repeats::Repeats;
use crate::concurrency::room::{Place, Room, Size};
use crate::concurrency::single_flight::SingleFlight;
use crate::entry::{ClientConfig, JwtIssuer};
use crate::framework::HostFlavor;
use crate::go::GoDuration;
use crate::issuer::identity_tokens::IdentityTokens;
use crate::mount::doctor_report::DoctorReport;
use crate::mount::document_verification::DocumentVerifications;
use crate::mount::kept_uses::KeptUses;
use crate::mount::login_memo::LoginMemo;
use crate::mount::rotation_turn::RotationTurn;
use crate::mount::standby::Standby;
use crate::mount::tidy::Tidy;
use crate::mount::unwritten_principals::UnwrittenPrincipals;
use crate::mount::used_signatures::UsedSignatures;
use crate::mount::web_identity_keys::WebIdentityKeys;
use crate::ports::{Storage, SystemView, SystemViewError, World};
use crate::refusal::Code;
use crate::store::change::Change;
use crate::store::{ConfigSnapshot, Store};

/// What all mounts of a process share.
pub struct Environment {
    /// What they reach of the world.
    pub world: Arc<World>,
    /// The server the plugin runs under.
    pub host: HostFlavor,
    /// Room for the logins that wait for STS, of all mounts.
    pub forwarded: Room,
    /// The mounts themselves, for the one thing that can be wrong between them: that they demand the same server id.
    pub neighbours: Living<Mount>,
    /// What was used up by logins of any mount.
    pub used: UsedSignatures,
}

/// The room for the logins of one mount that are verified by STS. Those that have their turn hold a connection
/// each, and several times their bytes. The others hold what they brought: a fleet that starts at once is
/// thousands of small requests, and all of them shall come through.
const fn room_of_mount() -> Room {
    Room::new(Size { places: 8_192, bytes: 16 * 1024 * 1024, turns: 512 })
}

/// The room for the logins of all mounts that are verified by STS: of so many mounts that a few whose STS
/// hangs leave enough to the others.
#[must_use]
pub const fn room_of_process() -> Room {
    Room::new(Size { places: 16_384, bytes: 64 * 1024 * 1024, turns: 4_096 })
}

/// What the host says when it sets up a mount.
pub struct MountSetup {
    /// Mount options, plus `plugin_name`, `plugin_type` and `plugin_version`; empty at registration.
    pub config: BTreeMap<String, String>,
    /// Stable id of the mount; empty at registration.
    pub backend_uuid: String,
    /// The mount's storage.
    pub storage: Arc<dyn Storage>,
    /// The host's view of the mount.
    pub system_view: Arc<dyn SystemView>,
}

/// One mount.
pub struct Mount {
    /// For work that outlives the request that began it.
    this: Weak<Self>,
    environment: Arc<Environment>,
    system_view: Arc<dyn SystemView>,
    id: String,
    store: Arc<Store>,
    tidy: Tidy,
    clients: AwsClients,
    identity_tokens: Arc<IdentityTokens>,
    full_arns: FullArns,
    login_memo: LoginMemo,
    document_verifications: DocumentVerifications,
    unwritten_principals: UnwrittenPrincipals,
    standby: Standby,
    kept_uses: KeptUses,
    web_identity_keys: Arc<WebIdentityKeys>,
    forwarded: Room,
    crowd: Arc<Crowd>,
    failed_logins: Repeats<Code>,
    doctor_runs: SingleFlight<(), Arc<DoctorReport>>,
    own_rotation: RotationTurn,
    initialization: Mutex<Option<JoinHandle<()>>>,
}

impl Mount {
    /// A mount as the host set it up. Touches neither storage nor system view: at registration
    /// there are none.
    #[must_use]
    pub fn new(environment: Arc<Environment>, setup: MountSetup) -> Arc<Self> {
        let MountSetup { backend_uuid, storage, system_view, .. } = setup;
        let store = Arc::new(Store::new(Arc::clone(&storage)));
        let crowd = Arc::<Crowd>::default();
        let identity_tokens = Arc::new(IdentityTokens::new(
            Arc::clone(&system_view),
            Arc::clone(&store),
            Arc::clone(&environment.world),
        ));
        let mount = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            tidy: Tidy::new(
                Arc::clone(&store),
                Arc::clone(&environment.world.clock),
                Arc::clone(&system_view),
            ),
            clients: AwsClients::new(
                Arc::clone(&environment.world),
                Arc::clone(&identity_tokens),
                backend_uuid.clone(),
                Arc::clone(&crowd),
            ),
            identity_tokens,
            store,
            full_arns: FullArns::default(),
            login_memo: LoginMemo::default(),
            document_verifications: DocumentVerifications::default(),
            unwritten_principals: UnwrittenPrincipals::default(),
            standby: Standby::default(),
            kept_uses: KeptUses::new(storage),
            web_identity_keys: Arc::default(),
            forwarded: room_of_mount(),
            crowd,
            failed_logins: Repeats::default(),
            doctor_runs: SingleFlight::default(),
            own_rotation: RotationTurn::default(),
            id: backend_uuid,
            environment,
            system_view,
            initialization: Mutex::default(),
        });
        mount.environment.neighbours.add(&mount);
        mount
    }

    /// Forgets what is cached under a storage key that changed elsewhere.
    pub fn invalidate_key(&self, key: &str) {
        // One for each login, and nothing is cached of them on a node that is told.
        if key.starts_with(kept_uses::PREFIX) {
            return;
        }
        self.store.invalidate(key);
        self.forget_role_principals(key);
        if key.starts_with(JwtIssuer::PREFIX) {
            self.web_identity_keys.forget();
        }
        if key == ClientConfig::KEY {
            self.clients.forget_credentials();
        }
        if !key.starts_with("config/identity") {
            self.full_arns.clear();
        }
    }

    /// Ends background work. May be called twice.
    pub async fn cleanup(&self) {
        self.environment.neighbours.remove(self);
        let running = self.initialization().take();
        end(running).await;
        self.tidy.stop().await;
        self.end_removal_of_uses().await;
    }

    fn initialization(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.initialization.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mount for work that goes on when the request that began it is given up. It is always there:
    /// whoever has a mount keeps it alive.
    pub(crate) fn this(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// The id that the host gave the mount.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the mount reaches of the world.
    pub(crate) fn world(&self) -> &World {
        &self.environment.world
    }

    /// The server the plugin runs under.
    pub(crate) fn host(&self) -> HostFlavor {
        self.environment.host
    }

    /// The other mounts of the process. A mount that was just set up anew is none of them, nor is what a host only
    /// registers.
    pub(crate) fn neighbours(&self) -> Vec<Arc<Self>> {
        let mut others = self.environment.neighbours.all();
        others.retain(|other| !other.id.is_empty() && other.id != self.id);
        others.sort_by(|a, b| a.id.cmp(&b.id));
        others.dedup_by(|a, b| a.id == b.id);
        others
    }

    pub(crate) fn system_view(&self) -> &dyn SystemView {
        self.system_view.as_ref()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Begins the change of an entry that others may change at the same time. The text is for when
    /// somebody else was faster each time.
    pub(crate) fn begin_change<'a>(&'a self, key: &'a str, contended: &'static str) -> Change<'a> {
        Change::begin(&self.store, key, contended)
    }

    pub(crate) fn tidy(&self) -> &Tidy {
        &self.tidy
    }

    pub(crate) fn own_rotation(&self) -> &RotationTurn {
        &self.own_rotation
    }

    pub(crate) fn clients(&self) -> &AwsClients {
        &self.clients
    }

    /// Tokens by which AWS knows the server.
    pub(crate) fn identity_tokens(&self) -> &IdentityTokens {
        &self.identity_tokens
    }

    /// Look-ups in AWS for one request.
    pub(crate) fn look_up<'a>(&'a self, snapshot: &'a ConfigSnapshot, deadline: Deadline) -> LookUp<'a> {
        LookUp::new(&self.clients, &self.store, snapshot, deadline)
    }

    pub(crate) fn document_verifications(&self) -> &DocumentVerifications {
        &self.document_verifications
    }

    /// A place among the logins that are verified by STS, for a request of so many bytes: in the mount, and among
    /// all mounts. `None` where too many wait.
    pub(crate) fn place_at_sts(&self, bytes: usize) -> Option<[Place<'_>; 2]> {
        Some([self.forwarded.enter(bytes)?, self.environment.forwarded.enter(bytes)?])
    }

    /// Whether there would be one now.
    pub(crate) fn has_place_at_sts(&self, bytes: usize) -> bool {
        self.forwarded.has_place(bytes) && self.environment.forwarded.has_place(bytes)
    }

    /// One more login that may ask for an instance.
    pub(crate) fn set_out(&self) -> Arrival {
        self.crowd.set_out()
    }

    /// What was used up by logins of any mount of the process.
    pub(crate) fn used_signatures(&self) -> &UsedSignatures {
        &self.environment.used
    }

    /// Which failed logins the operator is told of.
    pub(crate) fn failed_logins(&self) -> &Repeats<Code> {
        &self.failed_logins
    }

    /// The run of the doctor that is under way, if one is.
    pub(crate) fn doctor_runs(&self) -> &SingleFlight<(), Arc<DoctorReport>> {
        &self.doctor_runs
    }

    pub(crate) fn login_memo(&self) -> &LoginMemo {
        &self.login_memo
    }

    /// The caches of the mount, by name.
    pub(crate) fn cache_status(&self) -> Vec<(&'static str, CacheStatus)> {
        let mut caches = Vec::from(self.store.cache_status());
        caches.push(("assumed_role", self.clients.sessions_status()));
        caches.push(("full_arn", self.full_arns.status()));
        caches.push(("resolve_role", self.login_memo.status()));
        caches.push(("jwt_keys", self.web_identity_keys.status()));
        caches
    }

    /// To be called after every change to roles or to how AWS is reached.
    pub(crate) fn forget_full_arns(&self) {
        self.full_arns.clear();
    }

    /// The full ARN of a principal, path included.
    pub(crate) async fn full_arn(
        &self,
        look_up: LookUp<'_>,
        arn: &Arn,
        unique_id: &str,
    ) -> Result<Arc<str>, LookUpError> {
        look_up.in_time(self.full_arns.look_up(look_up, arn, unique_id)).await
    }

    /// The full ARN of a principal that is known by its name alone.
    pub(crate) async fn full_arn_by_name(
        &self,
        look_up: LookUp<'_>,
        arn: &Arn,
    ) -> Result<Arc<str>, LookUpError> {
        look_up.in_time(self.full_arns.look_up_by_name(look_up, arn)).await
    }

    /// The tags of a principal.
    pub(crate) async fn principal_tags(
        &self,
        look_up: LookUp<'_>,
        arn: &Arn,
        unique_id: &str,
    ) -> Result<Arc<PrincipalTags>, LookUpError> {
        look_up.in_time(self.full_arns.look_up_tags(look_up, arn, unique_id)).await
    }

    /// The longest life of a token of this mount.
    pub(crate) async fn max_lease_ttl(&self) -> Result<GoDuration, SystemViewError> {
        self.system_view.max_lease_ttl().await.map(GoDuration::from_std)
    }

    /// Whether this node may write the mount's storage: a performance standby may not, a performance
    /// secondary only if the mount is local to its cluster.
    pub(crate) async fn is_writer(&self) -> Result<bool, SystemViewError> {
        let replication = self.system_view.replication_state().await?;
        if replication.performance_standby() {
            return Ok(false);
        }
        Ok(!replication.performance_secondary() || self.system_view.local_mount().await?)
    }

    /// Whether this node leaves logins to the one that the host forwards them to. Where the host does not say
    /// what the node is, they are served.
    pub(crate) async fn leaves_logins_to_writer(&self) -> bool {
        self.host().forwards_logins_of_standbys() && self.standby.ask(&*self.system_view).await
    }

    /// Whether this node leaves logins that admit once to the one that can store their use. Where the host does
    /// not say what the node is, storage will.
    pub(crate) async fn leaves_single_use_to_writer(&self) -> bool {
        !self.host().forwards_logins_of_standbys() && matches!(self.is_writer().await, Ok(false))
    }
}

/// Ends a task and waits until it has ended.
async fn end(task: Option<JoinHandle<()>>) {
    if let Some(task) = task {
        task.abort();
        // Whether it was done, stopped or has panicked: it no longer runs.
        let _ = task.await;
    }
}
