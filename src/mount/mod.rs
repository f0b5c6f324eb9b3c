//! One mounted auth method: its ports, its caches, and the way of a request through it.

mod certificates;
pub mod login_memo;
mod role_tags;
mod roles;
pub(crate) mod root_rotation;
pub(crate) mod tidy;
mod upgrade;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Map, json};
use tokio::task::JoinHandle;

use crate::accounts::clients::{AwsClients, ConfigSnapshot};
use crate::accounts::full_arn::FullArns;
use crate::accounts::look_up::LookUp;
use crate::aws::arn::Arn;
use crate::aws::attempts::Deadline;
use crate::concurrency::cache_status::CacheStatus;
use crate::framework::{
    Backend, Existence, Failure, HandlerResult, HelpContext, HostFlavor, Operation, Reply, Request, Response,
};
use crate::go::GoDuration;
use crate::login::renewal;
use crate::mount::login_memo::LoginMemo;
use crate::mount::tidy::Tidy;
use crate::path;
use crate::ports::{Clock, Random, Storage, SystemView, SystemViewError, Transport};
use crate::store::Store;

/// What all mounts of a process share.
pub struct Environment {
    /// HTTP towards AWS.
    pub transport: Arc<dyn Transport>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The server the plugin runs under.
    pub host: HostFlavor,
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

/// Paths and storage keys the host treats specially.
#[derive(Clone, Copy, Debug)]
pub struct SpecialPaths {
    /// Paths that need no token.
    pub unauthenticated: &'static [&'static str],
    /// Storage prefixes that are not replicated.
    pub local_storage: &'static [&'static str],
    /// Storage keys wrapped by the seal.
    pub seal_wrap_storage: &'static [&'static str],
}

impl SpecialPaths {
    /// Those of this method.
    pub const AWS: Self = Self {
        unauthenticated: &["login"],
        local_storage: &["whitelist/identity/"],
        seal_wrap_storage: &["config/client"],
    };
}

/// What the mount itself is for, in help.
const DESCRIPTION: &str = "
Logs in AWS principals and EC2 instances.

With the iam login a client signs a GetCallerIdentity request of the AWS Security Token Service and
hands over the signed request, never its secret key; the server sends it to AWS, learns who signed
it, and gives the client a token by the role it asks for. A role binds IAM principals; with inferencing
it also binds the EC2 instance that a session is named after: its image, account, subnet, VPC, instance
profile and role.

With the ec2 login an instance hands over its identity document, signed by AWS. The server looks the
instance up and compares it with the role. The first login of an instance settles a nonce that later
ones must know. A role tag, a value that the role issues and that is set as a tag of the instance,
narrows down what the role gives.
";

/// One mounted auth method.
pub struct Mount {
    /// For work that outlives the request that began it.
    this: Weak<Self>,
    environment: Arc<Environment>,
    system_view: Arc<dyn SystemView>,
    id: String,
    store: Arc<Store>,
    tidy: Tidy,
    clients: AwsClients,
    full_arns: FullArns,
    login_memo: LoginMemo,
    initialization: Mutex<Option<JoinHandle<()>>>,
}

