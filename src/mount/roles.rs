//! Roles as they are read: from the cache, or from storage, brought to the current version.

use std::sync::Arc;

use super::Mount;
use super::role_error::{RoleError, UpgradeError};
use super::unwritten_principals::Principal;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::{Arn, EntityKind};
use crate::aws::calls::Purpose;
use crate::aws::context::CallContext;
use crate::aws::deadline::Deadline;
use crate::aws::region::Partition;
use crate::entry::{Role, RoleUpgrade};
use crate::store::{ConfigSnapshot, StoreError};

impl Mount {
    /// A role by any spelling of its name.
    pub(crate) async fn role(&self, name: &str) -> Result<Option<Arc<Role>>, RoleError> {
        let key = Role::key(name);
        if let Some(role) = self.store().cached_role(&key) {
            return Ok(Some(role));
        }
        let start = self.store().start_role_read();
        let mut loaded = self.store().load::<Role>(&key).await?;
        let Some(mut role) = loaded.entry.take() else {
            return Ok(None);
        };
        // An id made by a node that cannot store it would be another one on each node, and AWS would
        // be asked for nothing.
        let is_old = role.version < Role::VERSION;
        if is_old && !self.is_writer().await.map_err(upgrade_failed)? {
            return Err(StoreError::ReadOnly.into());
        }
        if self.upgrade(&mut role).await? {
            role.token.settle(self.host());
            match self.store().replace(&key, &loaded, &role).await {
                // Somebody else was faster: what counts is what they wrote.
                Ok(Err(_changed)) => return Box::pin(self.role(name)).await,
                Ok(Ok(())) => {}
                Err(StoreError::ReadOnly) => return Err(StoreError::ReadOnly.into()),
                Err(error) => return Err(RoleError::NotSaved(error)),
            }
        }
        let role = Arc::new(role);
        self.store().keep_role(start, &key, &role);
        Ok(Some(role))
    }

    /// Whether a role is stored, of whatever version. Brings nothing up to date: on a node that cannot
    /// write, the question must be answered before the host forwards the request.
    pub(crate) async fn role_exists(&self, name: &str) -> Result<bool, RoleError> {
        let key = Role::key(name);
        Ok(self.store().cached_role(&key).is_some() || self.store().read::<Role>(&key).await?.is_some())
    }

    /// A stored role for a change, brought to the current version but not written back.
    pub(crate) async fn current(&self, mut role: Role) -> Result<Role, RoleError> {
        self.upgrade(&mut role).await?;
        Ok(role)
    }

    /// Brings a role to the current version; tells whether it changed.
    async fn upgrade(&self, role: &mut Role) -> Result<bool, RoleError> {
        let random = self.world().random.as_ref();
        loop {
            match role.upgrade(random).map_err(upgrade_failed)? {
                RoleUpgrade::None => return Ok(false),
                RoleUpgrade::Changed => return Ok(true),
                RoleUpgrade::NeedsPrincipalId(principal) => {
                    let snapshot = self.store().config_snapshot().await?;
                    let found = self
                        .principal(&snapshot, Deadline::start(), Purpose::General, &principal)
                        .await
                        .map_err(upgrade_failed)?;
                    role.set_legacy_principal_id(found.unique_id);
                }
            }
        }
    }

    /// The user, role or instance profile of an ARN, as AWS knows it now.
    pub(super) async fn principal(
        &self,
        snapshot: &ConfigSnapshot,
        deadline: Deadline,
        purpose: Purpose,
        arn: &str,
    ) -> Result<Principal, LookUpError> {
        let arn = Arn::parse(arn)?;
        let partition = Partition::of(&arn)?;
        let account = arn.account();
        let look_up = self.look_up(snapshot, deadline);
        look_up
            .in_time(async {
                let client = look_up.account(account).await?.iam(partition).await?;
                let context = CallContext { purpose, ..look_up.context() };
                let entity = match arn.kind() {
                    EntityKind::User => client.get_user(arn.name(), context).await?,
                    EntityKind::Role => client.get_role(arn.name(), context).await?,
                    EntityKind::InstanceProfile => {
                        let profile = client.get_instance_profile(arn.name(), context).await?;
                        return Ok(Principal { unique_id: profile.unique_id, arn: None });
                    }
                    EntityKind::AssumedRole => {
                        return Err(LookUpError::NoUniqueId(arn.kind()));
                    }
                };
                // A role in `config/sts` may lead into another account, where the name is somebody else.
                let found = Arn::parse(&entity.arn)?;
                if found.account() != account {
                    let (account, found) = (account.clone(), found.account().clone());
                    return Err(LookUpError::AccountElsewhere { account, found });
                }
                Ok(Principal { unique_id: entity.unique_id, arn: Some(entity.arn.into()) })
            })
            .await
    }
}

fn upgrade_failed(cause: impl Into<UpgradeError>) -> RoleError {
    RoleError::Upgrade(cause.into())
}
