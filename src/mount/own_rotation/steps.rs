//! The steps of a rotation.

use aws_credential_types::Credentials;

use super::due::next_rotation;
use crate::accounts::ambient_region::ambient_region;
use crate::accounts::credentials::own_sts;
use crate::aws::arn::AccountId;
use crate::aws::credentials_source::{CredentialsSource, UnsendableCredentials};
use crate::aws::deadline::Deadline;
use crate::aws::error::CallError;
use crate::aws::iam::AccessKey;
use crate::aws::sts::StsCaller;
use crate::entry::{PendingKey, RotationState, StoredTime};
use crate::go::GoDuration;
use crate::mount::Mount;
use crate::mount::rotation::{LOG, Rotation};
use crate::mount::rotation_error::{RotationError, SaveError};
use crate::refusal::Coded;
use crate::store::ConfigSnapshot;

/// How long AWS may take until it knows a new key everywhere. It usually takes seconds.
const SETTLING: GoDuration = GoDuration::from_secs(15 * 60);

/// Makes a new key and stores it as pending, if it is time to.
pub(super) async fn begin(
    mount: &Mount,
    before: ConfigSnapshot,
    state: RotationState,
) -> Result<(), RotationError> {
    let (config, now) = (&before.config, now(mount));
    let counted = state.clone().counted(config, now);
    if counted != state {
        write(mount, &counted).await?;
    }
    let is_due = next_rotation(config, &counted, now).is_some_and(|next| next <= now);
    if !is_due || counted.pause_ends(now).is_some() {
        return Ok(());
    }
    // Before a key is made: if this node cannot write, none shall be, and if it ends here, the next pause counts.
    let attempted = counted.attempted(now).with_error("the attempt did not come to its end", "");
    write(mount, &attempted).await?;
    match make_key(mount, now).await {
        Ok(key) => {
            tracing::info!(target: LOG, mount = mount.id(), access_key = %key, "a new access key was made");
            write(mount, &attempted.with_error("", "")).await
        }
        Err(error) => Err(noted(mount, attempted, error).await),
    }
}

async fn make_key(mount: &Mount, now: StoredTime) -> Result<String, RotationError> {
    let rotation = Rotation::of(mount).await?;
    let deadline = Deadline::start();
    let user = rotation.user(deadline).await?;
    let AccessKey { id, secret } = rotation.new_key(&user, deadline).await?;
    let pending = PendingKey {
        user,
        replaces: rotation.before().access_key.clone(),
        access_key: id,
        secret_key: secret,
        created: now,
        ..PendingKey::default()
    };
    let Err(cause) = store(mount, &pending).await else { return Ok(pending.access_key) };
    let stored = mount.store().read::<PendingKey>(PendingKey::KEY).await;
    if stored.is_ok_and(|stored| stored.as_ref() == Some(&pending)) {
        return Ok(pending.access_key);
    }
    let not_deleted = rotation.delete_key(&pending.access_key, &pending.user).await.err();
    Err(RotationError::Unstored { key: pending.access_key, cause, not_deleted })
}

async fn store(mount: &Mount, pending: &PendingKey) -> Result<(), SaveError> {
    mount
        .store()
        .update(PendingKey::KEY, async |stored: Option<PendingKey>| match stored {
            None => Ok((Some(pending.clone()), ())),
            Some(_) => Err(SaveError::Changed),
        })
        .await
}

/// How far a rotation has come that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It waits for AWS, or for the end of a pause.
    Waiting,
    /// The new key is in its place; the old one is left.
    Rotated,
    /// Nothing is left of it.
    Cleared,
}

/// Does the next step of a rotation that is under way. Which one it is, the key in the configuration says.
pub(super) async fn settle(
    mount: &Mount,
    before: ConfigSnapshot,
    key: &PendingKey,
    state: RotationState,
) -> Result<Settled, RotationError> {
    let now = now(mount);
    let configured = &before.config.access_key;
    let is_settling = key.created <= now && now < key.created.plus(SETTLING);
    if *configured == key.replaces {
        return put_in_place(mount, before, key, state, is_settling).await;
    }
    if state.pause_ends(now).is_some() {
        return Ok(Settled::Waiting);
    }
    let is_in_place = *configured == key.access_key;
    let mut state = state;
    if is_in_place && state.access_key != key.access_key {
        state = state.rotated(&before.config, now);
        write(mount, &state).await?;
    }
    let deleted = if is_in_place {
        delete_old(mount, before, key).await
    } else {
        delete_unwanted(mount, before, key, is_settling).await
    };
    match deleted {
        Ok(()) => clear(mount).await,
        Err(error) => Err(noted(mount, state.attempted(now), error).await),
    }
}

/// Puts the new key into the configuration once the Security Token Service takes it, or deletes it if it does not.
async fn put_in_place(
    mount: &Mount,
    before: ConfigSnapshot,
    key: &PendingKey,
    state: RotationState,
    is_settling: bool,
) -> Result<Settled, RotationError> {
    let Err(cause) = verify(mount, &before, key).await else {
        return commit(mount, key, state).await;
    };
    if is_settling {
        tracing::debug!(target: LOG, mount = mount.id(), access_key = %key.access_key, %cause, "the new access key is not known yet");
        return Ok(Settled::Waiting);
    }
    let now = now(mount);
    if state.pause_ends(now).is_some() {
        return Ok(Settled::Waiting);
    }
    let rotation = Rotation::of(mount).await?;
    let cause = Box::new(cause);
    if let Err(not_deleted) = gone(rotation.delete_key(&key.access_key, &key.user).await) {
        let error = RotationError::NewKeyLeft { key: key.access_key.clone(), cause: not_deleted };
        return Err(noted(mount, state.attempted(now), error).await);
    }
    clear(mount).await?;
    let error = RotationError::NotAccepted { key: key.access_key.clone(), cause };
    Err(noted(mount, RotationState { last_attempt: now, ..state }, error).await)
}

