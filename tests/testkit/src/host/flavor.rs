//! Which of the two servers a host looks like.

/// Which server the host looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// Sets `BAO_` and `VAULT_` variables, has OpenBao's calls and operations.
    OpenBao,
    /// Sets `VAULT_` variables, has Vault's calls.
    Vault,
}
