//! The groups of figures.

mod boot_storm;
mod calls;
mod cpu;
mod dead_account;
mod latency;
mod memory;
mod per_mount;
mod scaling;
mod start;

use std::path::Path;

use clap::ValueEnum;

use crate::Bench;
use crate::figure::Figure;
use crate::options::Options;

/// A group of figures that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Processor time of a login.
    Cpu,
    /// Memory, idle and after many logins.
    Memory,
    /// From exec to handshake line, and the size of the binary.
    Start,
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
    /// Costs against the number of clients and roles, for the pictures.
    Curves,
}

impl Group {
    /// Its name as an option.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().expect("no group is hidden").get_name().to_owned()
    }

    /// Its figures.
    #[must_use]
    pub fn figures(self) -> &'static [Figure] {
        match self {
            Self::Cpu => cpu::FIGURES,
            Self::Memory => memory::FIGURES,
            Self::Start => start::FIGURES,
            Self::Calls => calls::FIGURES,
            Self::Latency => latency::FIGURES,
            Self::PerMount => per_mount::FIGURES,
            Self::Scaling => scaling::FIGURES,
            Self::BootStorm => boot_storm::FIGURES,
            Self::DeadAccount => dead_account::FIGURES,
            Self::Curves => &[],
        }
    }

    /// How many rounds it has.
    #[must_use]
    pub fn rounds(self, options: &Options) -> usize {
        match self {
            Self::Cpu | Self::Latency | Self::Scaling => options.rounds,
            Self::Memory | Self::Start | Self::PerMount => options.few_rounds(),
            Self::Calls | Self::BootStorm | Self::DeadAccount => 1,
            Self::Curves => 0,
        }
    }

    /// One round: a value for each figure, in their order.
    pub async fn measure(self, bench: &Bench, binary: &Path) -> Vec<f64> {
        match self {
            Self::Cpu => cpu::measure(bench, binary).await,
            Self::Memory => memory::measure(bench, binary).await,
            Self::Start => start::measure(bench, binary).await,
            Self::Calls => calls::measure(bench, binary).await,
            Self::Latency => latency::measure(bench, binary).await,
            Self::PerMount => per_mount::measure(bench, binary).await,
            Self::Scaling => scaling::measure(bench, binary).await,
            Self::BootStorm => boot_storm::measure(bench, binary).await,
            Self::DeadAccount => dead_account::measure(bench, binary).await,
            Self::Curves => Vec::new(),
        }
    }
}
