//! The groups of figures.

mod calls;
mod cpu;
mod latency;
mod memory;
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
        }
    }

    /// How many rounds it has.
    #[must_use]
    pub fn rounds(self, options: &Options) -> usize {
        match self {
            Self::Cpu | Self::Latency => options.rounds,
            Self::Memory | Self::Start => options.few_rounds(),
            Self::Calls => 1,
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
        }
    }
}