impl Mount {
    /// A mount as the host set it up. Touches neither storage nor system view: at registration
    /// there are none.
    #[must_use]
    pub fn new(environment: Arc<Environment>, setup: MountSetup) -> Arc<Self> {
        let MountSetup { backend_uuid, storage, system_view, .. } = setup;
        let store = Arc::new(Store::new(storage));
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            tidy: Tidy::new(Arc::clone(&store), Arc::clone(&environment.clock), Arc::clone(&system_view)),
            clients: AwsClients::new(
                Arc::clone(&environment),
                Arc::clone(&system_view),
                backend_uuid.clone(),
            ),
            store,
            full_arns: FullArns::default(),
            login_memo: LoginMemo::default(),
            id: backend_uuid,
            environment,
            system_view,
            initialization: Mutex::default(),
        })
    }

    /// Runs once after set-up, when storage may be written. It starts what has to be brought to the
    /// current version and does not wait for it.
    ///
    /// # Errors
    /// Only what must keep the mount from being enabled.
    pub async fn initialize(&self) -> Result<(), Failure> {
        let Some(this) = self.this.upgrade() else { return Ok(()) };
        let task = tokio::spawn(upgrade::run(this));
        let earlier = self.initialization().replace(task);
        end(earlier).await;
        Ok(())
    }

    /// Answers one request.
    pub async fn handle_request(&self, request: Request) -> Reply {
        match request.operation {
            // On the heap, as the handlers of the route table are: the future of a request is copied as
            // a whole, with room for its largest operation.
            Operation::Renew => Box::pin(renewal::renew(self, &request)).await.into(),
            // No leases, so nothing to revoke.
            Operation::Revoke => Err(Failure::UnsupportedOperation).into(),
            Operation::Rollback => {
                self.tidy.tick();
                Reply::Empty
            }
            Operation::Rotation => Box::pin(root_rotation::on_schedule(self)).await.into(),
            Operation::ResolvePath => resolve_path(&request.path).into(),
            _ => match path::routes() {
                Ok(table) => table.handle(self, &request).await,
                Err(mistake) => Err(Failure::Internal(mistake.clone())).into(),
            },
        }
    }

    /// Tells whether the entry behind a request exists.
    pub async fn existence_check(&self, request: Request) -> Existence {
        match path::routes() {
            Ok(table) => table.existence_check(self, &request).await,
            Err(mistake) => Existence::Failed(Failure::Internal(mistake.clone())),
        }
    }

    /// Forgets what is cached under a storage key that changed elsewhere.
    pub fn invalidate_key(&self, key: &str) {
        self.store.invalidate(key);
        if !key.starts_with("config/identity") {
            self.full_arns.clear();
        }
    }

    /// Ends background work. May be called twice.
    pub async fn cleanup(&self) {
        let running = self.initialization().take();
        end(running).await;
        self.tidy.stop().await;
    }

    fn initialization(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.initialization.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mount for work that goes on when the request that began it is given up.
    ///
    /// # Errors
    /// Cannot happen: whoever has a mount keeps it alive. Stands instead of a panic.
    pub(crate) fn this(&self) -> Result<Arc<Self>, Failure> {
        self.this.upgrade().ok_or_else(|| Failure::Internal("the mount is gone".to_owned()))
    }

    /// The id that the host gave the mount.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn system_view(&self) -> &dyn SystemView {
        self.system_view.as_ref()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn tidy(&self) -> &Tidy {
        &self.tidy
    }

    pub(crate) fn clients(&self) -> &AwsClients {
        &self.clients
    }

    /// Look-ups in AWS for one request.
    pub(crate) fn look_up<'a>(&'a self, snapshot: &'a ConfigSnapshot, deadline: Deadline) -> LookUp<'a> {
        LookUp::new(&self.clients, &self.store, snapshot, deadline)
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
    ) -> Result<Arc<str>, String> {
        look_up.in_time(self.full_arns.look_up(look_up, arn, unique_id)).await
    }

    /// The longest life of a token of this mount.
    pub(crate) async fn max_lease_ttl(&self) -> Result<GoDuration, Failure> {
        let ttl = self.system_view.max_lease_ttl().await;
        ttl.map(GoDuration::from_std).map_err(|error| Failure::Internal(error.to_string()))
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
}

impl Backend for Mount {
    async fn can_write(&self) -> Result<bool, Failure> {
        self.is_writer().await.map_err(|error| Failure::Internal(error.to_string()))
    }

    async fn help_context(&self) -> HelpContext {
        HelpContext {
            flavor: self.environment.host,
            version: self.system_view.host_version().await.unwrap_or_default(),
            description: DESCRIPTION.trim_ascii(),
            unauthenticated: SpecialPaths::AWS.unauthenticated,
        }
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

/// Answers with the canonical form of a path, for the host's access control: names that are folded
/// to lower case are folded here too, or a policy on one spelling would not hold for another.
fn resolve_path(path: &str) -> HandlerResult {
    let canonical = path::canonical(path);
    Ok(Some(Response::with_data(Map::from_iter([("path".to_owned(), json!(canonical))]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_path_is_answered() {
        for (path, canonical) in [("role/PROD", "role/prod"), ("nonsense/ABC", "nonsense/ABC")] {
            let response = resolve_path(path).unwrap().unwrap();
            assert_eq!(response.data.unwrap()["path"], canonical, "{path}");
        }
    }
}