async fn verify(mount: &Mount, before: &ConfigSnapshot, key: &PendingKey) -> Result<(), RotationError> {
    let credentials = credentials(key).map_err(RotationError::Credentials)?;
    let region = ambient_region(mount.world()).await.map_err(RotationError::Region)?;
    let (endpoint, region) = own_sts(&before.config, &region).map_err(RotationError::Sts)?;
    let account = &AccountId::default();
    let caller = StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(&credentials) };
    let answer = caller.get_caller_identity(mount.clients().context(before, Deadline::start())).await;
    answer.map(drop).map_err(|cause| RotationError::Call { action: "GetCallerIdentity", cause })
}

/// Changes the configuration unless other credentials were written to it meanwhile: then the next step finds them.
async fn commit(mount: &Mount, key: &PendingKey, state: RotationState) -> Result<Settled, RotationError> {
    let rotation = Rotation::of(mount).await?;
    if rotation.before().access_key != key.replaces {
        return Ok(Settled::Waiting);
    }
    let new = AccessKey { id: key.access_key.clone(), secret: key.secret_key.clone() };
    match rotation.put_in_place(&new).await {
        Ok(()) => {}
        Err(SaveError::Changed) => return Ok(Settled::Waiting),
        Err(SaveError::Store(error)) => {
            return Err(noted(mount, state.attempted(now(mount)), error.into()).await);
        }
    }
    rotation.keep_account(&new).await;
    tracing::info!(
        target: LOG,
        mount = mount.id(),
        access_key = %key.access_key,
        replaced = %key.replaces,
        "the access key was rotated"
    );
    let config = mount.store().config_snapshot().await?.config;
    write(mount, &state.rotated(&config, now(mount))).await?;
    Ok(Settled::Rotated)
}

async fn delete_old(mount: &Mount, before: ConfigSnapshot, key: &PendingKey) -> Result<(), RotationError> {
    let rotation = Rotation::signed_by(mount, before, credentials(key)).await?;
    gone(rotation.delete_key(&key.replaces, &key.user).await)
        .map_err(|cause| RotationError::OldKeyLeft { key: key.replaces.clone(), cause })?;
    tracing::info!(target: LOG, mount = mount.id(), access_key = %key.replaces, "the old access key was deleted");
    Ok(())
}

/// Deletes the new key because other credentials were configured meanwhile. Nobody has another key of its user for
/// certain, so it deletes itself.
async fn delete_unwanted(
    mount: &Mount,
    before: ConfigSnapshot,
    key: &PendingKey,
    is_settling: bool,
) -> Result<(), RotationError> {
    let rotation = Rotation::signed_by(mount, before, credentials(key)).await?;
    let deleted = match rotation.delete_key(&key.access_key, &key.user).await {
        // A key that is not known any more; while it settles it may be one that is not known yet.
        Err(CallError::Service(error)) if error.code == "InvalidClientTokenId" && !is_settling => Ok(()),
        deleted => gone(deleted),
    };
    deleted.map_err(|cause| RotationError::NewKeyLeft { key: key.access_key.clone(), cause })?;
    tracing::warn!(
        target: LOG,
        mount = mount.id(),
        access_key = %key.access_key,
        "other credentials were configured during a rotation: the new access key was deleted again"
    );
    Ok(())
}

fn credentials(key: &PendingKey) -> Result<Credentials, UnsendableCredentials> {
    let secret = key.secret_key.as_str();
    let credentials = Credentials::new(&key.access_key, secret, None, None, "rotation");
    CredentialsSource::Answer("CreateAccessKey").checked(credentials)
}

/// A key that is not there has been deleted, by an earlier step that did not get further.
fn gone(deleted: Result<(), CallError>) -> Result<(), CallError> {
    match deleted {
        Err(CallError::Service(error)) if error.code == "NoSuchEntity" => Ok(()),
        deleted => deleted,
    }
}

async fn clear(mount: &Mount) -> Result<Settled, RotationError> {
    mount.store().delete(PendingKey::KEY).await.map_err(|error| RotationError::Store(error.into()))?;
    Ok(Settled::Cleared)
}

async fn write(mount: &Mount, state: &RotationState) -> Result<(), RotationError> {
    let written = mount.store().update(RotationState::KEY, async |_: Option<RotationState>| {
        Ok::<_, RotationError>((Some(state.clone()), ()))
    });
    written.await
}

/// Notes why an attempt failed. The error that is told is the one that it failed with, whether it could be noted or
/// not.
async fn noted(mount: &Mount, state: RotationState, error: RotationError) -> RotationError {
    let state = state.with_error(&error.to_string(), error.code().as_str());
    if let Err(unnoted) = write(mount, &state).await {
        tracing::debug!(target: LOG, mount = mount.id(), error = %unnoted, "the state of the rotation was not stored");
    }
    error
}

pub(super) async fn state(mount: &Mount) -> Result<RotationState, RotationError> {
    Ok(mount.store().read::<RotationState>(RotationState::KEY).await?.unwrap_or_default())
}

pub(super) fn now(mount: &Mount) -> StoredTime {
    mount.world().clock.now().into()
}
