//! Strict mode: where it holds, and what it demands of the name of a role.

use thiserror::Error;

use super::Mount;
use crate::entry::Role;
use crate::framework::Failure;
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// A role is not named in lower case.
///
/// Hosts whose policies tell spellings apart would let one on `role/prod` not hold for `role/PROD`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("role name {} is not in lower case, as strict mode demands", quote(.0))]
pub struct RoleSpelling(String);

impl RoleSpelling {
    /// The fault of a name, if it has one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        (name != name.to_lowercase()).then(|| Self(name.to_owned()))
    }
}

impl Coded for RoleSpelling {
    fn code(&self) -> Code {
        Code::RoleSpelling
    }
}

impl Mount {
    /// Whether strict mode is known to hold for the mount. For texts and logs; what decides about a request goes by
    /// the configuration that it read.
    pub(crate) async fn is_strict(&self) -> bool {
        self.store().config_snapshot().await.is_ok_and(|snapshot| snapshot.config.iam_strict_request)
    }

    /// Whether strict mode is known to hold for a role, whatever holds for the mount. Reads nothing.
    pub(crate) fn is_strict_role(&self, name: &str) -> bool {
        !name.is_empty()
            && self.store().cached_role(&Role::key(name)).is_some_and(|role| role.iam_strict_request)
    }

    /// Refuses a path of a role that is not spelled in lower case, where strict mode holds for the mount or the role.
    pub(crate) async fn check_role_path(&self, name: &str) -> Result<(), Failure> {
        let Some(spelling) = RoleSpelling::of(name) else { return Ok(()) };
        let is_strict = self.store().config_snapshot().await?.config.iam_strict_request
            || self.store().read::<Role>(&Role::key(name)).await.is_ok_and(strict);
        if is_strict { Err(Failure::refused(&spelling).in_strict_mode(true)) } else { Ok(()) }
    }
}

fn strict(role: Option<Role>) -> bool {
    role.is_some_and(|role| role.iam_strict_request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_is_no_fault() {
        assert_eq!(RoleSpelling::of("prod-1.x"), None);
        let text = RoleSpelling::of("PROD").map(|error| error.to_string());
        assert_eq!(text.as_deref(), Some("role name \"PROD\" is not in lower case, as strict mode demands"));
    }
}
