//! The roles of a mount, as a run looks at them.

use futures_util::StreamExt;
use futures_util::stream;

use super::side_by_side::SIDE_BY_SIDE;
use crate::entry::Role;
use crate::ports::StorageError;
use crate::store::{Store, StoreError};

/// Roles that are looked at in one run.
const MAX_ROLES: usize = 1000;

/// The roles of a mount. They are read past the cache, whose place belongs to logins.
pub(super) struct Roles {
    /// Those of the current version, by name.
    pub(super) known: Vec<(String, Role)>,
    /// Names of those of older versions; the mount brings them up to date by itself.
    pub(super) old: Vec<String>,
    /// Those that cannot be read.
    pub(super) unreadable: Vec<(String, StoreError)>,
    /// How many more there are.
    pub(super) left_out: usize,
    /// Why nothing is known of any.
    pub(super) not_listed: Option<StorageError>,
}

impl Roles {
    pub(super) async fn read(store: &Store) -> Self {
        let mut roles = Self {
            known: Vec::new(),
            old: Vec::new(),
            unreadable: Vec::new(),
            left_out: 0,
            not_listed: None,
        };
        let mut names = match store.list(Role::PREFIX).await {
            Ok(names) => names,
            Err(error) => {
                roles.not_listed = Some(error);
                return roles;
            }
        };
        names.sort();
        roles.left_out = names.len().saturating_sub(MAX_ROLES);
        names.truncate(MAX_ROLES);
        let read = async |name: String| {
            let role = store.read::<Role>(&Role::key(&name)).await;
            (name, role)
        };
        let mut read = stream::iter(names).map(read).buffered(SIDE_BY_SIDE);
        while let Some((name, role)) = read.next().await {
            match role {
                Ok(Some(role)) if role.version < Role::VERSION => roles.old.push(name),
                Ok(Some(role)) => roles.known.push((name, role)),
                Ok(None) => {}
                Err(error) => roles.unreadable.push((name, error)),
            }
        }
        drop(read);
        roles
    }
}
