//! How long a token may live.

use crate::entry::Role;
use crate::framework::Failure;
use crate::go::GoDuration;
use crate::mount::Mount;

/// The bounds of mount, role and role tag on the life of a token.
pub(super) struct MaxTtls {
    /// How long a token may live.
    pub(super) shortest: GoDuration,
    /// How long the login is remembered.
    pub(super) longest: GoDuration,
}

impl MaxTtls {
    /// The bounds; those of role and tag count where they are set.
    pub(super) async fn of(mount: &Mount, role: &Role, tag: GoDuration) -> Result<Self, Failure> {
        let mount_max = mount.max_lease_ttl().await?;
        let (mut shortest, mut longest) = (mount_max, mount_max);
        for ttl in [role.token.token_max_ttl, tag] {
            if ttl.is_positive() {
                shortest = shortest.min(ttl);
            }
            longest = longest.max(ttl);
        }
        Ok(Self { shortest, longest })
    }
}
