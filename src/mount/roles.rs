//! Roles as they are read: from the cache, or from storage, brought to the current version.

use std::sync::Arc;

use super::Mount;
use crate::aws::arn::{Arn, EntityKind};
use crate::aws::deadline::Deadline;
use crate::aws::error::CallError;
use crate::aws::region::Partition;
use crate::entry::{Role, RoleUpgrade};
use crate::framework::Failure;
use crate::go::text::quote;
use crate::store::ConfigSnapshot;

impl Mount {
    /// A role by any spelling of its name.
    pub(crate) async fn role(&self, name: &str) -> Result<Option<Arc<Role>>, Failure> {
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
        if is_old && !self.is_writer().await.map_err(|error| upgrade_failed(&error.to_string()))? {
            return Err(Failure::read_only());
        }
        if self.upgrade(&mut role).await? {
            match self.store().replace(&key, &loaded, &role).await {
                // Somebody else was faster: what counts is what they wrote.
                Ok(Err(_changed)) => return Box::pin(self.role(name)).await,
                Ok(Ok(())) => {}
                Err(failure) => {
                    return Err(failure.in_words(|text| format!("error saving upgraded roleEntry: {text}")));
                }
            }
        }
        let role = Arc::new(role);
        self.store().keep_role(start, &key, &role);
        Ok(Some(role))
    }

    /// Whether a role is stored, of whatever version. Brings nothing up to date: on a node that cannot
    /// write, the question must be answered before the host forwards the request.
    pub(crate) async fn role_exists(&self, name: &str) -> Result<bool, Failure> {
        let key = Role::key(name);
        Ok(self.store().cached_role(&key).is_some() || self.store().read::<Role>(&key).await?.is_some())
    }

    /// A stored role for a change, brought to the current version but not written back.
    pub(crate) async fn current(&self, mut role: Role) -> Result<Role, Failure> {
        self.upgrade(&mut role).await?;
        Ok(role)
    }

    /// Brings a role to the current version; tells whether it changed.
    async fn upgrade(&self, role: &mut Role) -> Result<bool, Failure> {
        let random = self.world().random.as_ref();
        loop {
            match role.upgrade(random).map_err(|error| upgrade_failed(&error.to_string()))? {
                RoleUpgrade::None => return Ok(false),
                RoleUpgrade::Changed => return Ok(true),
                RoleUpgrade::NeedsPrincipalId(principal) => {
                    let snapshot = self.store().config_snapshot().await?;
                    let id = self
                        .unique_id(&snapshot, Deadline::start(), &principal)
                        .await
                        .map_err(|detail| upgrade_failed(&detail))?;
                    role.set_legacy_principal_id(id);
                }
            }
        }
    }

    /// The unique id of the user, role or instance profile of an ARN.
    pub(crate) async fn unique_id(
        &self,
        snapshot: &ConfigSnapshot,
        deadline: Deadline,
        arn: &str,
    ) -> Result<String, String> {
        let arn = Arn::parse(arn).map_err(|error| error.to_string())?;
        let partition = Partition::of(&arn)?;
        let account = arn.account();
        let look_up = self.look_up(snapshot, deadline);
        let call = |error: CallError| error.to_string();
        look_up
            .in_time(async {
                let client = look_up.account(account).await?.iam(partition).await?;
                let context = look_up.context();
                let entity = match arn.kind() {
                    EntityKind::User => client.get_user(arn.name(), context).await.map_err(call)?,
                    EntityKind::Role => client.get_role(arn.name(), context).await.map_err(call)?,
                    EntityKind::InstanceProfile => {
                        let profile = client.get_instance_profile(arn.name(), context).await.map_err(call)?;
                        return Ok(profile.unique_id);
                    }
                    EntityKind::AssumedRole => {
                        return Err(format!("unrecognized error type {}", quote(arn.kind().as_str())));
                    }
                };
                // A role in `config/sts` may lead into another account, where the name is somebody else.
                let found = Arn::parse(&entity.arn).map_err(|error| error.to_string())?;
                if found.account() != account {
                    return Err(format!(
                        "the role for account ID {} looks into account {}",
                        quote(account.as_str()),
                        quote(found.account().as_str())
                    ));
                }
                Ok(entity.unique_id)
            })
            .await
    }
}

fn upgrade_failed(detail: &str) -> Failure {
    Failure::Internal(format!("error upgrading roleEntry: {detail}"))
}
