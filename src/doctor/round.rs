//! One run: its wishes, its time, and what its probes learn together.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::roles::Roles;
use crate::accounts::ambient_region::ambient_region;
use crate::accounts::look_up_error::LookUpError;
use crate::accounts::probe::Prober;
use crate::aws::arn::AccountId;
use crate::aws::deadline::Deadline;
use crate::aws::region::{Partition, Region};
use crate::aws::sts::CallerIdentity;
use crate::mount::Mount;
use crate::mount::doctor_report::{Finding, Probe, Verdict, Wishes};
use crate::refusal::Blame;
use crate::store::{ConfigSnapshot, StoreError};

/// What the calls of a probe may take longer than the probe: its own end is what it is told by.
const BEYOND_PROBE: Duration = Duration::from_secs(1);
/// Why nothing is asked without credentials.
pub(super) const NO_CREDENTIALS: &str = "the server's own credentials do not work, see credentials.identity";

/// One run.
pub(super) struct Round {
    mount: Arc<Mount>,
    wishes: Wishes,
    end: Instant,
    snapshot: OnceCell<Result<ConfigSnapshot, StoreError>>,
    region: OnceCell<Result<Region, LookUpError>>,
    identity: OnceCell<Result<CallerIdentity, LookUpError>>,
    roles: OnceCell<Roles>,
    /// By account; `None` where its probe has told that there is none.
    sessions: Mutex<BTreeMap<AccountId, Option<Credentials>>>,
}

impl Round {
    pub(super) fn start(mount: Arc<Mount>, wishes: Wishes, total: Duration) -> Self {
        let now = Instant::now();
        Self {
            mount,
            wishes,
            end: now.checked_add(total).unwrap_or(now),
            snapshot: OnceCell::new(),
            region: OnceCell::new(),
            identity: OnceCell::new(),
            roles: OnceCell::new(),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn mount(&self) -> &Mount {
        &self.mount
    }

    pub(super) fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// Runs a probe if it is wanted, as long as it may take. `wanted` says what should be seen.
    pub(super) async fn probe(
        &self,
        name: impl Into<String>,
        wanted: impl Into<String>,
        work: impl Future<Output = Finding>,
    ) -> Option<Probe> {
        let name = name.into();
        if !self.wishes.include(&name) {
            return None;
        }
        let start = Instant::now();
        let limit = self.wishes.limit.min(self.end.saturating_duration_since(start));
        let finding = if limit.is_zero() {
            Finding::skipped("no time was left for it in this run")
        } else {
            tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                Finding::to_do(
                    Verdict::Failed,
                    format!("it was not done within {} s", limit.as_secs()),
                    Blame::Operator,
                    "Check the network, firewalls and proxies between this server and AWS; timeout gives a probe more seconds.",
                )
            })
        };
        Some(Probe {
            name,
            wanted: wanted.into(),
            finding,
            duration: Instant::now().saturating_duration_since(start),
        })
    }

    /// What must be known before a group has probes, if that does not take longer than a probe may.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let left = self.end.saturating_duration_since(Instant::now());
        tokio::time::timeout(self.wishes.limit.min(left), work).await.ok()
    }

    /// The configuration of the whole run.
    pub(super) async fn snapshot(&self) -> &Result<ConfigSnapshot, StoreError> {
        self.snapshot.get_or_init(|| self.mount.store().config_snapshot()).await
    }

    /// The region of the server's surroundings.
    pub(super) async fn region(&self) -> &Result<Region, LookUpError> {
        self.region.get_or_init(|| ambient_region(self.mount.world())).await
    }

    /// The roles of the mount.
    pub(super) async fn roles(&self) -> &Roles {
        self.roles.get_or_init(|| Roles::read(self.mount.store())).await
    }

    /// Where the server calls STS for itself unless the configuration says it: as look-ups of IAM do.
    pub(super) async fn sts_region(&self) -> Region {
        let partition = self.region().await.as_ref().map_or(Partition::Aws, Region::partition);
        partition.iam_region()
    }

    /// AWS for one probe that begins now.
    pub(super) fn prober<'a>(&'a self, snapshot: &'a ConfigSnapshot, region: &'a Region) -> Prober<'a> {
        let deadline = Deadline::within(self.wishes.limit.saturating_add(BEYOND_PROBE));
        Prober::new(self.mount.clients(), snapshot, region, deadline)
    }

    /// Whose the server's own credentials are.
    ///
    /// # Errors
    /// See [`LookUpError`].
    pub(super) async fn identity(&self, snapshot: &ConfigSnapshot) -> &Result<CallerIdentity, LookUpError> {
        let ask = async || {
            let region = self.sts_region().await;
            let prober = self.prober(snapshot, &region);
            let credentials = prober.own_credentials().await?;
            prober.identity(&AccountId::default(), &credentials).await
        };
        self.identity.get_or_init(ask).await
    }

    /// The server's own account, unless it takes too long to know.
    pub(super) async fn own_account(&self) -> Option<String> {
        let snapshot = self.snapshot().await.as_ref().ok()?;
        let identity = self.in_time(self.identity(snapshot)).await?;
        identity.as_ref().ok().map(|identity| identity.account().to_owned())
    }

    /// Leaves the session of an account to later probes, or that there is none.
    pub(super) fn keep_session(&self, account: &AccountId, session: Option<Credentials>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(account.clone(), session);
    }

    /// What an earlier probe has left.
    pub(super) fn kept_session(&self, account: &AccountId) -> Option<Option<Credentials>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }
}
