//! The environment variables of the commands. Nothing else of them reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;

/// Looks variables up.
#[derive(Clone, Copy)]
pub(crate) struct Environment {
    lookup: fn(&str) -> Option<OsString>,
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the commands read the environment"
        )]
        let lookup = |name: &str| std::env::var_os(name);
        Self { lookup }
    }

    /// One that answers from a function.
    #[cfg(test)]
    pub(crate) fn of(lookup: fn(&str) -> Option<OsString>) -> Self {
        Self { lookup }
    }

    /// A variable that is set and not empty.
    pub(crate) fn text(self, name: &str) -> Option<String> {
        self.path(name).and_then(|value| value.into_os_string().into_string().ok())
    }

    /// A path that is set and not empty.
    pub(crate) fn path(self, name: &str) -> Option<PathBuf> {
        (self.lookup)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// A setting of the hosts' own tools, `BAO_<name>` or `VAULT_<name>`; the former wins, as in
    /// OpenBao's.
    pub(crate) fn host_setting(self, name: &str) -> Option<String> {
        self.text(&format!("BAO_{name}")).or_else(|| self.text(&format!("VAULT_{name}")))
    }

    /// The home folder.
    pub(crate) fn home(self) -> Option<PathBuf> {
        self.path("HOME")
    }
}
