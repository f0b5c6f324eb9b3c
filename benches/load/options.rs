//! What is measured, and how much of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::group::Group;
use testkit::host::Launch;
use testkit::server::{Flavor, Installation, ServerBinary};

/// Measures the plugin under load: time, memory and calls of its logins.
#[derive(Clone, Debug, Parser)]
#[command(override_usage = "cargo bench --bench load -- [OPTIONS]", version, max_term_width = 100)]
pub struct Options {
    /// The plugin binary to measure.
    #[arg(long, value_name = "PATH", default_value = testkit::binary!())]
    pub plugin: PathBuf,
    /// A second plugin binary, measured in turn with the first; the ratios are those of pairs.
    #[arg(long, value_name = "PATH")]
    pub other: Option<PathBuf>,
    /// The host as which the second one is driven.
    #[arg(long, value_name = "HOST", value_enum, default_value = "openbao")]
    pub other_host: HostName,
    /// A Vault, for the group `real-host`; by default that of the variable VAULT_BIN.
    #[arg(long, value_name = "PATH")]
    pub vault: Option<PathBuf>,
    /// Only these attacks of the group `abuse`, by the names they have in the JSON file.
    #[arg(long, value_name = "ATTACK", value_delimiter = ',')]
    pub attacks: Vec<String>,
    /// Time STS takes for an answer, in milliseconds. A data centre sees about 20 to 200; without
    /// any, all that is measured is work.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub delay: u64,
    /// Mounts of the process, for what depends on them.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub mounts: usize,
    /// Roles of the mount, for what depends on them.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub roles: usize,
    /// Clients that log in at the same time, for CPU and memory.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub clients: usize,
    /// Rounds of which the median is taken. What takes long has fewer.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub rounds: usize,
    /// Logins of a round.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub logins: usize,
    /// Small numbers, to see that it works: no figure of it means anything.
    #[arg(long)]
    pub quick: bool,
    /// Only these groups of figures.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub only: Vec<Group>,
    /// Where the figures go, with all rounds and the machine.
    #[arg(long, value_name = "PATH", default_value = "target/load/figures.json")]
    pub json: PathBuf,
    /// Folder of the pictures.
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    pub plot: PathBuf,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A host that the test host can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostName {
    /// OpenBao.
    #[value(name = "openbao")]
    OpenBao,
    /// Vault.
    Vault,
}

/// Logins after which memory is compared.
const LOGINS_OF_MEMORY: usize = 10_000;
/// Starts of which the handshake is timed.
const STARTS: usize = 25;

impl Options {
    /// With the numbers of a quick run, if one is asked for.
    #[must_use]
    pub fn resolved(mut self) -> Self {
        self.vault = self.vault.or_else(|| std::env::var_os("VAULT_BIN").map(PathBuf::from));
        if !self.quick {
            return self;
        }
        Self {
            mounts: self.mounts.min(10),
            roles: self.roles.min(1_000),
            rounds: self.rounds.min(1),
            logins: self.logins.min(100),
            ..self
        }
    }

    /// The groups of figures, in their order.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        let wanted =
            |group: &Group| (self.only.is_empty() || self.only.contains(group)) && self.is_possible(*group);
        Group::value_variants().iter().copied().filter(wanted).collect()
    }

    /// Whether a group can be measured on this machine. If not, why is said beside the results.
    fn is_possible(&self, group: Group) -> bool {
        match group {
            Group::RealHost if self.vault.is_none() => {
                crate::progress("skipped: real-host: no Vault in --vault or $VAULT_BIN");
                false
            }
            Group::SingleUse => self.openbao().is_some(),
            _ => true,
        }
    }

    /// An OpenBao of this machine. If there is none, that is said beside the results.
    #[must_use]
    pub fn openbao(&self) -> Option<ServerBinary> {
        Installation::of_this_checkout().server("single-use", Flavor::OpenBao)
    }

    /// Whether an attack is to be measured.
    #[must_use]
    pub fn wants_attack(&self, id: &str) -> bool {
        self.attacks.is_empty() || self.attacks.iter().any(|wanted| wanted == id)
    }

    /// How a binary is started.
    #[must_use]
    pub fn launch(&self, binary: &Path) -> Launch {
        let is_other = self.other.as_deref() == Some(binary);
        if is_other && self.other_host == HostName::Vault {
            Launch::vault(binary)
        } else {
            Launch::open_bao(binary)
        }
    }

    /// Time STS takes for an answer.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }

    /// Logins before memory is read.
    #[must_use]
    pub fn logins_of_memory(&self) -> usize {
        if self.quick { 500 } else { LOGINS_OF_MEMORY }
    }

    /// Starts of the process in a round.
    #[must_use]
    pub fn starts(&self) -> usize {
        if self.quick { 3 } else { STARTS }
    }

    /// Rounds of what takes long.
    #[must_use]
    pub fn few_rounds(&self) -> usize {
        self.rounds.min(3)
    }
}
