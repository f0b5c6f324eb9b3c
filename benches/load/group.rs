//! The groups of figures, by name.

use clap::ValueEnum;

/// A group of figures that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Processor time of a login.
    Cpu,
    /// Memory, idle and after many logins.
    Memory,
    /// From exec to handshake line, and the size of the binary.
    Start,
    /// A login by hand, with the client that the binary also is.
    ByHand,
    /// Calls to STS and to storage for a login.
    Calls,
    /// What the plugin adds to the answer of STS.
    Latency,
    /// Memory of a further mount.
    PerMount,
    /// Costs with many roles and mounts.
    Scaling,
    /// A thousand instances that start at once.
    BootStorm,
    /// One of ten accounts cannot be reached.
    DeadAccount,
    /// Many roles, accounts and principals through one process.
    Scale,
    /// Five thousand instances of twenty accounts that start at once.
    Fleet,
    /// Logins through a real Vault, beside its built-in method.
    RealHost,
    /// Single use through a real OpenBao, on one node and on three.
    SingleUse,
    /// Honest logins while strangers attack.
    Abuse,
    /// Costs against the number of clients and roles, for the pictures.
    Curves,
}

impl Group {
    /// Its name as an option.
    #[must_use]
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no group is hidden").get_name().to_owned()
    }
}
