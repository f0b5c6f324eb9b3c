//! What this machine has: server binaries and the Python tools of `tests/run.sh`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set by `tests/run.sh`, which installs everything but Vault: a missing tool is then a failure.
const NEED_SERVERS: &str = "TESTS_NEED_SERVERS";

/// Which server a binary is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// OpenBao.
    OpenBao,
    /// HashiCorp Vault.
    Vault,
}

impl Flavor {
    /// Name of the command.
    pub fn command(self) -> &'static str {
        match self {
            Self::OpenBao => "bao",
            Self::Vault => "vault",
        }
    }

    /// Environment variable that names the binary.
    fn variable(self) -> &'static str {
        match self {
            Self::OpenBao => "BAO_BIN",
            Self::Vault => "VAULT_BIN",
        }
    }

    /// How the output of `version` starts.
    fn banner(self) -> &'static str {
        match self {
            Self::OpenBao => "OpenBao v",
            Self::Vault => "Vault v",
        }
    }
}

/// A server binary that runs on this machine.
#[derive(Clone, Debug)]
pub struct ServerBinary {
    /// Which server it is.
    pub flavor: Flavor,
    /// The file.
    pub path: PathBuf,
}

/// Where the tools of the tests are.
pub struct Installation {
    venv: PathBuf,
}

impl Installation {
    /// The one of this checkout.
    pub fn of_this_checkout() -> Self {
        Self { venv: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv") }
    }

    /// The server of this flavor, or a skipped test.
    pub fn server(&self, test: &str, flavor: Flavor) -> Option<ServerBinary> {
        match self.find_server(flavor) {
            Ok(path) => Some(ServerBinary { flavor, path }),
            Err(reason) => {
                // No package of Vault can be installed by tests/run.sh: it is tested where it is.
                skip(test, &reason, flavor == Flavor::OpenBao);
                None
            }
        }
    }

    /// A program of the virtual environment, or a skipped test.
    pub fn python_tool(&self, test: &str, name: &str) -> Option<PathBuf> {
        let path = self.venv.join("bin").join(name);
        if path.is_file() {
            return Some(path);
        }
        skip(test, &format!("no {name}: tests/run.sh installs it under target/venv"), true);
        None
    }

    /// A client of `tests/clients/install.sh`: the program that logs in with it, or a skipped test.
    pub fn client(&self, test: &str, name: &str) -> Option<PathBuf> {
        let path = self.venv.with_file_name("clients").join(name).join("login");
        if path.is_file() {
            return Some(path);
        }
        skip(test, &format!("no client {name}: tests/clients/install.sh {name} installs it"), false);
        None
    }

    /// A program of the system, or a skipped test.
    pub fn command(&self, test: &str, name: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
        if found.is_none() {
            skip(test, &format!("no {name} in PATH"), false);
        }
        found
    }

    fn find_server(&self, flavor: Flavor) -> Result<PathBuf, String> {
        let command = flavor.command();
        let candidates = match std::env::var_os(flavor.variable()) {
            Some(named) => vec![PathBuf::from(named)],
            None => std::iter::once(self.venv.join("bin").join(command))
                .chain(
                    std::env::var_os("PATH")
                        .iter()
                        .flat_map(std::env::split_paths)
                        .map(|folder| folder.join(command)),
                )
                .collect(),
        };
        candidates
            .into_iter()
            .find(|path| path.is_file() && runs_as(path, flavor))
            .ok_or_else(|| format!("no {command} in ${}, target/venv or PATH that runs", flavor.variable()))
    }
}

/// Whether a file is a binary of this server and can run here.
fn runs_as(path: &Path, flavor: Flavor) -> bool {
    Command::new(path)
        .arg("version")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout.starts_with(flavor.banner().as_bytes()))
}

/// Says that a test did not run. Written past the test harness, which hides what a passing test prints.
fn skip(test: &str, reason: &str, installable: bool) {
    // As the test harness names it, without the crate.
    let test = test.trim_start_matches("integration::");
    assert!(!installable || std::env::var_os(NEED_SERVERS).is_none(), "{test}: {reason}");
    let line = format!("skipped: {test}: {reason}\n");
    std::io::stderr().lock().write_all(line.as_bytes()).unwrap();
}
