//! One rotation of the server's access key: the calls to IAM, and the change of the configuration.

use aws_credential_types::Credentials;

use crate::accounts::ambient_region::ambient_region;
use crate::accounts::credentials::configured;
use crate::aws::context::{CallContext, attempts};
use crate::aws::credentials_source::UnsendableCredentials;
use crate::aws::deadline::Deadline;
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::error::CallError;
use crate::aws::iam::{AccessKey, IamClient};
use crate::entry::ClientConfig;
use crate::mount::Mount;
use crate::mount::rotation_error::{RotationError, SaveError};
use crate::store::ConfigSnapshot;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
pub(super) const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::root_rotation");

/// One rotation on its way.
pub(super) struct Rotation<'a> {
    mount: &'a Mount,
    before: ConfigSnapshot,
    /// IAM by the old key, which signs everything, its own deletion included: the new key may not be
    /// known everywhere yet.
    iam: IamClient,
}

impl<'a> Rotation<'a> {
    pub(super) async fn of(mount: &'a Mount) -> Result<Self, RotationError> {
        let before = mount.store().config_snapshot().await?;
        let config = &before.config;
        let unset = |what| Err(RotationError::Unset(what));
        if !before.is_stored {
            return unset("client config");
        }
        if config.access_key.is_empty() {
            return unset("access_key");
        }
        if config.secret_key.is_empty() {
            return unset("secret_key");
        }
        let credentials = configured(config);
        Self::signed_by(mount, before, credentials).await
    }

    /// A rotation whose calls are signed with this key.
    pub(super) async fn signed_by(
        mount: &'a Mount,
        before: ConfigSnapshot,
        credentials: Result<Credentials, UnsendableCredentials>,
    ) -> Result<Self, RotationError> {
        let region =
            ambient_region(mount.world()).await.map_err(RotationError::Region)?.partition().iam_region();
        let endpoint = Endpoint::of(&before.config.iam_endpoint, Service::Iam, &region)
            .map_err(RotationError::Endpoint)?;
        let credentials = credentials.map_err(RotationError::Credentials)?;
        let account = mount.clients().own_account(&before).unwrap_or_default();
        Ok(Self { mount, iam: IamClient { account, endpoint, region, credentials }, before })
    }

    /// The configuration that the rotation began with.
    pub(super) fn before(&self) -> &ClientConfig {
        &self.before.config
    }

    pub(super) async fn run(self) -> Result<String, RotationError> {
        let deadline = Deadline::start();
        let user = self.user(deadline).await?;
        let key = self.new_key(&user, deadline).await?;
        self.store(&user, &key).await?;
        self.keep_account(&key).await;
        let old = &self.before.config.access_key;
        let left = |cause| RotationError::OldKeyLeft { key: old.clone(), cause };
        self.delete_key(old, &user).await.map_err(left)?;
        Ok(key.id)
    }

    pub(super) async fn user(&self, deadline: Deadline) -> Result<String, RotationError> {
        let answer = self.iam.get_own_user(self.context(deadline)).await;
        let user = answer.map_err(failed("GetUser"))?.ok_or(RotationError::NoUser)?;
        user.name.ok_or(RotationError::NoUserName)
    }

    pub(super) async fn new_key(&self, user: &str, deadline: Deadline) -> Result<AccessKey, RotationError> {
        let answer = self.iam.create_access_key(user, self.context(deadline)).await;
        answer.map_err(failed("CreateAccessKey"))?.ok_or(RotationError::NoKey)
    }

    /// Puts the new key in the place of the old one; all else stays as it is stored by now.
    pub(super) async fn put_in_place(&self, key: &AccessKey) -> Result<(), SaveError> {
        let old = &self.before.config;
        let stored = self
            .mount
            .store()
            .update(ClientConfig::KEY, async |stored: Option<ClientConfig>| {
                let is_old = |config: &ClientConfig| {
                    config.access_key == old.access_key && config.secret_key == old.secret_key
                };
                let Some(mut config) = stored.filter(is_old) else {
                    return Err(SaveError::Changed);
                };
                config.access_key.clone_from(&key.id);
                config.secret_key.clone_from(&key.secret);
                Ok((Some(config), ()))
            })
            .await;
        self.mount.forget_full_arns();
        stored
    }

    async fn store(&self, user: &str, key: &AccessKey) -> Result<(), RotationError> {
        let Err(cause) = self.put_in_place(key).await else { return Ok(()) };
        if self.is_stored(key).await {
            return Ok(());
        }
        let not_deleted = self.delete_key(&key.id, user).await.err();
        let error = RotationError::Unstored { key: key.id.clone(), cause, not_deleted };
        if error.is_read_only() {
            // The host sends the request to a node that can write, and shows this to nobody.
            tracing::warn!(target: LOG, mount = self.mount.id(), "rotation of the access key: {error}");
        }
        Err(error)
    }

    /// Whether the key is stored although storing it failed: then it must not be deleted.
    async fn is_stored(&self, key: &AccessKey) -> bool {
        let stored = self.mount.store().read::<ClientConfig>(ClientConfig::KEY).await;
        stored.is_ok_and(|config| config.is_some_and(|config| config.access_key == key.id))
    }

    /// The new key belongs to the same account, so nobody needs to ask for it again.
    pub(super) async fn keep_account(&self, key: &AccessKey) {
        if let Ok(after) = self.mount.store().config_snapshot().await
            && after.config.access_key == key.id
        {
            self.mount.clients().keep_own_account(&self.before, &after);
        }
    }

    pub(super) async fn delete_key(&self, id: &str, user: &str) -> Result<(), CallError> {
        // With time of its own: what came before may have used up all there was.
        let context = self.context(Deadline::start());
        self.iam.delete_access_key(id, user, context).await
    }

    fn context(&self, deadline: Deadline) -> CallContext<'_> {
        CallContext {
            max_attempts: attempts(ClientConfig::DEFAULT_MAX_RETRIES),
            ..self.mount.clients().context(&self.before, deadline)
        }
    }
}

fn failed(action: &'static str) -> impl FnOnce(CallError) -> RotationError {
    move |cause| RotationError::Call { action, cause }
}
