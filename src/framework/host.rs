//! The server the plugin runs under, and all that the method does differently under the one and the
//! other.

use crate::go::Overflow;

/// Which server the plugin runs under. What depends on it is asked here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFlavor {
    /// HashiCorp Vault.
    Vault,
    /// OpenBao.
    OpenBao,
}

impl HostFlavor {
    /// Its name.
    #[must_use]
    pub const fn product(self) -> &'static str {
        match self {
            Self::Vault => "Vault",
            Self::OpenBao => "OpenBao",
        }
    }

    /// The title of its OpenAPI documents.
    #[must_use]
    pub const fn api_title(self) -> &'static str {
        match self {
            Self::Vault => "HashiCorp Vault API",
            Self::OpenBao => "OpenBao API",
        }
    }

    /// Its command line.
    #[must_use]
    pub const fn command_line(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::OpenBao => "bao",
        }
    }

    /// Whether roles have the field `token_strictly_bind_ip`.
    #[must_use]
    pub const fn has_strictly_bind_ip(self) -> bool {
        matches!(self, Self::OpenBao)
    }

    /// Whether paths that can be listed end in `/` in OpenAPI documents.
    #[must_use]
    pub const fn list_paths_end_in_slash(self) -> bool {
        matches!(self, Self::Vault)
    }

    /// What becomes of a number of seconds or days that is too long for a duration.
    #[must_use]
    pub const fn overflow(self) -> Overflow {
        match self {
            Self::Vault => Overflow::Wraps,
            Self::OpenBao => Overflow::Refused,
        }
    }

    /// Whether logins at a standby all end up at the node that can write, so that the standby need not ask AWS.
    /// Performance standbys of Vault admit batch tokens by themselves.
    #[must_use]
    pub const fn forwards_logins_of_standbys(self) -> bool {
        matches!(self, Self::OpenBao)
    }

    /// Whether the refusal of a login without the body of its signed request says for which method one is needed.
    #[must_use]
    pub const fn explains_missing_body(self) -> bool {
        matches!(self, Self::Vault)
    }

    /// Said where it issues no identity tokens to plugins.
    #[must_use]
    pub const fn no_identity_tokens(self) -> &'static str {
        match self {
            Self::Vault => "plugin workload identity not supported in Vault community edition",
            Self::OpenBao => "plugin workload identity is not supported by OpenBao",
        }
    }

    /// Said where it has no rotation manager.
    #[must_use]
    pub const fn no_rotation_manager(self) -> &'static str {
        match self {
            Self::Vault => "rotation manager capabilities not supported in Vault community edition",
            Self::OpenBao => "rotation manager capabilities not supported by OpenBao",
        }
    }
}
