//! Rotation of the server's own access key.
//!
//! A new key is made with the old one, stored in its place, and the old one deleted. At every moment
//! the stored key is one that AWS knows: a key that could not be stored is deleted again, the old one
//! only after the new one is stored.
//!
//! Nothing is locked meanwhile. Of two rotations at the same time one finds that the user already has
//! two keys, or that another key than its own is stored, and gives its key back.

use crate::framework::{Failure, HandlerResult};
use crate::mount::Mount;
use crate::mount::own_rotation::{self, Turn};
use crate::mount::rotation::Rotation;
use crate::mount::rotation_error::RotationError;

/// Rotates the key and returns the id of the new one. The rotation is carried through even if the
/// request is given up: a key that was made must be stored or deleted.
///
/// # Errors
/// Refused while no key is configured; otherwise what the operator must know about what is left.
pub(crate) async fn rotate(mount: &Mount) -> Result<String, RotationError> {
    let mount = mount.this().ok_or(RotationError::MountGone)?;
    let work = tokio::spawn(async move {
        let _turn = match own_rotation::turn(&mount).await? {
            Turn::Rotated(key) => return Ok(key),
            Turn::Free(turn) => turn,
        };
        Rotation::of(&mount).await?.run().await
    });
    work.await.unwrap_or(Err(RotationError::Ended))
}

/// Rotates the key because the host's rotation manager says that it is time.
///
/// # Errors
/// Whatever kept the key from being rotated, in a form that the host does not take for success.
pub(crate) async fn on_schedule(mount: &Mount) -> HandlerResult {
    if !mount.is_writer().await? {
        return Err(Failure::read_only());
    }
    match rotate(mount).await {
        Ok(_) => Ok(None),
        Err(error) => Err(Failure::from(error).as_error()),
    }
}
